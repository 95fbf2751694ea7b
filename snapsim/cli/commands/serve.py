"""``snapsim serve``: a simulated Docker daemon, for the docker command and every other client of the Engine API."""

import argparse

from snapsim.show.terminal import write

TEXT = "a simulated Docker daemon, for the docker command and every other client of the Engine API"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    where = command.add_mutually_exclusive_group()
    where.add_argument("--driver", default="", metavar="D", help="a storage driver (overlay2), or all")
    where.add_argument("--stack", default="", metavar="S", help="a stack")
    command.add_argument(
        "--images",
        default="course",
        metavar="PATH",
        help="what can be pulled: course (default), an archive of images, or a folder of archives",
    )
    command.add_argument(
        "--release", default="20.10", metavar="R", help="whose rules: 20.10 (default), 26.1, 28.5, 29.7"
    )
    command.add_argument("--socket", default="", metavar="PATH", help="the unix socket")
    command.add_argument("--tcp", default="", metavar="HOST:PORT", help="listen there as well: loopback, or with TLS")
    command.add_argument("--tlsverify", action="store_true", help="TCP is TLS, and clients show a certificate")
    for name in ("tlscacert", "tlscert", "tlskey"):
        command.add_argument(f"--{name}", default="", metavar="FILE", help="as dockerd takes it")
    command.add_argument("--storage-opt", action="append", default=[], metavar="KEY=VALUE", help="as dockerd takes it")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    import sys

    from snapsim.base.errors import InvalidInput
    from snapsim.docker.daemon_config import known
    from snapsim.lab.stacks import FIRST

    try:
        from snapsim.serve.catalog import open_catalog
        from snapsim.serve.client import default_socket
        from snapsim.serve.daemon import Daemon
        from snapsim.serve.releases import release
        from snapsim.serve.server import serve
        from snapsim.serve.tls import Certificates, address
    except ModuleNotFoundError as error:
        if error.name not in ("aiohttp", "prometheus_client"):
            raise
        raise InvalidInput(f"{error.name} is not installed: pip install 'snapsim[serve]'") from None

    config = {"storage-driver": options.driver or "overlay2"} if not options.stack else {}
    if options.storage_opt:
        config["storage-opts"] = options.storage_opt
    chosen, catalog = release(options.release), open_catalog(options.images)
    if options.driver == "all":
        names = sorted((name for name in FIRST if known(name, chosen.numbers)), key=lambda name: name != "overlay2")
        daemons = [Daemon({"storage-driver": name}, "", chosen, catalog) for name in names]
    else:
        daemons = [Daemon(config, options.stack, chosen, catalog)]
    path = options.socket or default_socket()

    def ready() -> None:
        if len(daemons) > 1:
            write(f"# {', '.join(daemon.engine.driver.name for daemon in daemons)}: the first one answers")
        write(f"export DOCKER_HOST=unix://{path}")
        sys.stdout.flush()

    certificates = Certificates(options.tlscacert, options.tlscert, options.tlskey) if options.tlsverify else None
    serve(daemons, path, ready, address(options.tcp) if options.tcp else None, certificates)
