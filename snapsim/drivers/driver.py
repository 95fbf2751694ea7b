"""THE CONTRACT of graph drivers: how a container engine keeps layers.

**What a driver is.** An engine has images, made of layers, and containers, each with a layer of its own to write to.
A driver gives each layer a tree of files that starts as its parent's tree: by stacking directories (overlay2, aufs),
by a snapshot of a volume (devicemapper, btrfs, zfs), or by copying all of it (vfs). The nouns are those of moby's
`graphdriver.Driver`. A driver knows no images, no tags and no running containers: those are the engine's.

**The promise.** *A layer shows its parent's tree, with its own changes and nothing else, for as long as it exists;
from the moment it has a child it does not change any more* (it is mounted read-only). So what is written through one
layer is never seen through its parent or a sibling. A *read-write* layer is a container's: it alone can have a size
limit, and it is written through `get`. A *layer* made by `create` is an image's: it is filled by `apply_diff`, or as
the harness of the measurements does, through `get`.

**The names.** `id` is a layer, any text that could be a file's name; `parent` the layer below, None for a base.
`get` mounts and `put` unmounts; both count, so that a layer stays mounted until its last user has gone.

| moby (here) | containerd | on a fresh Docker 29 |
|---|---|---|
| `create_read_write(id, parent)` | `Prepare(key, parent)` | a container's snapshot |
| `create(id, parent)`, then `get`, `put` | `View(key, parent)` | a mount that only reads |
| `create(id, parent)`, `apply_diff` | `Prepare(key, parent)`, apply, `Commit(name, key)` | pull of a layer |
| `get(id)` | `Mounts(key)`: what to mount, and the client does it | the same |
| `remove(id)` | `Remove(key)` | |
| `diff_size(id, parent)`: apparent bytes | `Usage(key)`: allocated, with directories | in `docker system df` |
| `status()` | - | the one pair `driver-type: io.containerd.snapshotter.v1` |
| overlay2, vfs | `overlayfs`, `native` | `overlayfs` is the default |

**What can never happen.** A layer that changes because another was written or removed; a file that comes back after
its deletion was committed; a block that is allocated and that no layer holds.

**Removal.** moby's drivers remove a parent without asking, since the layer store above has asked; a snapshotter of
containerd refuses. Here the driver refuses (`InUse`), since there need not be a layer store above it.

**To write one of your own**, derive from `Driver` and give `_create`, `_tree`, `_remove`, `filesystems` and `_places`;
the base class checks ids, counts users, seals parents, and brings the naive diff (`snapsim.drivers.naive_diff`).

>>> from snapsim.drivers.graphdrivers import Vfs
>>> driver = Vfs()
>>> driver.create("base"); driver.create_read_write("box", parent="base")
>>> with driver.mounted("box") as mount:
...     mount.write("/motd", 0, data=b"hello")
5
>>> [str(change) for change in driver.changes("box", "base")], driver.diff_size("box", "base")
(['A /motd'], 5)
>>> driver.remove("base")
Traceback (most recent call last):
snapsim.base.errors.InUse: base is the parent of box
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import numpy as np

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound, Unsupported
from snapsim.base.units import parse_size
from snapsim.block.device import BlockDevice, Integers
from snapsim.block.volume import Usage
from snapsim.drivers.diff import Change, Diff
from snapsim.drivers.naive_diff import archive, changes, headers, unpack
from snapsim.files.clock import LogicalClock
from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode
from snapsim.files.mounts.mount import Mount

LEAVES_OUT = (
    "labels and garbage collection of containerd, several daemons on one directory, crashes; and space for the "
    "metadata of volumes (maps, trees), which is the mechanism's to know: `metadata_space` is what file systems "
    "hold."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

Options = Mapping[str, str]


class About(NamedTuple):
    """A driver in a few words, for the list of drivers."""

    what: str
    shares: str
    copies: str
    fate: str


class Driver(ABC):
    """Layers of files; see the top of this file for the promise.

    Two accounts of space are kept apart, so that they can be held against each other: what the layers say they hold
    (`places`), and what the storage below has marked as allocated (`space`).

    Parameters
    ----------
    devices : tuple of BlockDevice
        Where the I/O goes, in a fixed order.

    Attributes
    ----------
    name : str
        As the engine is told and `docker info` prints.
    about : About
        What it is, what it shares, what it copies at a first change, and its fate in Docker.
    clock : LogicalClock
        The time of all file systems of the driver.
    limits : mapping of str to str
        Behaviours that the driver does not have or that end somewhere, each with the reason.
    storage_options : tuple of str
        What `create_read_write` takes.
    """

    name: ClassVar[str] = ""
    about: ClassVar[About] = About("", "", "", "")
    limits: ClassVar[Mapping[str, str]] = {}
    storage_options: ClassVar[tuple[str, ...]] = ()
    refusal: ClassVar[str] = "Unknown option {key}"  # the driver's own words

    def __init__(self, devices: tuple[BlockDevice, ...]) -> None:
        self.devices, self.clock = devices, LogicalClock()
        self._parents: dict[str, str | None] = {}  # in the order of creation
        self._sealed: set[str] = set()  # have, or had, a child
        self._mounts: dict[str, Mount[Any]] = {}
        self._users: dict[str, int] = {}

    # ---------------------------------------------------------------- layers

    def create(self, id: str, parent: str | None = None, options: Options | None = None) -> None:
        """Make a layer of an image.

        Raises
        ------
        InvalidInput
            The id is no name, or an option is refused.
        AlreadyExists, NotFound
            The id is taken; there is no such parent.
        OSError
            ENOSPC: copying the parent took all room; nothing is left of it.
        """
        self._new(id, parent, dict(options or {}), writable=False)

    def create_read_write(self, id: str, parent: str | None = None, options: Options | None = None) -> None:
        """Make a container's layer; options such as ``{"size": "10G"}``. Errors as of `create`."""
        self._new(id, parent, dict(options or {}), writable=True)

    def _new(self, id: str, parent: str | None, options: dict[str, str], writable: bool) -> None:
        check_id(id)
        if id in self._parents:
            raise AlreadyExists(f"layer {id} exists")
        if parent is not None:
            self._known(parent)
        self._check_options(options, writable)
        self._create(id, parent, options, writable)
        self._parents[id] = parent
        if parent is not None:
            self._seal(parent)

    def _check_options(self, options: Options, writable: bool) -> None:
        for key in options:
            if key not in self.storage_options:
                raise InvalidInput(self.refusal.format(key=key), f"{self.name}: storage-opt")

    def size_option(self, options: Options) -> int | None:
        """Bytes of the ``size`` option, None where there is none."""
        return parse_size(options["size"], f"{self.name}: storage-opt size") if "size" in options else None

    def _seal(self, parent: str) -> None:
        self._sealed.add(parent)
        if parent in self._mounts and "immutable" not in self.limits:
            self._mounts[parent].read_only = True

    def get(self, id: str) -> Mount[Any]:
        """Mount a layer, or count one more user of it; read-only if it has, or had, a child."""
        self._known(id)
        if id not in self._mounts:
            self._mounts[id] = self._tree(id)
            self._users[id] = 0
            if id in self._sealed and "immutable" not in self.limits:
                self._mounts[id].read_only = True
        self._users[id] += 1
        return self._mounts[id]

    def put(self, id: str) -> None:
        """One user less; the last one unmounts."""
        self._known(id)
        if id not in self._mounts:
            raise InvalidInput(f"{id} is not mounted: put follows get")
        self._users[id] -= 1
        if not self._users[id]:
            self._unmounted(id, self._mounts.pop(id))

    @contextmanager
    def mounted(self, id: str) -> Iterator[Mount[Any]]:
        """`get` for the length of a ``with`` block."""
        mount = self.get(id)
        try:
            yield mount
        finally:
            self.put(id)

    def remove(self, id: str) -> None:
        """Destroy a layer; `InUse` while it is mounted or has children."""
        self._known(id)
        children = [child for child, parent in self._parents.items() if parent == id]
        if children:
            raise InUse(f"{id} is the parent of {', '.join(children)}")
        if id in self._mounts:
            raise InUse(f"{id} is mounted, by {self._users[id]}")
        self._remove(id)
        del self._parents[id]
        self._sealed.discard(id)

    def exists(self, id: str) -> bool:
        """Is there such a layer?"""
        return id in self._parents

    def ids(self) -> list[str]:
        """All layers, in the order in which they were made."""
        return list(self._parents)

    def parent(self, id: str) -> str | None:
        """The layer below; None for a base."""
        self._known(id)
        return self._parents[id]

    def cleanup(self) -> None:
        """Unmount everything, as the daemon does when it stops."""
        for id in list(self._mounts):
            self._users[id] = 1
            self.put(id)

    def _known(self, id: str) -> None:
        if id not in self._parents:
            raise NotFound(f"no layer {id!r}")

    # ---------------------------------------------------------------- diffs, the naive way

    def changes(self, id: str, parent: str | None = None) -> list[Change]:
        """What `docker diff` lists, sorted by path; everything is added if no parent is given."""
        with self._pair(id, parent) as (new, old):
            return changes(new, old)

    def diff(self, id: str, parent: str | None = None) -> Diff:
        """The layer's archive: its files are read."""
        with self._pair(id, parent) as (new, old):
            return archive(new, changes(new, old))

    def diff_size(self, id: str, parent: str | None = None) -> int:
        """Apparent bytes of what was added or changed, each inode once, directories not counted."""
        with self._pair(id, parent) as (new, old):
            return headers(new, changes(new, old)).apparent_size

    def apply_diff(self, id: str, parent: str | None, diff: Diff) -> int:
        """Unpack an archive into a layer; returns the size that the engine will keep for it.

        That is the sum of the sizes in the tar headers; a driver with archives of its own may tell what its directory
        holds.
        """
        if parent is not None:
            self._known(parent)
        self._see(diff)
        with self.mounted(id) as mount:
            return unpack(mount, diff)

    @contextmanager
    def _pair(self, id: str, parent: str | None) -> Iterator[tuple[Mount[Any], Mount[Any] | None]]:
        with self.mounted(id) as new:
            if parent is None:
                yield new, None
            else:
                with self.mounted(parent) as old:
                    yield new, old

    def _see(self, diff: Diff) -> None:
        for entry in diff.entries:
            self.clock.see(entry.mtime)

    # ---------------------------------------------------------------- space and page cache

    def directory(self, id: str) -> Inode:
        """The directory that holds the layer's own files, as `du` walks it: its whole tree, unless layers are stacked.

        Raises
        ------
        Unsupported
            The driver keeps layers in another way.
        """
        raise Unsupported(f"{type(self).__name__} has no directory for a layer")

    @property
    def place_size(self) -> int:
        """Bytes a place, the unit of `places`."""
        return self.devices[0].block_size

    def places(self, id: str) -> Integers:
        """Where the layer's own storage lies, each place once; layers that share storage name the same places.

        The union over all layers, times `place_size`, is `space()` once all is synced and no deleted file is open.

        Raises
        ------
        NotFound
            No such layer.
        """
        if id not in self.ids():
            raise NotFound(f"no layer {id!r}")
        return np.unique(self._places(id))

    def usage(self, id: str) -> Usage:
        """Bytes that the layer holds, alone and together with other layers, by their `places`."""
        mine = self.places(id)
        others = [self.places(other) for other in self.ids() if other != id]
        shared = int(np.isin(mine, np.concatenate(others)).sum()) if others else 0
        return Usage(*(count * self.place_size for count in (mine.size, mine.size - shared, shared)))

    def space(self) -> int:
        """Bytes that the storage below counts as allocated for data."""
        return sum(fs.used for fs in self.filesystems())

    def sync(self) -> None:
        """Write all dirty pages."""
        for fs in self.filesystems():
            fs.sync()

    def freeze(self) -> None:
        """Write everything, and the logs of the file systems home, as FIFREEZE and an unmount do."""
        for fs in self.filesystems():
            fs.freeze()

    def metadata_space(self) -> int:
        """Bytes that the file systems' own metadata hold since they were made; with `space` what ``df`` calls used."""
        return sum(fs.metadata.space() for fs in self.filesystems())

    def drop_caches(self) -> None:
        """Forget all clean pages."""
        for fs in self.filesystems():
            fs.drop_caches()

    def page_cache_bytes(self) -> int:
        """Bytes in the page caches."""
        return sum(fs.cached_bytes() for fs in self.filesystems())

    # ---------------------------------------------------------------- what is told to the engine

    def status(self) -> list[tuple[str, str]]:
        """The pairs that `docker info` prints under the driver's name, in order."""
        return []

    def metadata(self, id: str) -> dict[str, str]:
        """`GraphDriver.Data` of `docker inspect`."""
        self._known(id)
        return {}

    # ---------------------------------------------------------------- what a driver gives

    @abstractmethod
    def filesystems(self) -> Sequence[FileSystem]:
        """Each file system once."""

    @abstractmethod
    def _places(self, id: str) -> Integers:
        """Where the layer's own storage lies; a place may be named twice."""

    @abstractmethod
    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        """Make the storage of a layer; the id is free, the parent exists, the options' names are known."""

    @abstractmethod
    def _tree(self, id: str) -> Mount[Any]:
        """A fresh mount of the layer."""

    @abstractmethod
    def _remove(self, id: str) -> None:
        """Free what only this layer holds."""

    def _unmounted(self, id: str, mount: Mount[Any]) -> None:
        """The last user has gone."""


def check_id(id: str) -> None:
    """Refuse what could not be a directory's name.

    Examples
    --------
    >>> check_id("../etc")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: '../etc' is not the id of a layer: a name without / and NUL, not . and not ..
    """
    if not isinstance(id, str) or id in ("", ".", "..") or "/" in id or "\0" in id or len(id.encode()) > 255:
        raise InvalidInput(f"{id!r} is not the id of a layer: a name without / and NUL, not . and not ..")
