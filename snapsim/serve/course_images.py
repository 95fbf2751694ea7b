"""The images of ``--images course``: small, made by rule, the same in every run.

| image | layers | what it is for |
|---|---|---|
| course/busybox:1 | 1 | a shell and its commands: the quickest start |
| course/base:1 | 1 | 2,000 files like those of a small distribution: what vfs copies for each container |
| course/database:1 | 3 | a file of 64 MiB, `/data/app.db`: what a write of one byte costs |
| course/web:1 | 12 | many layers on course/base, with files that later layers replace and delete |

>>> [(image.name, len(image.layers), image.size) for image in course()]
[('course/busybox:1', 1, 1131198), ('course/base:1', 1, 45312832), ('course/database:1', 3, 68240170), \
('course/web:1', 12, 61134666)]

What it leaves out: programs. A file in ``/bin`` says which command of the simulated shell it is, and no more.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from snapsim.base.units import KiB, MiB
from snapsim.block.device import Stamps
from snapsim.drivers.diff import Diff, Entry, HistoryStep
from snapsim.files.mounts.marks import whiteout

APPLETS = (
    *("[", "cat", "chmod", "chown", "cp", "dd", "df", "du", "echo", "env", "false", "find", "head", "id", "ln", "ls"),
    *("mkdir", "mv", "printf", "rm", "rmdir", "seq", "sh", "sleep", "stat", "sync", "tail", "test", "touch", "true"),
    *("truncate", "wc", "workload"),
)
_BUSYBOX = 1_131_168
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_EPOCH = 1_600_000_000
_PACKAGES = 250


@dataclass(frozen=True)
class CourseImage:
    """An image: name and tag, layers from the base up, steps, and what it says of itself."""

    name: str
    layers: tuple[Diff, ...]
    history: tuple[HistoryStep, ...]
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def size(self) -> int:
        """Docker's Size."""
        return sum(layer.tar_size for layer in self.layers)


