"""Volumes: directories of a file system of their own, which containers mount and no storage driver knows.

>>> volumes = Volumes(iter(range(1, 99)), lambda: 7)
>>> volume = volumes.create("data"); volume.tree.write("/f", 0, data=b"hello")
5
>>> volume.size, volumes.device.counts.bytes("write")
(5, 0)
>>> volumes.find("nope")
Traceback (most recent call last):
snapsim.base.errors.NotFound: get nope: no such volume

What it leaves out: drivers other than local, and metadata of their file system: data alone is counted.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.errors import NotFound
from snapsim.block.device import BlockDevice
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.tree import TreeMount
from snapsim.serve.errors import Refused

_BLOCKS = 1 << 24
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]+")


@dataclass
class Volume:
    """A volume: its name, its files, and what its maker said of it."""

    name: str
    tree: Mount[Any]
    made: int
    labels: Mapping[str, str] | None = None
    options: Mapping[str, str] | None = None
    anonymous: bool = False
    users: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Bytes of its files, as ``du`` with apparent sizes counts them: what `docker system df -v` shows."""
        return sum(inode.size for _, inode in self.tree.files() if inode.kind == "file")


class Volumes:
    """All volumes of a daemon.

    Parameters
    ----------
    clock : iterator of int
        The clock of the file systems.
    now : callable
        Gives the time in nanoseconds since 1970.

    Attributes
    ----------
    device : BlockDevice
        Where their data goes.
    """

    def __init__(self, clock: Iterator[int], now: Any) -> None:
        self.device = BlockDevice(_BLOCKS, name="volumes")
        self._fs, self._now = FILESYSTEMS["ext4"](self.device, clock=clock), now
        self.all: dict[str, Volume] = {}
        self._made = 0

    def create(self, name: str = "", labels: Mapping[str, str] | None = None,
               options: Mapping[str, str] | None = None) -> Volume:  # fmt: skip
        """A volume of this name, or the one that there is; without a name one of 64 hexadecimal digits."""
        if name in self.all:
            return self.all[name]
        anonymous = not name
        self._made += 1
        name = name or hashlib.sha256(f"volume {self._made}".encode()).hexdigest()
        if len(name) == 1:
            raise Refused(
                400, f"create {name}: volume name is too short, names should be at least two alphanumeric characters"
            )
        if not _NAME.fullmatch(name):
            raise Refused(
                400,
                f'create {name}: "{name}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
            )
        top = self._fs.create(self._fs.root, f"{self._made}", "directory")
        self.all[name] = Volume(name, TreeMount(self._fs, top), self._now(), labels, options, anonymous)
        return self.all[name]

    def find(self, name: str) -> Volume:
        """The volume of this name; `NotFound`."""
        if name not in self.all:
            raise NotFound(f"get {name}: no such volume")
        return self.all[name]

    def remove(self, name: str) -> None:
        """Take a volume away; `Refused` (409) while a container has it."""
        volume = self.find(name)
        if volume.users:
            raise Refused(409, f"remove {name}: volume is in use - [{', '.join(sorted(volume.users))}]")
        for child in volume.tree.listdir("/"):
            volume.tree.remove_tree(f"/{child}")
        del self.all[name]

    def sync(self) -> None:
        """Write all dirty pages."""
        self._fs.sync()
