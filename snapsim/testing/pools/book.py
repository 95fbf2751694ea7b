"""A pool beside the simplest thing that can be right: a dictionary of contents and one of *owners' tokens* a volume.

A token stands for a pool block. A write to a chunk whose token has other owners takes a new token; which number a pool
block has is the pool's affair, but two chunks have the same one exactly if they have the same token. Once shared, a
chunk may move although nobody else holds it any more: dm-thin does not look whether the other owner still exists.

LEAVES OUT: which lists to play (`pool_stories`, `pools`).
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from snapsim.base.errors import NoSpace
from snapsim.testing.failure import Broken, same
from snapsim.testing.pools.contract import PoolFactory, PoolShape
from snapsim.testing.scene import Scene, looked, scene_of

KEEPS = "every thin volume shows what was written to it, whatever happens to the others"
FULL = "out of space: each chunk of the request is written whole or not at all"
ROOM = "a write that finds pool blocks succeeds, and one that finds none is NoSpace"
IDS = "the thin volumes are those that were made and not deleted"
MAPPED = "a chunk is mapped from its first write to its discard"
PLACES = "a pool block is a number from 0 on, less than how many there are"
SHARED = "two chunks lie in one pool block exactly if a snapshot made it so and neither was written since"
IN_PLACE = "a write to a pool block that was never shared stays there"
COUNTS = "the references of a pool block are the chunks that are mapped to it"
USED = "used is the number of pool blocks that are mapped"
EXCLUSIVE = "exclusive is the number of pool blocks that nobody else maps"
COPIES = "breaking sharing copies one pool block, unless the request covers it: then nothing"


class PoolAct(NamedTuple):
    """One operation; thin volumes are counted modulo the number of those that live.

    Attributes
    ----------
    verb : str
        "create", "snapshot", "delete", "write", "discard" or "read".
    thin : int
        Index among the living thin volumes.
    blocks : tuple of int
        Blocks of the request, modulo the size.
    """

    verb: str
    thin: int = 0
    blocks: tuple[int, ...] = ()


class PoolStage:
    """A pool with one thin volume, and what both should be.

    Attributes
    ----------
    lines : list of str
        The program so far.
    """

    def __init__(self, factory: PoolFactory, shape: PoolShape, lines: list[str]) -> None:
        self.shape, self.lines = shape, lines
        self.pool = factory(*shape)
        self.contents: dict[int, dict[int, int]] = {}
        self.tokens: dict[int, dict[int, int]] = {}
        self.places: dict[int, int] = {}  # token -> pool block, when it was last looked at
        self.once_shared: set[int] = set()
        self.copied, self._step, self._made, self._fresh = 0, 0, 0, itertools.count()
        self._create(PoolAct("create"))

    # ---------------------------------------------------------------- one operation

    def do(self, act: PoolAct) -> None:
        """Carry an operation out on the pool and on the book, and compare everything."""
        self._step += 1
        getattr(self, f"_{act.verb}")(act)
        self.compare()

    def _id(self, act: PoolAct) -> int:
        return list(self.tokens)[act.thin % len(self.tokens)]

    def _blocks(self, act: PoolAct) -> list[int]:
        return list(dict.fromkeys(block % self.shape.size for block in act.blocks))

    def _create(self, act: PoolAct) -> None:
        id = self._made
        self.lines.append(f"pool.create({id})")
        self.pool.create(id)
        self._made += 1
        self.tokens[id], self.contents[id] = {}, {}

    def _snapshot(self, act: PoolAct) -> None:
        id, origin = self._made, self._id(act)
        self.lines.append(f"pool.snapshot({id}, {origin})")
        self.pool.snapshot(id, origin)
        self._made += 1
        self.tokens[id], self.contents[id] = dict(self.tokens[origin]), dict(self.contents[origin])
        self.once_shared.update(self.tokens[id].values())

    def _delete(self, act: PoolAct) -> None:
        if len(self.tokens) > 1:
            id = self._id(act)
            self.lines.append(f"pool.delete({id})")
            self.pool.delete(id)
            del self.tokens[id], self.contents[id]

    def _read(self, act: PoolAct) -> None:
        id, blocks = self._id(act), self._blocks(act)
        expected, actual = [self.contents[id].get(block, 0) for block in blocks], _ints(self.pool.read(id, blocks))
        same("a read gives the blocks in the order asked for", expected, actual, f"pool.read({id}, {blocks})")

    def _discard(self, act: PoolAct) -> None:
        id, blocks = self._id(act), self._blocks(act)
        self.lines.append(f"pool.discard({id}, {blocks})")
        self.pool.discard(id, blocks)
        for chunk, inside in self._by_chunk(blocks).items():
            if len(inside) == self.shape.chunk_blocks:
                self.tokens[id].pop(chunk, None)
                self.contents[id] |= dict.fromkeys(inside, 0)

    def _write(self, act: PoolAct) -> None:
        id, blocks = self._id(act), self._blocks(act)
        stamps = dict(zip(blocks, itertools.count(100 * self._step), strict=False))
        self.lines.append(f"pool.write({id}, {blocks}, {list(stamps.values())})")
        chunks, owners = self._by_chunk(blocks), self._owners()
        mine = self.tokens[id]
        must = sum(chunk not in mine or owners[mine[chunk]] > 1 for chunk in chunks)
        may = sum(owners[mine[chunk]] == 1 and mine[chunk] in self.once_shared for chunk in chunks if chunk in mine)
        free = self.shape.blocks - len(owners)
        try:
            self.pool.write(id, blocks, list(stamps.values()))
        except NoSpace:
            self.lines[-1] = f"# {self.lines[-1]}: no space"
            if must + may <= free:
                raise Broken(ROOM, f"success: {must} pool blocks are needed, {free} are free", "NoSpace") from None
            chunks = {chunk: inside for chunk, inside in chunks.items() if self._was_written(id, chunk, inside, stamps)}
        else:
            if must > free:
                raise Broken(ROOM, f"NoSpace: {must} pool blocks are needed, {free} are free", "success")
        for chunk, inside in chunks.items():
            self._written(id, chunk, owners, whole=len(inside) == self.shape.chunk_blocks)
            self.contents[id] |= {block: stamps[block] for block in inside}

    def _by_chunk(self, blocks: Sequence[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for block in blocks:
            found.setdefault(block // self.shape.chunk_blocks, []).append(block)
        return found

    def _owners(self) -> Counter[int]:
        return Counter(token for mine in self.tokens.values() for token in mine.values())

    def _written(self, id: int, chunk: int, owners: Counter[int], whole: bool) -> None:
        """The token of a chunk that was written, and the copy that it cost."""
        old = self.tokens[id].get(chunk)
        if old is not None and owners[old] == 1 and not self._moved(id, chunk, old):
            return
        self.copied += old is not None and not whole
        self.tokens[id][chunk] = next(self._fresh)

    def _moved(self, id: int, chunk: int, token: int) -> bool:
        return token in self.once_shared and self.pool.mapping(id).get(chunk) != self.places[token]

    def _was_written(self, id: int, chunk: int, inside: Sequence[int], stamps: dict[int, int]) -> bool:
        """After NoSpace: does the chunk hold the new content, or the old one?"""
        old = [self.contents[id].get(block, 0) for block in inside]
        new, actual = [stamps[block] for block in inside], _ints(self.pool.read(id, inside))
        if actual not in (old, new):
            raise Broken(FULL, f"{old} or {new}", actual, f"pool.read({id}, {list(inside)})")
        return actual == new

    # ---------------------------------------------------------------- comparison

    def compare(self) -> None:
        """Everything that can be seen of the pool."""
        same(IDS, sorted(self.tokens), list(self.pool.ids()), "pool.ids()")
        every = list(range(self.shape.size))
        for id, content in self.contents.items():
            expected, actual = [content.get(block, 0) for block in every], _ints(self.pool.read(id, every))
            same(KEEPS, expected, actual, f"pool.read({id}, {every})")
        self._compare_maps()
        owners = self._owners()
        for block, count in self._counts(owners).items():
            same(COUNTS, count, self.pool.references(block), f"pool.references({block})")
        same(USED, len(owners), self.pool.used, "pool.used")
        for id, mine in self.tokens.items():
            alone = sum(owners[token] == 1 for token in mine.values())
            same(EXCLUSIVE, alone, self.pool.exclusive(id), f"pool.exclusive({id})")
        same(COPIES, self.copied, self.pool.copied, "pool.copied")

    def _compare_maps(self) -> None:
        now: dict[int, int] = {}  # token -> pool block
        for id, mine in self.tokens.items():
            actual = self.pool.mapping(id)
            same(MAPPED, sorted(mine), sorted(actual), f"pool.mapping({id})")
            for chunk, token in mine.items():
                place = actual[chunk]
                if place not in range(self.shape.blocks):
                    raise Broken(PLACES, f"0 to {self.shape.blocks - 1}", place, f"pool.mapping({id})[{chunk}]")
                same(SHARED, now.setdefault(token, place), place, f"pool.mapping({id})")
                if token not in self.once_shared:
                    same(IN_PLACE, self.places.get(token, place), place, f"pool.mapping({id})")
        if len(set(now.values())) < len(now):
            twice = [place for place, count in Counter(now.values()).items() if count > 1]
            raise Broken(SHARED, [], twice, "{id: pool.mapping(id) for id in pool.ids()}")
        self.places = now

    def _counts(self, owners: Counter[int]) -> dict[int, int]:
        """Pool block -> references, of all pool blocks."""
        found = dict.fromkeys(range(self.shape.blocks), 0)
        found.update({self.places[token]: count for token, count in owners.items() if token in self.places})
        return found

    # ---------------------------------------------------------------- pictures

    def wanted_scene(self) -> Scene:
        """Contents by block, maps by chunk, references by pool block."""
        return scene_of("block", self._wanted())

    def _wanted(self) -> dict[str, dict[str, Any]]:
        counts = {place: count for place, count in self._counts(self._owners()).items() if count}
        return {
            **{
                f"thin {id}": {str(block): content.get(block, 0) for block in range(self.shape.size)}
                for id, content in self.contents.items()
            },
            **{
                f"map of {id}": {str(chunk): self.places.get(token, "new") for chunk, token in mine.items()}
                for id, mine in self.tokens.items()
            },
            "references": {str(place): count for place, count in counts.items()},
            "figures": self._figures(),
        }

    def _figures(self) -> dict[str, int]:
        owners = self._owners()
        alone = {
            f"exclusive({id})": sum(owners[token] == 1 for token in mine.values()) for id, mine in self.tokens.items()
        }
        return {"used": len(owners), "copied": self.copied, **alone}

    def seen_scene(self) -> Scene:
        """The same of the pool; where a new pool block was due, any number that is new is right."""
        wanted, known = self._wanted(), set(map(str, self.places.values()))
        seen: dict[str, Any] = {}
        for id in self.tokens:
            name, map_name = f"thin {id}", f"map of {id}"
            seen[name] = looked(
                lambda id=id: dict(
                    zip(  # type: ignore[misc]
                        wanted[f"thin {id}"], _ints(self.pool.read(id, list(range(self.shape.size)))), strict=False
                    )
                ),
                wanted[name],
            )
            seen[map_name] = looked(
                lambda id=id: {  # type: ignore[misc]
                    str(chunk): place for chunk, place in self.pool.mapping(id).items()
                },
                wanted[map_name],
            )
            wanted[map_name] = {
                chunk: seen[map_name].get(chunk, "new")
                if place == "new" and str(seen[map_name].get(chunk, "new")) not in known
                else place
                for chunk, place in wanted[map_name].items()
            }
        wanted["references"] = {
            str(place): count
            for place, count in Counter(
                place for name, cells in wanted.items() if name.startswith("map of") for place in cells.values()
            ).items()
            if place != "new"
        }
        seen["references"] = looked(
            lambda: {str(block): count for block in range(self.shape.blocks) if (count := self.pool.references(block))},
            wanted["references"],
        )
        seen["figures"] = looked(
            lambda: {
                "used": self.pool.used,
                "copied": self.pool.copied,
                **{f"exclusive({id})": self.pool.exclusive(id) for id in self.tokens},
            },
            wanted["figures"],
        )
        return scene_of("block", seen, wanted)


def _ints(stamps: Sequence[int]) -> list[int]:
    return [int(stamp) for stamp in stamps]
