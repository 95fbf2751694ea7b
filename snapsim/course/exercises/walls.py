"""Walls around a submission: what this system offers, from the strongest on, and which of them stand.

Three programs build them, where they are installed and allowed: bubblewrap (``bwrap``), which gives a file system of
its own; ``unshare`` of util-linux, which gives processes and a network of its own; ``setpriv``, which gives another
user where the grader is root. Which combination works is tried, not guessed. The limits of `LIMITS` hold everywhere.

>>> candidates()[-1].standing
('bounded processor time, memory, processes and files',)

What it leaves out: other systems than Linux, which have the limits alone; and filters of system calls.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

LIMITS = {
    "RLIMIT_AS": 4 << 30,
    "RLIMIT_CPU": 600,
    "RLIMIT_NPROC": 64,
    "RLIMIT_FSIZE": 16 << 20,
    "RLIMIT_NOFILE": 128,
    "RLIMIT_CORE": 0,
}
"""By the names of ``resource``: bytes of addresses, seconds of processor time, processes of that user, bytes of a file,
open files, bytes of a core dump."""
FOLDER_SIZE = 16 << 20
"""Bytes that the folder of a submission holds, where it is a file system of its own."""

BOUNDED = "bounded processor time, memory, processes and files"
NO_NETWORK = "no network"
OWN_PROCESSES = "no processes but its own"
OWN_FILES = "no files but its own, Python and what the exercise gives"
OTHER_USER = "another user"

PACKAGE = Path(__file__).resolve().parents[2]
"""snapsim as it is installed: none of it is seen behind walls."""


class Place(NamedTuple):
    """Where a worker runs: a folder with its program and its library, and the folder of the submission."""

    home: Path
    work: Path


class Walls(NamedTuple):
    """One way to build walls.

    Attributes
    ----------
    standing : tuple of str
        What they keep out, in words for a report.
    before : callable
        The words that stand before a command in a `Place`.
    work : str
        The folder of the submission as it is called inside; "" where it is a folder like any other.
    user : int or None
        Whose process it is; None for the same as the grader's.
    """

    standing: tuple[str, ...]
    before: Callable[[Place], list[str]]
    work: str = ""
    user: int | None = None


def _user() -> int:
    """A number that belongs to nobody, another one for each grader, so that limits of processes are not shared."""
    return 60578 + os.getpid() % 600


def libraries() -> list[str]:
    """The folders from which a worker imports NumPy and Hypothesis."""
    found = [find_spec(name) for name in ("numpy", "hypothesis", "sortedcontainers")]
    return list(dict.fromkeys(str(Path(str(each.origin)).resolve().parents[1]) for each in found if each))


def _seen() -> list[Path]:
    """What of the file system Python needs."""
    system = [Path(name) for name in ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache")]
    python = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), Path(sys.executable).resolve().parent]
    wanted = [path for path in (*system, *python, *map(Path, libraries())) if path.exists()]
    return [path for path in dict.fromkeys(wanted) if not any(other in path.parents for other in wanted)]


def _bubblewrap(user: int | None) -> Callable[[Place], list[str]]:
    def before(place: Place) -> list[str]:
        shown = _seen()
        words = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        words += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "judge"]
        words += [] if user is not None else ["--unshare-user"]
        above = sorted({parent for path in (*shown, place.home) for parent in path.parents if parent != Path("/")})
        for parent in above:
            words += ["--perms", "0755", "--dir", str(parent)]
        for path in (*shown, place.home):
            words += ["--ro-bind", str(path), str(path)]
        for path in shown:
            if path in PACKAGE.parents:
                words += ["--tmpfs", str(PACKAGE)]
        words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
        words += ["--perms", "1777", "--size", str(FOLDER_SIZE), "--tmpfs", "/submission", "--remount-ro", "/"]
        words += ["--chdir", "/submission", *_as_user(user)]
        return words

    return before


def _as_user(user: int | None) -> list[str]:
    if user is None:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
            "--bounding-set=-all"]  # fmt: skip


def _unshare(*more: str, user: int | None = None) -> Callable[[Place], list[str]]:
    words = ["unshare", *more, "--net", "--ipc", "--uts", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
    return lambda place: [*words, *_as_user(user)]


def candidates() -> list[Walls]:
    """All ways, the strongest first; the last one needs nothing."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    spaces = (NO_NETWORK, OWN_PROCESSES, BOUNDED)
    if root:
        user = _user()
        return [
            Walls((OWN_FILES, OTHER_USER, *spaces), _bubblewrap(user), "/submission", user),
            Walls((OTHER_USER, *spaces), _unshare(user=user), "", user),
            Walls((OTHER_USER, BOUNDED), lambda place: _as_user(user), "", user),
            Walls(spaces, _unshare()),
            Walls((BOUNDED,), lambda place: []),
        ]
    return [
        Walls((OWN_FILES, *spaces), _bubblewrap(None), "/submission"),
        Walls(spaces, _unshare("--user", "--map-current-user")),
        Walls((BOUNDED,), lambda place: []),
    ]


@cache
def strongest(path: str = "") -> Walls:
    """The first of the `candidates` that works here; `path` is where programs are looked for, and remembered by it."""
    return next(walls for walls in candidates() if _works(walls, path))


def _works(walls: Walls, path: str) -> bool:
    """Whether this very Python starts behind them and finds its libraries; where there are no walls it always does."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="snapsim-") as folder:
        place = furnish(Path(folder), walls)
        words = walls.before(place)
        if not words:
            return True
        if any(shutil.which(word, path=path or None) is None for word in words if word in PROGRAMS):
            return False
        look = f"import os, sys\nprint(sys.prefix, sys.base_prefix, all(map(os.listdir, {libraries()!r})))"
        told = subprocess.run(
            [*words, *python("-c", look)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=place.work,
        )
        return told.returncode == 0 and told.stdout.decode().strip() == f"{sys.prefix} {sys.base_prefix} True"


PROGRAMS = ("bwrap", "unshare", "setpriv")


def python(*words: str) -> list[str]:
    """Python that believes no environment, and writes nothing beside what it reads."""
    return [sys.executable, "-I", "-B", *words]


def furnish(folder: Path, walls: Walls) -> Place:
    """The two folders of a `Place`, in a folder that is there."""
    place = Place(folder / "judge", folder / "submission")
    for made in place:
        made.mkdir()
        made.chmod(0o755)
    folder.chmod(0o755)
    if walls.user is not None:
        os.chown(place.work, walls.user, walls.user)
    return place


def in_words(standing: Sequence[str]) -> str:
    """A line for a report.

    Examples
    --------
    >>> in_words(("no network", "another user"))
    'judged behind walls: no network; another user'
    """
    return f"judged behind walls: {'; '.join(standing)}"
