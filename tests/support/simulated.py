"""`snapsim serve` for tests: started in a private folder, called as the real daemon beside it is (`daemon.Daemon`).

with simulated("--driver", "vfs") as docker:
    docker("info")
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from daemon import SECONDS, Daemon
from places import ROOT

PATIENCE = 30


class Done(NamedTuple):
    """What a command left: exit status, output, errors."""

    status: int
    out: str
    err: str


class Simulated(Daemon):
    """A simulated daemon; `process` is that of `snapsim serve`."""


@contextlib.contextmanager
def simulated(*options: str, root: Path | None = None) -> Iterator[Simulated]:
    """A simulated daemon that was started with these options; ended, and its folder removed, at the end."""
    with contextlib.ExitStack() as stack:
        if root is None:
            root = Path(tempfile.mkdtemp(prefix="snapsim-serve-"))
            stack.callback(shutil.rmtree, root)
        log = stack.enter_context((root / "log").open("ab"))
        command = [sys.executable, "-m", "snapsim", "serve", "--socket", f"{root}/d.sock", *options]
        clean = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, env=clean, cwd=ROOT
        )
        stack.callback(_stop, process)
        line = process.stdout.readline() if process.stdout else b""
        if not line.startswith((b"export DOCKER_HOST", b"#")):
            raise RuntimeError("snapsim serve does not answer: " + (root / "log").read_text(errors="replace")[-2000:])
        yield Simulated(root, process, "")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def call(docker: Daemon, *words: str, stdin: bytes = b"") -> Done:
    """A command of the docker client against a daemon, whatever comes of it."""
    clean = {**os.environ, "DOCKER_CONFIG": str(docker.root / "config"), "DOCKER_BUILDKIT": "0"}
    command = ["docker", "-H", docker.url, *words]
    try:
        found = subprocess.run(command, input=stdin, capture_output=True, env=clean, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Done(-1, "", f"no end after {PATIENCE} seconds")
    return Done(found.returncode, found.stdout.decode(errors="replace"), found.stderr.decode(errors="replace"))


_ID = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b")
_TIMES = (
    (re.compile(r"(About an? |Less than a |\d+ )(second|minute|hour)s?( ago)?"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( \+0000 UTC|Z)?"), "STAMP"),
    (re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d\b"), "STAMP"),
)


class Names:
    """Ids become names in the order in which they are seen, so that two daemons' outputs can be compared.

    >>> names = Names()
    >>> names.plain("0123456789ab is 0123456789ab, made 3 seconds ago")
    'id1 is id1, made TIME'
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def plain(self, text: str) -> str:
        """The text without ids, times and the width of columns that follows from them."""
        text = re.sub(r"container [0-9a-f]{12} is using", "container ID is using", text)  # Docker names any of several
        text = _ID.sub(lambda found: self._known.setdefault(found[0][:12], f"id{len(self._known) + 1}"), text)
        for pattern, name in _TIMES:
            text = pattern.sub(name, text)
        return re.sub(r"[ \t]+", " ", text)

    def of(self, done: Done) -> Done:
        """An outcome without them."""
        return Done(done.status, self.plain(done.out), self.plain(done.err))


def eventually(so, seconds: float = 10.0) -> bool:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not so():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
