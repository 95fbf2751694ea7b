"""A real Docker daemon for tests: started in a private folder, and gone with all it made when the test ends.

    with daemon("overlay2") as docker:
        docker("info")                       # the command line, against this daemon
        docker.url                           # for the SDK

Images come from tars (`Daemon.load`), since no registry is asked. Where the daemon cannot run, `missing`
says why, and the test is skipped (in CI it fails).
"""

import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from profiles import needs

SECONDS = 120


class Daemon:
    """A running daemon: call it with arguments of the command line.

    `process` is the daemon's, `root` the folder that holds all it has, `driver` its storage driver.
    """

    def __init__(self, root: Path, process: "subprocess.Popen[bytes]", driver: str) -> None:
        self.root, self.process, self.driver = root, process, driver
        self.url = f"unix://{root}/d.sock"

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        command = ["docker", "-H", self.url, *arguments]
        clean = {**os.environ, "DOCKER_CONFIG": str(self.root / "config"), "DOCKER_BUILDKIT": "0"}
        found = subprocess.run(command, input=stdin, capture_output=True, env=clean, timeout=SECONDS)
        if found.returncode:
            raise RuntimeError(f"docker {' '.join(arguments)}: {found.stderr.decode(errors='replace')}")
        return found.stdout.decode()

    def api(self, path: str, method: str = "GET") -> Any:
        """The answer of the Engine API, at the daemon's own version; RuntimeError where it refuses."""
        with contextlib.closing(_Connection("localhost", timeout=SECONDS)) as connection:
            connection.path = str(self.root / "d.sock")
            connection.request(method, path)
            answer = connection.getresponse()
            body = json.loads(answer.read() or "null")
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {body}")
        return body

    def events(self, since: str) -> list[str]:
        """Types and actions of the events from a time on, as `now` gives it."""
        found = self("events", f"--since={since}", f"--until={now()}", "--format={{json .}}")
        return ["{Type} {Action}".format(**json.loads(line)) for line in found.splitlines()]

    def layers(self) -> dict[str, tuple[str, int]]:
        """The layer store as it is on the disk: DiffID and recorded bytes of each ChainID."""
        store = self.root / "root" / "image" / self.driver / "layerdb" / "sha256"
        return {f"sha256:{layer.name}": ((layer / "diff").read_text(), int((layer / "size").read_text()))
                for layer in (store.iterdir() if store.exists() else ())}  # fmt: skip

    def load(self, tag: str, files: Mapping[str, bytes]) -> str:
        """Import an image of one layer with these files, and give its id."""
        return self("import", "-", tag, stdin=archive(files)).strip()


class _Connection(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    path = ""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self.path)


def now() -> str:
    """The time, as `Daemon.events` takes it."""
    return f"{time.time():.9f}"


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar of files, all else at its defaults: the same files give the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def missing() -> list[str]:
    """Why no daemon can run here; nothing where it can."""
    absent = [tool for tool in ("dockerd", "containerd", "runc", "docker", "setpriv") if not shutil.which(tool)]
    found = [f"no {', '.join(absent)}: apt-get install docker.io"] if absent else []
    return found + (["not root: a Docker daemon needs it"] if os.geteuid() else [])


@contextlib.contextmanager
def daemon(driver: str, root: Path | None = None) -> Iterator[Daemon]:
    """A daemon on a storage driver, empty unless `root` holds what an earlier one left.

    Parameters
    ----------
    driver : str
        As ``--storage-driver`` takes it.
    root : Path, optional
        A folder that stays; short, as a socket's path has 107 bytes. A temporary one when left out.
    """
    needs(missing())
    with contextlib.ExitStack() as stack:
        if root is None:
            root = Path(tempfile.mkdtemp(prefix="snapsim-daemon-"))
            stack.callback(shutil.rmtree, root)
        process = _start(root, driver, stack)
        stack.callback(_unmount, root)
        stack.callback(_stop, process)
        _wait(root, process)
        yield Daemon(root, process, driver)


def _start(root: Path, driver: str, stack: contextlib.ExitStack) -> "subprocess.Popen[bytes]":
    log = stack.enter_context((root / "log").open("ab"))
    options = [f"--data-root={root}/root", f"--exec-root={root}/exec", f"-H=unix://{root}/d.sock", f"-p={root}/d.pid",
               "--bridge=none", "--iptables=false", "--ip6tables=false", f"--storage-driver={driver}"]  # fmt: skip
    tied = ["setpriv", "--pdeathsig", "TERM"]  # it ends when the tests do, however they end
    return subprocess.Popen([*tied, "dockerd", *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _wait(root: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the daemon answers; a daemon that ends instead is a failure, with the end of its log."""
    command = ["docker", "-H", f"unix://{root}/d.sock", "version"]
    end = time.monotonic() + SECONDS
    while subprocess.run(command, capture_output=True, timeout=SECONDS).returncode:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("dockerd does not answer: " + (root / "log").read_text(errors="replace")[-2000:])
        time.sleep(0.1)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _unmount(root: Path) -> None:
    """What a daemon that was killed leaves behind: its containerd, and its mounts, the innermost first."""
    file = root / "exec" / "containerd" / "containerd.pid"
    if file.exists():
        _end(int(file.read_text()), str(root))
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{root}/")]):
        subprocess.run(["umount", "-l", mount], check=True)


def _end(pid: int, root: str) -> None:
    """End the process with this id, if it is still the one that works in `root`."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if root not in Path(f"/proc/{pid}/cmdline").read_text():
                return
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.1)
