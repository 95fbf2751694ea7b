"""The ledger: which layers hold each allocated place, and what follows for images, containers and tools.

A *place* is the unit of allocation (a block, a pool block, a sector of a record). All places that are held by the same
set of layers are one line, so the ledger is a table *set of layers -> bytes*, and each tool's figure is a sum over some
of its lines:

- **held** by a layer: the lines that name it (btrfs *referenced*, dm-thin *mapped*, zfs *referenced*);
- **exclusive**: the lines that name it alone (btrfs *exclusive*, what `thin_ls` calls so, zfs *written* of a clone);
- **frees** of a set: the lines that name no layer outside the set. It is more than the sum of the exclusive parts when
the members share among themselves, which is why `prune` never frees what the single figures add up to.

An image or container **pins** its own layers and all layers below them. When the layers of each line are replaced by
the images and containers that pin them, the same ledger answers for images and containers.

>>> from snapsim.drivers.graphdrivers import Btrfs
>>> driver = Btrfs()
>>> driver.create("base")
>>> with driver.mounted("base") as mount:
...     mount.write("/f", 0, 1 << 20)
1048576
>>> driver.create_read_write("box", "base")
>>> with driver.mounted("box") as mount:
...     mount.write("/g", 0, 8192)
8192
>>> book = take(driver, {"base": Label(("base:1",), "import"), "box": Label(("c1",), "run", "container")})
>>> {" ".join(sorted(layers)): size for layers, size in book.shares.items()}
{'box': 8192, 'base box': 1048576}
>>> book.frees("base:1"), book.frees("c1"), book.frees("base:1", "c1") == book.allocated
(0, 8192, True)

What it leaves out: metadata (inodes, directories, B-tree nodes, pool metadata), as `snapsim.drivers.driver` does,
and who could give a byte back by writing (a partial discard).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from snapsim.base.errors import NotFound
from snapsim.block.device import Integers
from snapsim.drivers.driver import Driver


class Label(NamedTuple):
    """What the engine knows of a layer: its users, the step that made it, and "image" or "container" as its kind."""

    users: tuple[str, ...]
    step: str = ""
    kind: str = "image"


class Holding(NamedTuple):
    """One line of the answer, in bytes.

    `held` = `exclusive` + `shared`; `partners` says how much is shared with each other holder (a byte that three share
    counts with both others). `frees` is what the removal of this one alone frees now: nothing, for a layer that has
    children.
    """

    kind: str
    name: str
    step: str
    held: int
    exclusive: int
    shared: int
    frees: int
    partners: dict[str, int]


@dataclass(frozen=True)
class Ledger:
    """The ledger of one moment; made by `take`.

    Attributes
    ----------
    shares : dict of frozenset of str to int
        Bytes that exactly these layers hold.
    parents : dict of str to (str or None)
        Each layer's parent, in the order of creation.
    labels : dict of str to Label
        One for each layer; a layer that the engine does not know is its own user.
    allocated : int
        Bytes that the storage below has allocated, by its own count.
    """

    shares: dict[frozenset[str], int]
    parents: dict[str, str | None]
    labels: dict[str, Label]
    allocated: int

    @property
    def unowned(self) -> int:
        """Allocated bytes that no layer holds: files that are deleted and still open."""
        return self.allocated - sum(self.shares.values())

    # ---------------------------------------------------------------- who pins what

    def chain(self, id: str) -> list[str]:
        """The layer and all below it, topmost first."""
        found, at = [], self._known(id)
        while at is not None:
            found.append(at)
            at = self.parents[at]
        return found

    def _known(self, id: str) -> str | None:
        if id not in self.parents:
            raise NotFound(f"no layer {id!r}: {', '.join(self.parents)}")
        return id

    def pins(self) -> dict[str, frozenset[str]]:
        """The images and containers that pin a layer: its own users, and those of all layers above it."""
        found: dict[str, set[str]] = {id: set() for id in self.parents}
        for id, label in self.labels.items():
            for below in self.chain(id):
                found[below].update(label.users)
        return {id: frozenset(users) for id, users in found.items()}

    def owners(self) -> dict[str, str]:
        """Every image and container (or layer without one), and its kind."""
        return {user: label.kind for label in self.labels.values() for user in label.users}

    def tops(self) -> dict[str, str]:
        """The top layer of each image and container: the one of its layers that is no parent of another."""
        found: dict[str, str] = {}
        for id, label in self.labels.items():
            chain = self.chain(id)
            found.update({user: id for user in label.users if user not in found or found[user] in chain})
        return found

    def by_owner(self) -> dict[frozenset[str], int]:
        """The same ledger by images and containers instead of layers."""
        pins, found = self.pins(), defaultdict[frozenset[str], int](int)
        for layers, size in self.shares.items():
            found[frozenset().union(*(pins[id] for id in layers))] += size
        return dict(found)

    # ---------------------------------------------------------------- before anything is removed

    def frees(self, *owners: str) -> int:
        """Bytes that become free when exactly these images and containers are removed.

        Raises
        ------
        NotFound
            No such image or container.
        """
        for owner in owners:
            if owner not in self.owners():
                raise NotFound(f"no image or container {owner!r}: {', '.join(self.owners())}")
        return _inside(self.by_owner(), owners)

    def going(self, *owners: str) -> list[str]:
        """The layers that are removed with them, in an order that a driver allows: children first."""
        return [id for id, pins in reversed(self.pins().items()) if pins <= set(owners)]

    def frees_layers(self, *ids: str) -> int:
        """Bytes that become free when these layers are removed, which a driver allows only if they have no children."""
        return _inside(self.shares, ids)

    def made(self, id: str) -> int:
        """Bytes that the layer allocated first, even if others share them by now: each line counts for its oldest
        layer.

        So the sum over all layers is the whole ledger; btrfs' simple quotas and zfs' `used` count like this.
        """
        order = list(self.parents)
        return sum(size for layers, size in self.shares.items() if min(layers, key=order.index) == id)

    # ---------------------------------------------------------------- the answer

    def rows(self) -> list[Holding]:
        """A row for each image, container and layer, in the order in which they came."""
        book = self.by_owner()
        owners = [self._row(kind, name, "", book) for name, kind in self.owners().items() if kind != "layer"]
        standing = {parent for parent in self.parents.values() if parent is not None}
        layers = [self._row("layer", id, self.labels[id].step, self.shares) for id in self.parents]
        return owners + [row._replace(frees=0) if row.name in standing else row for row in layers]

    def _row(self, kind: str, name: str, step: str, book: Mapping[frozenset[str], int]) -> Holding:
        held, alone, partners = 0, book.get(frozenset([name]), 0), defaultdict[str, int](int)
        for holders, size in book.items():
            if name in holders:
                held += size
                for other in sorted(holders - {name}):
                    partners[other] += size
        return Holding(kind, name, step, held, alone, held - alone, alone, dict(partners))


def _inside(book: Mapping[frozenset[str], int], names: Iterable[str]) -> int:
    return sum(size for holders, size in book.items() if holders <= set(names))


def take(driver: Driver, labels: Mapping[str, Label] | None = None) -> Ledger:
    """Make the ledger of a driver; dirty pages are written back first, since they have no place before.

    Parameters
    ----------
    driver : Driver
    labels : mapping of str to Label, optional
        What the engine knows of the layers; a layer without a label is its own user.

    Returns
    -------
    Ledger
    """
    driver.sync()
    ids = driver.ids()
    known = {id: (labels or {}).get(id, Label((id,), "", "layer")) for id in ids}
    shares = share_out({id: driver.places(id) for id in ids})
    return Ledger(
        {layers: count * driver.place_size for layers, count in shares.items()},
        {id: driver.parent(id) for id in ids},
        known,
        driver.space(),
    )


def share_out(places: Mapping[str, Integers]) -> dict[frozenset[str], int]:
    """Count the places of each set of holders.

    All places start in one class; each holder in turn splits every class into the places that it holds and the others.
    So there are never more classes than sets of holders that occur.

    Parameters
    ----------
    places : mapping of str to ndarray of int64
        The distinct places of each holder.

    Examples
    --------
    >>> both = share_out({"a": np.array([1, 2, 3]), "b": np.array([3, 4])})
    >>> sorted(("".join(sorted(names)), count) for names, count in both.items())
    [('a', 2), ('ab', 1), ('b', 1)]
    """
    every = np.unique(np.concatenate([np.zeros(0, np.int64), *places.values()]))
    class_of, members = np.zeros(every.size, np.int64), [frozenset[str]()]
    for name, mine in places.items():
        at = np.searchsorted(every, mine)
        split, index = np.unique(class_of[at], return_inverse=True)
        class_of[at] = len(members) + index
        members += [members[old] | {name} for old in split]
    sizes = np.bincount(class_of, minlength=len(members))
    return {holders: int(size) for holders, size in zip(members, sizes, strict=True) if size}
