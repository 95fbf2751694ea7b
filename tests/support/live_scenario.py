"""A scenario in a real daemon: what `snapsim.docker.scenario_player` does on the engine, done with the `docker`
command.

Operations become a script for busybox, whose bytes are in the base image of every scenario (as in the shipped one).
An image is what `tar -c . | docker import -` and the classic builder make; a container is a `docker run` of the script.

LEAVES OUT: rename(2) without a copy behind it, and fsync (no command of busybox does these); `open` but for O_TRUNC.
"""

import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from snapsim.docker.build import instruction

BUSYBOX = Path("/bin/busybox")
"""A static one, from Debian's busybox-static."""
DONE = "done"
_RECENT = 1000
"""Seconds: an archive is older, so that nobody writes within the second that it tells of its files."""


def missing():
    """Why no scenario can be played."""
    static = BUSYBOX.exists() and b"/ld-linux" not in BUSYBOX.read_bytes()[:4096]  # no program that loads libraries
    return [] if static else [f"no static {BUSYBOX}: apt-get install busybox-static"]


def play(scenario, docker):
    """All images, then all containers, each to the end of what it does."""
    for image in scenario.images:
        layers = list(image.layers)
        if not image.base:
            docker("import", "-", image.tag, stdin=imported(layers.pop(0).ops))
        if layers:
            _build(docker, image.tag, image.base or image.tag, layers)
        elif image.base:
            docker("tag", image.base, image.tag)
    for container in scenario.containers:
        _run(docker, container)


def _run(docker, container):
    detached, running = [], container.state in ("running", "paused")
    command = ["/bin/sh", "-c", script(container.ops) + (f"echo {DONE}; sleep 1000\n" if running else "")]
    if running:
        detached = ["--detach"]
    verb = ["create"] if container.state == "created" else ["run", *detached]
    volumes = [f"--volume={name}:/volumes/{name}" for name in container.volumes]
    docker(*verb, "--network=none", "--pull=never", f"--name={container.name}", *volumes, container.image, *command)
    while running and DONE not in docker("logs", container.name):
        time.sleep(0.05)
    if container.state == "paused":
        docker("pause", container.name)


def _build(docker, tag, base, layers):
    with tempfile.TemporaryDirectory(prefix="snapsim-") as name:
        context = Path(name)
        lines = [_line(context, number, layer) for number, layer in enumerate(layers)]
        (context / "Dockerfile").write_text("\n".join([f"FROM {base}", *lines]) + "\n")
        docker("build", "--network=none", "--no-cache", "--tag", tag, name)


def _line(context, number, layer):
    """The line of the Dockerfile; what a COPY copies is put into the context."""
    if instruction(layer.created_by) != "COPY":
        return f"RUN {json.dumps(['/bin/sh', '-c', script(layer.ops)])}" if layer.ops else layer.created_by
    folder = context / str(number)
    folder.mkdir()
    _work(folder, layer.ops)
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    if len(files) == 1:
        return f"COPY {files[0].relative_to(context)} /{files[0].relative_to(folder)}"
    return f"COPY {number} /"


def imported(ops):
    """The archive of what the operations make in an empty folder, with the real busybox where they make one."""
    with tempfile.TemporaryDirectory(prefix="snapsim-") as name:
        folder = Path(name)
        _work(folder, ops)
        if (folder / "bin/busybox").exists():
            shutil.copy(BUSYBOX, folder / "bin/busybox")
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
            archive.add(folder, ".", filter=_old)
    return raw.getvalue()


def _old(member):
    member.mtime = int(member.mtime) - (_RECENT if member.mtime > time.time() - _RECENT else 0)
    return member


def _work(folder, ops):
    subprocess.run([BUSYBOX, "sh", "-c", script(ops, str(folder))], check=True, env={"PATH": "/none"}, umask=0o022)


# ----------------------------------------------------------------- operations as commands


def script(ops, root="/"):
    """Commands of busybox, the first that fails ends them."""
    return "\n".join(["set -e", f"cd {shlex.quote(root)}", *(line for op in ops for line in _COMMANDS[op.op](op)), ""])


def _create(op):
    for spec in op.files:
        for path, size, data in spec.expand():
            full = os.path.join(op.path, path)
            if os.path.dirname(full):
                yield f"mkdir -p {shlex.quote(os.path.dirname(full))}"
            yield f"head -c {data} /dev/zero > {shlex.quote(full)}"
            if size > data:
                yield f"truncate -s {size} {shlex.quote(full)}"


def _write(op):
    for offset in op.offsets:
        yield (
            f"head -c {op.length} /dev/zero | tr '\\0' X | "
            f"dd of={shlex.quote(op.path)} bs=65536 oflag=seek_bytes seek={offset} conv=notrunc 2>/dev/null"
        )


def _one(command):
    return lambda op: [command.format(shlex.quote(op.path), op=op, to=shlex.quote(op.destination))]


_COMMANDS = {
    "create": _create,
    "write": _write,
    "append": _one("head -c {op.length} /dev/zero >> {0}"),
    "read": _one("cat {0} > /dev/null"),
    "unlink": lambda op: [f"rm {shlex.quote(path)}" for path in op.paths],
    "remove": _one("rm -r {0}"),
    "mv": _one("mv {0} {to}"),
    "link": _one("ln {0} {to}"),
    "symlink": lambda op: [f"ln -s {shlex.quote(op.target)} {shlex.quote(op.path)}"],
    "chmod": _one("chmod {op.mode:o} {0}"),
    "truncate": _one("truncate -s {op.size} {0}"),
    "utime": _one("touch -d @{op.seconds} {0}"),
    "mkdir": _one("mkdir {0}"),
    "rmdir": _one("rmdir {0}"),
    "sync": _one("sync"),
}