def stamps(path: str, size: int) -> Stamps:
    """Contents of a file by rule: from its path, other ones in each block, and equal to no fresh ones.

    Examples
    --------
    >>> stamps("/f", 8192).size, bool((stamps("/f", 8192) == stamps("/f", 8192)).all())
    (2, True)
    """
    seed = np.uint64(zlib.crc32(path.encode()))
    blocks = np.arange(1, -(-size // 4096) + 1, dtype=np.uint64)
    return (blocks * np.uint64(0x9E3779B97F4A7C15)) ^ (seed << np.uint64(17)) | np.uint64(1 << 63)


def _file(path: str, size: int, mode: int = 0o644) -> Entry:
    if mode & 0o111:
        return Entry(path, content=_program(path, size), mode=mode, mtime=_EPOCH)
    return Entry(path, size=size, mode=mode, mtime=_EPOCH, stamps=stamps(path, size))


def _program(path: str, size: int) -> bytes:
    """Bytes of a program, by rule, which begin as an ELF file does: so that nobody takes it for a script."""
    head = b"\x7fELF\2\1\1".ljust(16, b"\0")
    return head + np.repeat(stamps(path, size), 512).tobytes()[len(head) : size]


def _text(path: str, text: str, mode: int = 0o644) -> Entry:
    return Entry(path, content=text.encode(), mode=mode, mtime=_EPOCH)


def _directories(*paths: str) -> list[Entry]:
    return [Entry(path, "directory", mtime=_EPOCH, mode=0o1777 if path == "/tmp" else 0o755) for path in paths]


@cache
def course() -> tuple[CourseImage, ...]:
    """All of them; the later ones stand on the layers of the first."""
    return _busybox(), _base(), _database(), _web()


def _shell() -> list[Entry]:
    links = [Entry(f"/bin/{name}", "symlink", target="busybox", mtime=_EPOCH) for name in APPLETS]
    return [
        *_directories("/bin", "/etc", "/home", "/root", "/tmp", "/usr", "/var"),
        _file("/bin/busybox", _BUSYBOX, 0o755),
        *links,
        _text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    ]


def _busybox() -> CourseImage:
    steps = (
        HistoryStep("/bin/sh -c #(nop) ADD file:course in / "),
        HistoryStep('/bin/sh -c #(nop)  CMD ["sh"]', empty=True),
    )
    return CourseImage("course/busybox:1", (Diff(tuple(_shell())),), steps, {"Cmd": ["sh"], "Env": [_PATH]})


def _sizes(count: int, seed: int) -> Iterator[int]:
    """Sizes of files, most of them small, by rule."""
    state = seed
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        yield 200 + (state >> 33) % (1 << 9 + (state >> 20) % 9)


def _distribution() -> list[Entry]:
    """Packages with a library, a program, documentation and a few data files each."""
    entries = [*_shell(), *_directories("/usr/bin", "/usr/lib", "/usr/share", "/usr/share/doc", "/var/lib", "/var/log")]
    sizes = _sizes(_PACKAGES * 8, 1)
    for number in range(_PACKAGES):
        package = f"pkg{number:03d}"
        entries += _directories(f"/usr/share/doc/{package}", f"/usr/lib/{package}")
        entries.append(_file(f"/usr/bin/{package}", 20 * next(sizes) // 10, 0o755))
        entries.append(_file(f"/usr/lib/{package}.so", 4 * next(sizes)))
        entries += [_file(f"/usr/share/doc/{package}/{name}", next(sizes)) for name in ("changelog", "copyright")]
        entries += [_file(f"/usr/lib/{package}/part{part}", next(sizes)) for part in range(4)]
    return entries


def _base() -> CourseImage:
    steps = (
        HistoryStep("/bin/sh -c #(nop) ADD file:course in / "),
        HistoryStep('/bin/sh -c #(nop)  CMD ["sh"]', empty=True),
    )
    return CourseImage("course/base:1", (Diff(tuple(_distribution())),), steps, {"Cmd": ["sh"], "Env": [_PATH]})


def _on(image: CourseImage, name: str, steps: Sequence[tuple[str, list[Entry]]],
        config: Mapping[str, Any]) -> CourseImage:  # fmt: skip
    """An image of more steps on another; a step without entries makes no layer."""
    layers = [Diff(tuple(entries)) for _, entries in steps if entries]
    history = [HistoryStep(text, empty=not entries) for text, entries in steps]
    return CourseImage(name, (*image.layers, *layers), (*image.history, *history), {**image.config, **config})


def _database() -> CourseImage:
    run = '/bin/sh -c #(nop)  CMD ["sh" "-c" "echo ready; exec sleep infinity"]'
    steps = [
        ("/bin/sh -c #(nop) COPY dir:course in /usr/bin ",
         [*_directories("/usr/bin"), _file("/usr/bin/database", 108, 0o755)]),
        ("/bin/sh -c dd if=/dev/urandom of=/data/app.db bs=1M count=64",
         [*_directories("/data"), _file("/data/app.db", 64 * MiB)]),
        (run, []),
    ]  # fmt: skip
    return _on(_busybox(), "course/database:1", steps, {"Cmd": ["sh", "-c", "echo ready; exec sleep infinity"]})


def _web() -> CourseImage:
    """Ten steps on the base: dependencies, a cache that is deleted in a later step, releases of the application."""
    steps: list[tuple[str, list[Entry]]] = [
        ("/bin/sh -c #(nop)  ENV APP=/srv", []),
        ("/bin/sh -c #(nop) WORKDIR /srv", _directories("/srv")),
        ("/bin/sh -c install runtime", [_file("/usr/bin/runtime", 6 * MiB, 0o755)]),
        ("/bin/sh -c install dependencies",
         [*_directories("/srv/deps", "/var/cache"), *(_file(f"/srv/deps/dep{n}", 24 * KiB) for n in range(100)),
          _file("/var/cache/packages", 3 * MiB)]),
        ("/bin/sh -c rm -r /var/cache", [Entry(whiteout("/var/cache"), size=0, mtime=_EPOCH)]),
        ("/bin/sh -c #(nop) COPY dir:course in /srv/app ",
         [*_directories("/srv/app"), *(_file(f"/srv/app/page{n}", 8 * KiB) for n in range(40))]),
    ]  # fmt: skip
    for release in range(1, 6):
        text = f"/bin/sh -c #(nop) COPY file:release{release} in /srv/app "
        steps.append(
            (text, [_file("/srv/app/bundle.js", (700 + release) * KiB), _text("/srv/app/VERSION", f"{release}\n")])
        )
    steps.append(("/bin/sh -c rm /srv/app/page0", [Entry(whiteout("/srv/app/page0"), size=0, mtime=_EPOCH)]))
    steps.append(('/bin/sh -c #(nop)  CMD ["sh" "-c" "exec sleep infinity"]', []))
    config = {"Cmd": ["sh", "-c", "exec sleep infinity"], "WorkingDir": "/srv", "Env": [_PATH, "APP=/srv"]}
    return _on(_base(), "course/web:1", steps, config)
