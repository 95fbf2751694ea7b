"""What a host holds, as far as it tells: images with their layers, containers, and bounds for what it does not say.

Docker's figures are sums over layers. Where each image's layers are known (a capture of `snapsim capture`, or a shipped
one), a layer that two images have is counted once; where only Size and SharedSize are known, four facts bound the
layers of any set of images: they are no more than the images' sizes added up, no less than the largest of them, and the
host's LayersSize less what the other images can have, at most, and have alone, at least.

>>> from snapsim.hosts.reading import load_host
>>> held = inventory(load_host("overlay2"))
>>> [(image.tags[0], len(image.chain)) for image in held.images], held.content().low, held.size_rw().low
([('child:1', 4), ('base:1', 1)], 73355154, 49283072)
>>> held.reclaimable((20, 10))
(Bound(low=35606418, high=35606418), Bound(low=49283072, high=49283072))

LEAVES OUT: volumes and build cache; and images that a container has though no listing shows them (removed by force):
such a container's image is not told, and everything that needs it has no upper end.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.docker.figures import ACTIVE
from snapsim.drivers.diff import chain_id
from snapsim.hosts.host import ContainerSize, Host, ImageSize
from snapsim.hosts.sizes import UNKNOWN, ZERO, Bound, Size, bound, largest, total


class Stacked(NamedTuple):
    """A layer in an image: its ChainID, its own bytes, and those with all layers below."""

    chain_id: str
    own: Bound
    below: Bound


@dataclass(frozen=True)
class Kept:
    """An image: its tags, its sizes, and its layers from the base up, None where they are not told."""

    id: str
    tags: tuple[str, ...]
    size: Bound
    shared: Bound
    unique: Bound
    chain: tuple[Stacked, ...] | None = None

    @property
    def visible(self) -> Bound:
        """Bytes of the files that the image shows: its top layer's, and no more than all its layers have."""
        if self.chain is None:
            return self.size.or_nothing()
        return Bound(self.chain[-1].own.low if self.chain else 0, self.size.high)

    @property
    def dangling(self) -> bool:
        """Has it no name?"""
        return all(tag.startswith("<none>") for tag in self.tags)


@dataclass(frozen=True)
class Box:
    """A container: bytes of its own layer, its image's place in the listing, and whether it runs; None: not told."""

    size_rw: Bound
    image: int | None = None
    runs: bool | None = None


@dataclass(frozen=True)
class Inventory:
    """All images and containers; `layers_size` is Docker's figure for all layers, each once."""

    images: tuple[Kept, ...]
    boxes: tuple[Box, ...]
    layers_size: Bound

    @cached_property
    def settled(self) -> bool:
        """Is every layer of every image known, and no other layer there?"""
        if not self.images:
            return self.layers_size == ZERO
        if any(image.chain is None for image in self.images):
            return False
        known = total(layer.own for layer in self.layers().values())
        return self.layers_size in (UNKNOWN, known)

    def layers(self, which: Collection[int] | None = None) -> dict[str, Stacked]:
        """The layers of some images (all when left out) by their ChainIDs, as far as they are known."""
        numbers = range(len(self.images)) if which is None else which
        return {layer.chain_id: layer for number in numbers for layer in self.images[number].chain or ()}

    def content(self, which: Collection[int] | None = None) -> Bound:
        """Bytes of the layers of some images (all when left out), each layer once."""
        everything = set(range(len(self.images)))
        wanted = everything if which is None else set(which)
        if self.settled:
            return total(layer.own for layer in self.layers(wanted).values())
        if wanted == everything:
            return self._all
        others = [self.images[number] for number in everything - wanted]
        rest = Bound(total(image.unique for image in others).low, total(image.size for image in others).high)
        return _together([self.images[number] for number in wanted], 1).meet(self._all.less(rest), _FIGURES)

    @cached_property
    def _all(self) -> Bound:
        return _together(self.images, 2).meet(self.layers_size, _FIGURES) if self.images else self.layers_size

    def size_rw(self) -> Bound:
        """Bytes of all containers' own layers."""
        return total(box.size_rw for box in self.boxes)

    def image_of(self, box: Box) -> Kept | None:
        """The image of a container, where it is listed."""
        return None if box.image is None else self.images[box.image]

    def readers(self) -> dict[int, int]:
        """Images that have containers, and how many."""
        return dict(Counter(box.image for box in self.boxes if box.image is not None))

    def unused(self, dangling_only: bool, untold_run: bool) -> list[int]:
        """Images that go after the stopped containers: with ``prune`` those without a name, with ``prune -a`` all.

        `untold_run` says whether containers run whose state is not told.
        """
        needed = {box.image for box in self.boxes if (untold_run if box.runs is None else box.runs)}
        return [
            number
            for number, image in enumerate(self.images)
            if number not in needed and (image.dangling or not dangling_only)
        ]

    def reclaimable(self, version: tuple[int, ...]) -> tuple[Bound, Bound]:
        """What `docker system df` of a release calls reclaimable, of images and of containers: see `docker_figures`."""
        used = set(self.readers())
        alone = [
            total(image.unique for number, image in enumerate(self.images) if (number in used) is with_boxes)
            for with_boxes in (True, False)
        ]
        if version < (29,):
            images = self.content().less(alone[0])
        else:
            images = self.content().less(alone[1]) if version < (29, 4) else alone[1]
        return images, total(box.size_rw for box in self.boxes if not box.runs)


