"""What a host holds, as far as it tells: images with their layers, containers, and bounds for what it does not say.

Docker's figures are sums over layers. Where each image's layers are known (a capture of `snapsim capture`, or a shipped
one), a layer that two images have is counted once. A layer whose size the history leaves open has bounds, and widens
only the sums that part it from its neighbours: what an image has from its base to its top is known all the same. Where
only Size and SharedSize are known, four facts bound the layers of any set of images: they are no more than the images'
sizes added up, no less than the largest of them, and the host's LayersSize less what the other images can have, at
most, and have alone, at least.

Images and containers that exist and are not listed (`Inventory.unlisted`, `HeldContainer.count`) are part of every sum
with what the totals say of them, and with no upper end where those say nothing.

>>> from snapsim.hosts.reading import load_host
>>> held = inventory(load_host("overlay2"))
>>> [(image.tags[0], len(image.chain)) for image in held.images], held.content().low, held.size_rw().low
([('child:1', 4), ('base:1', 1)], 73355154, 49283072)
>>> held.reclaimable((20, 10))
(Bound(low=35606418, high=35606418), Bound(low=49283072, high=49283072))

LEAVES OUT: volumes; and images that a container has though no listing shows them (removed by force): such a
container's image is not told, and everything that needs it has no upper end.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.docker.figures import ACTIVE, parse_version
from snapsim.drivers.diff import chain_id
from snapsim.hosts.host import ContainerSize, Host, ImageSize, UsageTotals
from snapsim.hosts.sizes import UNKNOWN, ZERO, Bound, Size, bound, largest, total


class StackedLayer(NamedTuple):
    """A layer in an image: its ChainID, its own bytes, and those with all layers below."""

    chain_id: str
    own: Bound
    below: Bound


@dataclass(frozen=True)
class HeldImage:
    """An image: its tags, its sizes, its layers from the base up (None: not told), and whether containers have it."""

    id: str
    tags: tuple[str, ...]
    size: Bound
    shared: Bound
    unique: Bound
    chain: tuple[StackedLayer, ...] | None = None
    used: bool | None = None

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
class HeldContainer:
    """A container, or `count` of them that no list has.

    `size_rw` is what their own layers have together, `image` the place of their image in the listing, and `runs` says
    whether they run; None: not told.
    """

    size_rw: Bound
    image: int | None = None
    runs: bool | None = None
    count: int = 1


@dataclass(frozen=True)
class Inventory:
    """All images and containers.

    Attributes
    ----------
    images : tuple of HeldImage
        Those that are listed.
    boxes : tuple of HeldContainer
        All containers.
    layers_size : Bound
        Docker's figure for all layers, each once.
    unlisted : int
        Images that exist, and of which nothing more is told; 1 where it is not told whether there are any.
    containers_size, stopped_size : Bound
        Docker's totals of the containers' own layers: of all, and of those that do not run.
    cache : Bound, optional
        Bytes of the build cache that no build uses; None where nothing is told of it.
    reclaimable_images : Bound
        The most that all images without a container can give back, by Docker's own total.
    """

    images: tuple[HeldImage, ...]
    boxes: tuple[HeldContainer, ...]
    layers_size: Bound
    unlisted: int = 0
    containers_size: Bound = UNKNOWN
    stopped_size: Bound = UNKNOWN
    cache: Bound | None = None
    reclaimable_images: Bound = UNKNOWN

    @cached_property
    def settled(self) -> bool:
        """Are the layers of every image known, and are there no other layers?"""
        if self.unlisted:
            return False
        if not self.images:
            return self.layers_size == ZERO
        if any(image.chain is None for image in self.images):
            return False
        known = self._stacked(range(len(self.images)))
        told = self.layers_size
        return told.low <= (known.low if known.high is None else known.high) and known.low in told

    def layers(self, which: Collection[int] | None = None) -> dict[str, StackedLayer]:
        """The layers of some images (all when left out) by their ChainIDs, as far as they are known."""
        numbers = range(len(self.images)) if which is None else which
        return {layer.chain_id: layer for number in numbers for layer in self.images[number].chain or ()}

    def _stacked(self, which: Iterable[int], beside: Collection[str] = ()) -> Bound:
        """Bytes of the layers of some images whose chains are known, each layer once, without those `beside`.

        Chains that share layers share them from the base up. So each image adds what it has above the highest layer
        that was there before, and where its history leaves layers open above that one, their sum is still known.
        """
        known, added = set(beside), []
        for number in which:
            chain = self.images[number].chain or ()
            new = next((at for at, layer in enumerate(chain) if layer.chain_id not in known), len(chain))
            if new < len(chain):
                added.append(chain[-1].below.less(chain[new - 1].below if new else ZERO))
            known.update(layer.chain_id for layer in chain)
        return total(added)

    def content(self, which: Collection[int] | None = None) -> Bound:
        """Bytes of the layers of some images (of all that exist when left out), each layer once."""
        if which is None:
            return self._all
        if all(self.images[number].chain is not None for number in which):
            return self._stacked(sorted(which))
        return self._bounded(which)

    def _bounded(self, which: Collection[int]) -> Bound:
        """The same from the sizes of the images alone."""
        others = [image for number, image in enumerate(self.images) if number not in which]
        if not others and not self.unlisted:
            return self._all
        rest = Bound(total(image.unique for image in others).low, total(image.size for image in others).high)
        rest = Bound(rest.low, None) if self.unlisted else rest
        return _together([self.images[number] for number in which], 1).meet(self._all.less(rest), _FIGURES)

    @cached_property
    def _all(self) -> Bound:
        if not self.images:
            return self.layers_size
        if all(image.chain is not None for image in self.images):
            listed = self._stacked(range(len(self.images)))
        else:
            listed = _together(self.images, self._owners)
        return (Bound(listed.low, None) if self._more else listed).meet(self.layers_size, _FIGURES)

    @property
    def _owners(self) -> int:
        """In how many of the listed images a shared layer is at least.

        From 26 on SHARED SIZE also counts what is shared with steps of builds: more than what is listed can share.
        """
        highs = [image.shared.high for image in self.images if image.shared.high is not None]
        whole = not self.unlisted and (
            len(highs) < len(self.images)
            or all(image.shared.low + (image.shared.high or 0) <= sum(highs) for image in self.images)
        )
        return 2 if whole else 1

    @property
    def _more(self) -> bool:
        """May there be layers that no listed image has?"""
        chains = all(image.chain is not None for image in self.images)
        return bool(self.unlisted) or (chains and not self.settled and self.layers_size != UNKNOWN)

    def freed(self, which: Collection[int], unlisted: bool) -> Bound:
        """Bytes of layers that go with some images, and with those that are not listed, while the others stay.

        They are no less than what those images have alone, and no more than all that they have.
        """
        if not which and not unlisted:
            return ZERO
        kept = [number for number in range(len(self.images)) if number not in which]
        if not self.unlisted and all(image.chain is not None for image in self.images):
            return self._stacked(sorted(which), self.layers(kept))
        goes = [self.images[number] for number in which]
        least, most = total(image.unique for image in goes).low, total(image.size for image in goes).high
        rest = self.content().less(self.content(kept))
        if self.unlisted:  # those that stay may have all the rest, those that go bring more
            rest, most = (rest, None) if unlisted else (rest.or_nothing(), most)
        high = rest.or_nothing().meet(Bound(0, most)).high
        return Bound(max(rest.low, least) if high is None else min(max(rest.low, least), high), high)

    def size_rw(self) -> Bound:
        """Bytes of all containers' own layers."""
        return total(box.size_rw for box in self.boxes).meet(self.containers_size, _CONTAINERS)

    def image_of(self, box: HeldContainer) -> HeldImage | None:
        """The image of a container, where it is listed."""
        return None if box.image is None else self.images[box.image]

    def readers(self) -> dict[int, int]:
        """Images that have containers, and how many."""
        return dict(Counter(box.image for box in self.boxes if box.image is not None))

    @property
    def lost(self) -> bool:
        """Are there containers that may run and whose image is not told, so that they may need any?"""
        return any(box.image is None and box.runs is not False for box in self.boxes)

    def unused(self, dangling_only: bool, surely: bool) -> list[int]:
        """Images that go after the stopped containers: with ``prune`` those without a name, with ``prune -a`` all.

        `surely` leaves out those that a container may need.
        """
        needed = {box.image for box in self.boxes if (surely if box.runs is None else box.runs)}
        return [
            number
            for number, image in enumerate(self.images)
            if number not in needed
            and (image.dangling or not dangling_only)
            and not (surely and self.lost and image.used is not False)
        ]

    def reclaimable(self, version: tuple[int, ...]) -> tuple[Bound, Bound]:
        """What `docker system df` of a release calls reclaimable, of images and of containers: see `docker.figures`."""
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
_CONTAINERS = "the sizes of the host's containers"


