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

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from snapsim.base.units import MiB
from snapsim.hosts.inventory import Box, Inventory, Stacked
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
        return self.images(range(len(self.held.images))) + total(map(self.box, self.held.boxes))

    def on_disk(self) -> Bound:
        """No less than the data; how many ends of files and how much metadata come on top is not told."""
        return Bound(self.data().low, None)

    def images(self, which: Iterable[int]) -> Bound:
        """What the layers of some images keep, each layer once, while there are no other images."""
        wanted = list(which)
        if not self.held.settled:
            size = self.held.content(wanted)
            return Bound(self._blocks(size.low), None) if self.pool or self.traits.copies_trees else size
        return total(map(self._layer, self.held.layers(wanted).values()))

    def freed(self, which: list[int]) -> Bound:
        """What goes with these images, while the others stay."""
        kept = set(range(len(self.held.images))) - set(which)
        if self.held.settled:
            stays, goes = self.held.layers(kept), self.held.layers(which)
            return total(self._layer(layer) for name, layer in goes.items() if name not in stays)
        rest = self.held.content().less(self.held.content(kept))
        return Bound(rest.low, None) if which and (self.pool or self.traits.copies_trees) else rest

    def _layer(self, layer: Stacked) -> Bound:
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

    def box(self, box: Box) -> Bound:
        """What the two layers of a container hold alone."""
        if self.pool:
            return Bound(2 * self._log, None)
        if self.traits.copies_trees:
            image = self.held.image_of(box)
            shown = image.visible if image else UNKNOWN
            return shown + box.size_rw + shown.or_nothing()
        return box.size_rw if self.traits.holds_whole else box.size_rw.or_nothing()

    def prune(self, dangling_only: bool) -> Bound:
        """Stopped containers, then images without one; where a state is not told, both are possible."""
        gone = total(
            self.box(box) if box.runs is False else self.box(box).or_nothing()
            for box in self.held.boxes
            if not box.runs
        )
        surely, perhaps = (self.freed(self.held.unused(dangling_only, runs)) for runs in (True, False))
        lost = any(box.image is None and box.runs is not False for box in self.held.boxes)  # may need any image
        return gone + Bound(0 if lost else surely.low, perhaps.high)

    # ---------------------------------------------------------------- cost

    def new_container(self) -> Bound:
        """What is copied to make a container of the image that shows most."""
        return largest(image.visible for image in self.held.images).times(2) if self.traits.copies_trees else ZERO

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
        if not self.traits.caches_once:
            return total(each.times(counts[number]) for number, each in shown.items())
        return Bound(largest(shown.values()).low, self.held.content(shown).high) if shown else ZERO

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
            "prune": "what the layers and containers that go hold alone, by the rule of the data",
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