_FEWEST_DIGITS = 12
_FIGURES = "the sizes of the host's images"


def _together(images: Collection[Kept], owners: int) -> Bound:
    """All layers of several images; what is shared is in `owners` of them at least: two, if they are all images."""
    alone, shared = total(image.unique for image in images), total(image.shared for image in images)
    most = largest(image.size for image in images)
    low = alone.low + largest(image.shared for image in images).low
    split = None if alone.high is None or shared.high is None else alone.high + shared.high // owners
    return Bound(max(most.low, low), total(image.size for image in images).high).meet(Bound(0, split), _FIGURES)


# -------------------------------------------------------------------- from a host


def inventory(host: Host, place: str = "") -> Inventory:
    """What a host tells, as bounds.

    Raises
    ------
    InvalidInput
        It tells no sizes at all, or sizes that contradict each other.

    Examples
    --------
    >>> inventory(Host("mine", "btrfs"))
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: mine tells no sizes: add what docker system df -v prints, or GET /system/df
    """
    if host.layers_size is None and host.images != 0 and not host.image_sizes and not host.container_sizes:
        raise InvalidInput(f"{host.name} tells no sizes: add what docker system df -v prints, or GET /system/df", place)
    try:
        return _inventory(host)
    except InvalidInput as error:
        raise InvalidInput(error.problem, place) from None


def _inventory(host: Host) -> Inventory:
    images = tuple(_images(host))
    index = {name: number for number, image in enumerate(images) for name in (*image.tags, _digits(image.id))}
    boxes = [_box(row, index, _content(host, bound(row.size_rw))) for row in host.container_sizes]
    untold = bool(not boxes) if host.containers is None else max(host.containers - len(boxes), 0)
    layers = bound(0 if host.images == 0 and not images else host.layers_size)
    found = Inventory(images, (*boxes, *[Box(UNKNOWN)] * untold), _content(host, layers))
    found.content()  # contradictions show here
    return found


def _content(host: Host, size: Bound) -> Bound:
    """Of containerd's sizes, which count blocks, directories and compressed blobs, only the upper end holds."""
    return size.or_nothing() if host.containerd_store else size


def _images(host: Host) -> Iterator[Kept]:
    """Each image once, however many tags it has."""
    rows: dict[str, list[ImageSize]] = {}
    for number, row in enumerate(host.image_sizes):
        rows.setdefault(row.id or f"row {number}", []).append(row)
    for same in rows.values():
        row, size = same[0], _content(host, bound(same[0].size))
        shared = bound(row.shared).meet(Bound(0, size.high)) if row.shared is not None else size.or_nothing()
        unique = size.or_nothing() if row.unique is None or host.containerd_store else _unique(row)
        yield Kept(row.id, tuple(each.tag for each in same), size, _content(host, shared), unique, _chain(row, host))


def _unique(row: ImageSize) -> Bound:
    told = bound(row.unique)
    return Bound(max(told.low, 0), told.high)


def _chain(row: ImageSize, host: Host) -> tuple[Stacked, ...] | None:
    """The layers of an image, as its history or a shipped capture's list tells them; never containerd's (see above)."""
    sizes = row.layer_sizes
    if host.containerd_store or sizes is None:
        return None if host.containerd_store else _listed(row, host)
    total(map(bound, sizes)).meet(bound(row.size), f"the layers of {row.tag} and its size")
    return _stacked(accumulate(row.layers, lambda chain, layer: chain_id([chain, layer])), sizes)


def _listed(row: ImageSize, host: Host) -> tuple[Stacked, ...] | None:
    """The layers in a shipped capture's list, which is one image's whole chain: another has the lower part of its size.

    A layer of 0 bytes above that part could belong to it as well: then its chain is not settled.
    """
    sizes = [layer.recorded for layer in host.layers if layer.role == "image layer" and layer.recorded is not None]
    ends = [count for count, size in enumerate(accumulate(sizes), 1) if size == row.size]
    if not ends or (len(ends) > 1 and ends[-1] < len(sizes)):
        return None
    return _stacked((f"layer {count}" for count in range(ends[-1])), sizes[: ends[-1]])


def _stacked(names: Iterable[str], sizes: Sequence[Size]) -> tuple[Stacked, ...]:
    own = [bound(size) for size in sizes]
    return tuple(map(Stacked, names, own, accumulate(own)))


def _box(row: ContainerSize, index: Mapping[str, int], size_rw: Bound) -> Box:
    """A container; its image is named by id, by tag, or by the beginning of its id."""
    name = row.image if ":" in row.image.rpartition("/")[2] else f"{row.image}:latest"
    names = (_digits(row.image_id), name, row.image, _digits(row.image))
    number = next((index[name] for name in names if name and name in index), None)
    return Box(size_rw, _begun(index, names) if number is None else number, row.state in ACTIVE if row.state else None)


def _begun(index: Mapping[str, int], names: Iterable[str]) -> int | None:
    """The image whose id begins so, or begins a longer one (text has 12 digits of 64)."""
    wanted = tuple(name for name in names if len(name) >= _FEWEST_DIGITS)
    found = {
        number
        for id, number in index.items()
        if len(id) >= _FEWEST_DIGITS
        and ":" not in id
        and any(id.startswith(name) or name.startswith(id) for name in wanted)
    }
    return found.pop() if len(found) == 1 else None


def _digits(id: str) -> str:
    return id.removeprefix("sha256:")