def _together(images: Collection[HeldImage], owners: int) -> Bound:
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
        hint = "" if host.driver else "; if containerd keeps the images, add what docker info prints"
        raise InvalidInput(error.problem + hint * error.problem.startswith(_FIGURES), place) from None


def _inventory(host: Host) -> Inventory:
    images = tuple(_images(host))
    index = {name: number for number, image in enumerate(images) for name in (*image.tags, _digits(image.id))}
    boxes = [_box(row, index, _content(host, bound(row.size_rw))) for row in host.container_sizes]
    totals, cache = host.container_totals or UsageTotals(), host.cache_totals
    size, stopped = (_content(host, bound(told)) for told in (totals.size, totals.reclaimable))
    found = Inventory(
        images,
        (*boxes, *_unlisted(host, boxes, images, size, stopped)),
        _content(host, bound(0 if host.images == 0 and not images else host.layers_size)),
        host.unlisted_images or int(host.images is None and not images),
        size,
        stopped,
        None if cache is None else _content(host, bound(cache.reclaimable)).meet(bound(cache.size).or_nothing()),
        _most_reclaimable(host, boxes),
    )
    found.content()  # contradictions show here
    found.size_rw()
    return found


def _unlisted(
    host: Host, boxes: Sequence[HeldContainer], images: Sequence[HeldImage], size: Bound, stopped: Bound
) -> Iterator[HeldContainer]:
    """Containers that exist, by a count of them or of an image's, and that no list has.

    Where the totals say how many of all run, those that are left are split by that.
    """
    of_images = {
        _digits(row.id)[:_FEWEST_DIGITS] or f"row {number}": row.containers or 0
        for number, row in enumerate(host.image_sizes)
    }
    exist = max(host.containers or 0, sum(of_images.values()))
    if host.containers is None and not exist and not boxes:
        yield HeldContainer(UNKNOWN)  # not even a count: there may be any number
        return
    if host.running_only and exist <= len(boxes):
        yield HeldContainer(UNKNOWN, None, False, 0)  # any number that do not run
        return
    left, totals = max(exist - len(boxes), 0), host.container_totals or UsageTotals()
    rest = size.less(total(box.size_rw for box in boxes))
    if left and (totals.active is None or any(box.runs is None for box in boxes)):
        yield HeldContainer(rest, count=left)
    elif left:
        running = min(max((totals.active or 0) - sum(box.runs is True for box in boxes), 0), left)
        gone = stopped.less(total(box.size_rw for box in boxes if box.runs is False)) if left > running else ZERO
        gone = rest if not running and gone == UNKNOWN else gone
        if running:
            yield HeldContainer(rest.less(gone), None, True, running)
        if left > running:
            yield HeldContainer(gone, None, False, left - running)


