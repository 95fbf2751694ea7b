"""Where a command has a real host from: a file, a shipped capture, standard input, or the daemon itself.

Two options that exclude one another; the errors of both say what else would do.

What it leaves out: hosts that are simulated.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snapsim.hosts.host import Host


def host_options(command: argparse.ArgumentParser) -> None:
    """The options ``--host FILE`` and ``--docker [URL]``; without a URL, the environment's daemon."""
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--host",
        metavar="FILE",
        help="a real host: a capture, the name of a shipped one, or what docker info and docker system df print",
    )
    source.add_argument(
        "--docker",
        nargs="?",
        const="",
        metavar="URL",
        help="ask a live daemon: unix:///..., tcp://...; DOCKER_HOST's when left out",
    )


def chosen_host(options: argparse.Namespace) -> "Host | None":
    """The host that the options name, or None.

    Raises
    ------
    InvalidInput
        It cannot be read, or no daemon answers.

    Examples
    --------
    >>> chosen_host(argparse.Namespace(host="zfs", docker=None)).driver
    'zfs'
    """
    from snapsim.hosts.capture import live_host
    from snapsim.hosts.reading import load_host

    if options.docker is not None:
        return live_host(options.docker or None)
    return load_host(options.host, "--host") if options.host else None
