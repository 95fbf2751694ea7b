"""The layer store: which layers there are, what they are called, who needs them, and how big Docker says they are.

It stands between the engine and its driver, as moby's `layer` package does. A layer has three names:

- **DiffID**: of its archive. **ChainID**: of its archive on top of those below; the store keeps one layer for each
  ChainID, and this is how two images share one. **Cache id**: the driver's, chosen at random by Docker.
- Its **size** is what `ApplyDiff` returned when it was unpacked, kept for ever, and asked of nobody again.

A container is *two* layers of the driver: `ID-init` on the image, and `ID` on that. Source: moby's `layer_store.go`,
`ro_layer.go` and `mounted_layer.go`.

>>> from snapsim.drivers.graphdrivers import Vfs
>>> from snapsim.drivers.diff import Diff, Entry
>>> store = LayerStore(Vfs())
>>> base = store.register(Diff((Entry("/f", content=b"hello", mtime=0),)))
>>> again = store.register(Diff((Entry("/f", content=b"hello", mtime=0),)))
>>> base is again, base.references, base.size, base.real
(True, 2, 5, True)
>>> store.create_read_write("box", base); store.driver.ids()[1:]
['box-init', 'box']

What it leaves out: the files of the layer database, tar-split, and layers that come with a digest to be checked.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from snapsim.base.errors import InvalidInput, NotFound
from snapsim.docker import init_layer
from snapsim.docker.containerd_figures import snapshot_usage
from snapsim.drivers.diff import Diff, chain_id, diff_id
from snapsim.drivers.driver import Driver, Options

MAX_DEPTH = 125
"""Layers of an image, since a container adds two and some drivers end at 127."""
MODEL = "model:"
"""Begins the digests that are the model's own: the bytes are not known, so Docker's digest cannot be."""


@dataclass
class Layer:
    """A read-only layer.

    Attributes
    ----------
    chain_id, diff_id, cache_id : str
        See the top of this file; those that begin with ``model:`` are not Docker's.
    parent : Layer or None
        The one below.
    size : int
        Bytes, as the driver's `apply_diff` told.
    allocated : (int, int)
        What containerd's snapshot of it would be said to take, at least and at most.
    references : int
        Images, containers and layers that need it.
    """

    chain_id: str
    diff_id: str
    cache_id: str
    parent: "Layer | None"
    size: int
    allocated: tuple[int, int] = (0, 0)
    references: int = 0

    @property
    def real(self) -> bool:
        """Are the names those that Docker would give?"""
        return not self.chain_id.startswith(MODEL)

    def chain(self) -> list["Layer"]:
        """From the base up to this one."""
        return [*(self.parent.chain() if self.parent else []), self]

    @property
    def depth(self) -> int:
        """How many layers, this one included."""
        return len(self.chain())


@dataclass
class LayerStore:
    """The layers of one driver.

    Parameters
    ----------
    driver : Driver
        Keeps the files.
    """

    driver: Driver
    layers: dict[str, Layer] = field(default_factory=dict)
    _below: dict[str, Layer | None] = field(default_factory=dict)  # container -> the layer that it holds
    _made: int = 0

    # ---------------------------------------------------------------- read-only layers

    def register(self, diff: Diff, parent: Layer | None = None) -> Layer:
        """Unpack an archive on a layer; one with the same ChainID is used again, and the copy thrown away.

        Raises
        ------
        InvalidInput
            ``max depth exceeded``: the parent has 125 layers.
        OSError
            The driver has no room; nothing is left behind.
        """
        if parent is not None and parent.depth >= MAX_DEPTH:
            raise InvalidInput("max depth exceeded")
        fresh = self._unpack(diff, parent)
        known = self.layers.get(fresh.chain_id)
        if known is not None:
            self.driver.remove(fresh.cache_id)
            return self.hold(known)
        self.layers[fresh.chain_id] = fresh
        if parent is not None:
            self.hold(parent)
        return self.hold(fresh)

    def _unpack(self, diff: Diff, parent: Layer | None) -> Layer:
        below = parent.cache_id if parent else None
        cache_id = self.fresh_id("layer")
        self.driver.create(cache_id, below)
        try:
            size = self.driver.apply_diff(cache_id, below, diff)
        except OSError:
            self.driver.remove(cache_id)
            raise
        name = digest(diff)
        return Layer(chain_of(parent, name), name, cache_id, parent, size, snapshot_usage(diff))

    def fetch(self, diffs: Sequence[Diff]) -> Layer | None:
        """Layers from the base up, those that are here already used again; gives the top one, held once.

        The layers below are held by those above. Errors as of `register`.
        """
        top: Layer | None = None
        for diff in diffs:
            below, known = top, self.find(diff, top)
            try:
                top = self.register(diff, below) if known is None else self.hold(known)
            finally:
                if below is not None:
                    self.release(below)
        return top

    def find(self, diff: Diff, parent: Layer | None = None) -> Layer | None:
        """The layer that the archive would become, if it is here: a pull asks before it fetches."""
        return self.layers.get(chain_of(parent, digest(diff)))

    def hold(self, layer: Layer) -> Layer:
        """One more that needs it."""
        layer.references += 1
        return layer

    def release(self, layer: Layer) -> list[Layer]:
        """One less; gives the layers that went, from the top down."""
        layer.references -= 1
        if layer.references:
            return []
        self.driver.remove(layer.cache_id)
        del self.layers[layer.chain_id]
        return [layer, *(self.release(layer.parent) if layer.parent else [])]

    # ---------------------------------------------------------------- a container's

    def create_read_write(
        self, id: str, parent: Layer | None, options: Options | None = None, init: bool = True
    ) -> None:
        """Make a container's layers: with its init layer, or without (COPY of a build).

        Raises
        ------
        InvalidInput
            The driver refuses an option.
        OSError
            No room.
        """
        below = parent.cache_id if parent else None
        if init:
            self._create_init(f"{id}-init", below, options)
        try:
            self.driver.create_read_write(id, f"{id}-init" if init else below, options)
        except OSError:
            if init:
                self.driver.remove(f"{id}-init")
            raise
        self._below[id] = self.hold(parent) if parent else None

    def _create_init(self, id: str, below: str | None, options: Options | None) -> None:
        self.driver.create_read_write(id, below, options)
        try:
            with self.driver.mounted(id) as mount:
                init_layer.set_up(mount)
        except OSError:
            self.driver.remove(id)
            raise

    def size(self, id: str) -> int:
        """SizeRw: bytes of the container's changes, by the driver's `diff_size` against the layer below it."""
        return self.driver.diff_size(self._known(id), self.driver.parent(id))

    def size_below(self, id: str) -> int:
        """Recorded bytes of the image layers below a container, which stay even if the image was removed by force."""
        below = self._below[self._known(id)]
        return sum(layer.size for layer in below.chain()) if below else 0

    def commit(self, id: str) -> Diff:
        """The container's changes as an archive."""
        return self.driver.diff(self._known(id), self.driver.parent(id))

    def remove_read_write(self, id: str) -> list[Layer]:
        """Destroy a container's layers; gives the image layers that nobody else needed."""
        init, below = f"{self._known(id)}-init", self._below.pop(id)
        self.driver.remove(id)
        if self.driver.exists(init):
            self.driver.remove(init)
        return self.release(below) if below else []

    def _known(self, id: str) -> str:
        if id not in self._below:
            raise NotFound(f"no container layer {id!r}")
        return id

    def fresh_id(self, kind: str) -> str:
        """64 hexadecimal digits, other ones each time; the same in each run, where Docker takes random ones."""
        self._made += 1
        return hashlib.sha256(f"{kind} {self._made}".encode()).hexdigest()