def _most_reclaimable(host: Host, boxes: Sequence[HeldContainer]) -> Bound:
    """RECLAIMABLE of images bounds what goes, if no container goes before: from 17.06 to 28 it is all layers but those
    that one used image has alone, of which none goes. Other releases count otherwise (see `Inventory.reclaimable`)."""
    images, containers = host.image_totals or UsageTotals(), host.container_totals or UsageTotals()
    try:
        release = parse_version(host.server_version)
    except InvalidInput:
        return UNKNOWN
    listed = host.containers is not None and len(boxes) == host.containers and all(box.runs for box in boxes)
    none_stopped = listed or (containers.active is not None and containers.active == containers.count)
    told = bound(images.reclaimable)
    if not none_stopped or not (17, 6) <= release < (29,) or told.low < 0 or host.containerd_store:
        return UNKNOWN
    return told.or_nothing()


def _content(host: Host, size: Bound) -> Bound:
    """Of containerd's sizes, which count blocks, directories and compressed blobs, only the upper end holds."""
    return size.or_nothing() if host.containerd_store else size


def _images(host: Host) -> Iterator[HeldImage]:
    """Each image once, however many tags it has."""
    rows: dict[str, list[ImageSize]] = {}
    for number, row in enumerate(host.image_sizes):
        rows.setdefault(_digits(row.id)[:_FEWEST_DIGITS] or f"row {number}", []).append(row)
    for same in rows.values():
        row, size = same[0], _content(host, bound(same[0].size))
        shared = bound(row.shared).meet(Bound(0, size.high)) if row.shared is not None else size.or_nothing()
        unique = size.or_nothing() if row.unique is None or host.containerd_store else _unique(row)
        tags = tuple(tag for each in same for tag in (each.tag, *each.other_tags))
        yield HeldImage(row.id, tags, size, _content(host, shared), unique, _chain(row, host), row.used)


