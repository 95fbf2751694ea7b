"""From the sizes of layers to what a stack keeps: one function for each figure of `what_if`, exact or a bound.

What a layer or a container *holds alone* is the brick. There are four ways, by the stack's `traits`:

| the stack | an image layer holds | a container holds |
|---|---|---|
| holds whole files (overlay2, aufs on ext4) | its files, as unpacked: exact | files that it changed: SizeRw, exact |
| shares blocks (btrfs, zfs, XFS clones) | its files, as unpacked: exact | nothing (only a mode changed) to SizeRw |
| copies trees (vfs on ext4) | its own bytes, to all below added up | what the image shows, twice, and SizeRw |
| is a thin pool | its bytes in whole pool blocks, and a log | two logs; moved blocks take neighbours along: no end |

>>> from snapsim.hosts.reading import load_host
>>> from snapsim.hosts.inventory import inventory
>>> from snapsim.lab.stacks import STACKS
>>> held = inventory(load_host("overlay2"))
>>> for name in ("overlay2-ext4", "zfs", "vfs-ext4", "devicemapper-loop-lvm"):
...     rules = Rules(held, STACKS[name])
...     print(name, rules.box(held.boxes[0]), rules.data(), sep=": ")
overlay2-ext4: 38.8MB: 122.6MB
zfs: at most 38.8MB: 73.35MB to 122.7MB
vfs-ext4: 38.79MB to 185.6MB: 122.6MB to 1.005GB
devicemapper-loop-lvm: at least 4.194MB: at least 102.7MB

LEAVES OUT: parts of btrfs extents that no file shows any more, what XFS preallocates, padding of the last ZFS record:
none of it is bytes of files, all of it is on the disk.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from snapsim.base.units import MiB
from snapsim.hosts.inventory import HeldContainer, Inventory, StackedLayer
from snapsim.hosts.sizes import UNKNOWN, ZERO, Bound, largest, total
from snapsim.hosts.stack_probes import Traits, first_write, traits
from snapsim.lab.stacks import Stack

XFS_LOG = 2 * MiB
"""What XFS clears of its log at the first mount of a thin volume, which then shares it no more; read off real pools
(docs/reference/docker-figures.md). The model does not count it."""
_LOGS = {"devicemapper": XFS_LOG}
_BLOCK = 4096


@dataclass(frozen=True)
class Rules:
    """The rules for one host on one stack."""

    held: Inventory
    stack: Stack

    @cached_property
    def traits(self) -> Traits:
        """Of the stack."""
        return traits(self.stack)

    @cached_property
    def pool(self) -> bool:
        """Are places larger than blocks allocated?"""
        return self.traits.unit > _BLOCK

    @cached_property
    def grows(self) -> bool:
        """Does a first write cost more in a larger file?"""
        return first_write(self.stack, 2 * MiB).written > first_write(self.stack, MiB).written

    # ---------------------------------------------------------------- space

    def data(self) -> Bound:
        """Bytes of files that all images and containers keep, in a pool those of its blocks."""
        return self.images() + self._own(self.held.boxes, self.held.size_rw())

    def on_disk(self) -> Bound:
        """No less than the data; how many ends of files and how much metadata come on top is not told."""
        return Bound(self.data().low, None)

    def images(self) -> Bound:
        """What the layers of all images keep, each layer once."""
        size = self.held.content()
        if not self.pool and not self.traits.copies_trees:
            return size
        if not self.held.settled:
            return Bound(self._blocks(size.low), None)
        return self._stacked(self.held.layers(), size)

    def freed(self, which: list[int], unlisted: bool) -> Bound:
        """What goes with these images, and with those that are not listed, while the others stay."""
        size = self.held.freed(which, unlisted)
        if not self.pool and not self.traits.copies_trees:
            return size
        if not self.held.settled:
            return Bound(size.low, None) if which or unlisted else size
        stays = self.held.layers([number for number in range(len(self.held.images)) if number not in which])
        goes = {name: layer for name, layer in self.held.layers(which).items() if name not in stays}
        return self._stacked(goes, size)

    def _stacked(self, layers: Mapping[str, StackedLayer], size: Bound) -> Bound:
        """What layers keep that have `size` bytes together: no less than that, whatever each of them has alone."""
        found = total(map(self._layer, layers.values()))
        logs = self._log * len(layers) if self.pool else 0
        return Bound(max(found.low, self._blocks(size.low) + logs), found.high)

    def _layer(self, layer: StackedLayer) -> Bound:
        """What one layer holds alone."""
        if self.pool:
            return Bound(self._blocks(layer.own.low) + self._log, None)
        return Bound(layer.own.low, layer.below.high) if self.traits.copies_trees else layer.own

    def _blocks(self, size: int) -> int:
        """In whole places of the pool."""
        return -(-size // self.traits.unit) * self.traits.unit if self.pool else size

    @property
    def _log(self) -> int:
        return _LOGS.get(self.stack.driver, 0)

    def box(self, box: HeldContainer) -> Bound:
        """What the two layers of a container hold alone."""
        if self.pool:
            return Bound(2 * self._log, None)
        if self.traits.copies_trees:
            image = self.held.image_of(box)
            shown = image.visible if image else UNKNOWN
            return shown + box.size_rw + shown.or_nothing()
        return box.size_rw if self.traits.holds_whole else box.size_rw.or_nothing()

    def _own(self, boxes: Collection[HeldContainer], size_rw: Bound) -> Bound:
        """What containers hold alone that have `size_rw` bytes of changes together."""
        if self.pool:
            return Bound(2 * self._log * sum(box.count for box in boxes), None) if boxes else ZERO
        if self.traits.copies_trees:
            shown = [(box, image.visible if (image := self.held.image_of(box)) else UNKNOWN) for box in boxes]
            return size_rw + total((tree + tree.or_nothing()).times(box.count) for box, tree in shown)
        return size_rw if self.traits.holds_whole else size_rw.or_nothing()

    def prune(self, dangling_only: bool) -> Bound:
        """Stopped containers, then images without one, then the build cache; where a state is not told, both are
        possible. Of the cache, prune leaves what ``-a`` takes."""
        held = self.held
        images = Bound(
            self.freed(
                held.unused(dangling_only, True), bool(held.unlisted) and not dangling_only and not held.lost
            ).low,
            self.freed(held.unused(dangling_only, False), bool(held.unlisted)).high,
        )
        if not self.pool and not self.traits.copies_trees:
            most = held.reclaimable_images.high
            images = images if most is None else Bound(min(images.low, most), min(images.high or 0, most))
        return self._stopped() + images + self._cache_gone(dangling_only)

    def _stopped(self) -> Bound:
        """What the containers hold that do not run."""
        stopped = [box for box in self.held.boxes if box.runs is False]
        perhaps = [box for box in self.held.boxes if box.runs is None]
        sizes = [total(box.size_rw for box in boxes) for boxes in (stopped, perhaps)]
        gone = self._own(stopped, sizes[0]) + self._own(perhaps, sizes[1]).or_nothing()
        told = self.held.stopped_size
        if told.high is None or self.pool or self.traits.copies_trees:
            return gone
        return gone.meet(told if self.traits.holds_whole else told.or_nothing(), "the sizes of stopped containers")

    def _cache_gone(self, dangling_only: bool) -> Bound:
        """What goes of the build cache, whose records are layers as well; nothing, where nothing is told (`words`)."""
        cache = self.held.cache or ZERO
        if cache != ZERO and (self.pool or self.traits.copies_trees):
            return UNKNOWN
        return cache if self.traits.holds_whole and not dangling_only else cache.or_nothing()

    # ---------------------------------------------------------------- cost

    def new_container(self) -> Bound:
        """What is copied to make a container of the image that shows most."""
        if not self.traits.copies_trees:
            return ZERO
        unlisted = [self.held.content().or_nothing()] if self.held.unlisted else []
        return largest([*(image.visible for image in self.held.images), *unlisted]).times(2)

    def worst(self) -> Bound:
        """Bytes that a first write to any file of the images can write: none is larger than the largest layer."""
        if not self.grows:
            return Bound(0, first_write(self.stack, MiB).written)
        layers = self.held.layers().values()
        sizes = [layer.own for layer in layers] if self.held.settled else [self.held.content()]
        most = largest(sizes).high
        return Bound(0, None if most is None else (-(-most // _BLOCK) + 1) * _BLOCK)

    def cache(self, containers: int | None) -> Bound:
        """Bytes of image files in memory once so many containers of each image (None: as many as it has) read all."""
        readers = self.held.readers() or dict.fromkeys(range(len(self.held.images)), 0)
        counts = readers if containers is None else dict.fromkeys(readers, containers)
        shown = {number: self.held.images[number].visible for number, count in counts.items() if count}
        untold = self._more_readers(containers)
        if not self.traits.caches_once:
            found = total(each.times(counts[number]) for number, each in shown.items())
            return Bound(found.low, None) if untold else found
        if not shown and not untold:
            return ZERO
        return Bound(largest(shown.values()).low, (self.held.content() if untold else self.held.content(shown)).high)

    def _more_readers(self, containers: int | None) -> bool:
        """Do containers read images that are not listed, or of which it is not told that they read them?"""
        if containers is not None:
            return bool(self.held.unlisted and containers)
        return any(box.image is None for box in self.held.boxes)

    # ---------------------------------------------------------------- words

    def words(self) -> dict[str, str]:
        """Why each figure is exact, or what bounds it."""
        return {
            "data": self._why_data(),
            "on_disk": "at least the data: ends of files and metadata are not told",
            "first_write": "done on the simulated stack, metadata left out",
            "worst": "grows with the file, which is no larger than the largest layer"
            if self.grows
            else "the same for all files that are large enough",
            "cache": "how much of its layers an image shows is not told, unless it has one",
            "prune": "what the layers and containers that go hold alone, by the rule of the data; "
            + ("build cache is not told" if self.held.cache is None else "and the build cache that no build uses"),
        }

    def _why_data(self) -> str:
        if self.pool:
            return (
                "whole pool blocks and 2 MiB of XFS log for each thin volume (two a container); a block that moves "
                "takes other files' bytes along: at least"
            )
        if self.traits.copies_trees:
            return (
                "each layer, and both of a container, are copied trees: at least their own bytes, at most all "
                "below added up"
            )
        if self.traits.holds_whole:
            return "layers as unpacked; a container holds each file that it changed whole: what Docker's sizes count"
        return (
            "layers as unpacked; of a file that it changed a container holds changed blocks: nothing, to all of SizeRw"
        )