# -------------------------------------------------------------------- names


def digest(diff: Diff) -> str:
    """The DiffID; where real bytes are missing, a digest of headers and stamps, marked ``model:``.

    Two archives whose files have neither bytes nor stamps are one if their headers are equal.

    Examples
    --------
    >>> from snapsim.drivers.diff import Entry
    >>> digest(Diff((Entry("/f", content=b"A", mtime=0),)))[:14], digest(Diff((Entry("/f", size=1),)))[:10]
    ('sha256:e60fe86', 'model:406a')
    """
    name = diff_id(diff)
    if name is not None:
        return name
    made = hashlib.sha256()
    for entry in diff.entries:
        header = (
            entry.path,
            entry.kind,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.size,
            entry.mtime,
            entry.target,
            entry.rdev,
            entry.link,
        )
        made.update(repr(header).encode())
        made.update(entry.content or b"" if entry.stamps is None else entry.stamps.tobytes())
    return MODEL + made.hexdigest()


def chain_of(parent: Layer | None, name: str) -> str:
    """The ChainID of a DiffID on a layer, marked if one of the DiffIDs is.

    Examples
    --------
    >>> chain_of(None, "sha256:1f"), chain_of(Layer("model:1f", "model:1f", "c", None, 0), "sha256:2e")[:9]
    ('sha256:1f', 'model:87e')
    """
    names = [*(layer.diff_id for layer in (parent.chain() if parent else [])), name]
    chain = chain_id(names)
    return MODEL + chain.partition(":")[2] if any(each.startswith(MODEL) for each in names) else chain