def _unique(row: ImageSize) -> Bound:
    told = bound(row.unique)
    return Bound(max(told.low, 0), told.high)


def _chain(row: ImageSize, host: Host) -> tuple[StackedLayer, ...] | None:
    """The layers of an image, as its history or a shipped capture's list tells them; never containerd's (see above)."""
    layers = row.layer_bounds
    if host.containerd_store or layers is None:
        return None if host.containerd_store else _listed(row, host)
    layers[-1].below.meet(bound(row.size), f"the layers of {row.tag} and its size")
    names = accumulate(row.layers, lambda chain, layer: chain_id([chain, layer]))
    return tuple(StackedLayer(name, layer.own, layer.below) for name, layer in zip(names, layers, strict=True))


def _listed(row: ImageSize, host: Host) -> tuple[StackedLayer, ...] | None:
    """The layers in a shipped capture's list, which is one image's whole chain: another has the lower part of its size.

    A layer of 0 bytes above that part could belong to it as well: then its chain is not settled.
    """
    sizes = [layer.recorded for layer in host.layers if layer.role == "image layer" and layer.recorded is not None]
    ends = [count for count, size in enumerate(accumulate(sizes), 1) if size == row.size]
    if not ends or (len(ends) > 1 and ends[-1] < len(sizes)):
        return None
    return _stacked((f"layer {count}" for count in range(ends[-1])), sizes[: ends[-1]])


def _stacked(names: Iterable[str], sizes: Sequence[Size]) -> tuple[StackedLayer, ...]:
    own = [bound(size) for size in sizes]
    return tuple(map(StackedLayer, names, own, accumulate(own)))


def _box(row: ContainerSize, index: Mapping[str, int], size_rw: Bound) -> HeldContainer:
    """A container; its image is named by id, by tag, or by the beginning of its id."""
    name = row.image if ":" in row.image.rpartition("/")[2] else f"{row.image}:latest"
    names = (_digits(row.image_id), name, row.image, _digits(row.image))
    number = next((index[name] for name in names if name and name in index), None)
    return HeldContainer(
        size_rw, _begun(index, names) if number is None else number, row.state in ACTIVE if row.state else None
    )


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
