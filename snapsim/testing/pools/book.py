"""A pool beside the simplest thing that can be right: a dictionary of contents and one of *owners' tokens* a volume.

A token stands for a pool block. A write to a chunk whose token has other owners takes a new token; which number a pool
block has is the pool's affair, but two chunks have the same one exactly if they have the same token. Once shared, a
chunk may move although nobody else holds it any more: dm-thin does not look whether the other owner still exists.

LEAVES OUT: which lists to play (`pool_stories`, `pools`).
"""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from snapsim.base.errors import NoSpace
from snapsim.testing.failure import Broken, same
from snapsim.testing.playing import refused
from snapsim.testing.pools.contract import PoolFactory, PoolShape
from snapsim.testing.scene import Scene, looked, scene_of

KEEPS = "every thin volume shows what was written to it, whatever happens to the others"
FULL = "out of space: each chunk of the request is written whole or not at all"
ROOM = "a write that finds pool blocks succeeds, and one that finds none is NoSpace"
IDS = "the thin volumes are those that were made and not deleted"
MAPPED = "a chunk is mapped from its first write to its discard"
NUMBERS = "a pool block is a number from 0 on, less than how many there are"
SHARED = "two chunks lie in one pool block exactly if a snapshot made it so and neither was written since"
IN_PLACE = "a write to a pool block that was never shared stays there"
COUNTS = "the references of a pool block are the chunks that are mapped to it"
USED = "used is the number of pool blocks that are mapped"
EXCLUSIVE = "exclusive is the number of pool blocks that nobody else maps"
COPIES = "breaking sharing copies one pool block, unless the request covers it: then nothing"


class PoolAct(NamedTuple):
    """One operation.

    A thin volume has a number, in the order in which they were made, which is its id; a number whose volume does not
    live, or never came, is taken modulo those that live.

    Attributes
    ----------
    verb : str
        "create", "snapshot", "delete", "write", "discard" or "read".
    thin : int
        The number of the thin volume.
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
    asking : str
        The expression of the look that is going on.
    """

    def __init__(self, factory: PoolFactory, shape: PoolShape, lines: list[str]) -> None:
        self.shape, self.lines, self.asking, self.steps = shape, lines, "", 0
        self.pool = factory(*shape)
        self.contents: dict[int, dict[int, int]] = {}
        self.tokens: dict[int, dict[int, int]] = {}
        self.pool_blocks: dict[int, int] = {}  # token -> pool block, when it was last looked at
        self.once_shared: set[int] = set()
        self.copied, self._made, self._fresh = 0, 0, itertools.count()
        self._create(PoolAct("create"))

    # ---------------------------------------------------------------- one operation

    def do(self, act: PoolAct, look: bool = True) -> None:
        """Carry an operation out on the pool and on the book, and compare everything if a look is wanted."""
        self.steps += 1
        getattr(self, f"_{act.verb}")(act)
        if look:
            self.compare()

    def state(self, act: PoolAct) -> str:
        """What an operation meets, for `coverage`."""
        mine, owners = self.tokens[self._id(act)], self._owners()
        full = " of a full pool" if len(owners) == self.shape.blocks else ""
        if act.verb in ("write", "discard", "read"):
            chunks = self._by_chunk(self._blocks(act))
            kinds = {
                "shared" if owners[mine[at]] > 1 else "its own" if at in mine else "none" for at in chunks if at in mine
            }
            missing = {"unmapped"} if any(at not in mine for at in chunks) else set()
            return f"chunks that are {' and '.join(sorted(kinds | missing))}{full}"
        return (
            f"{'an empty volume' if not mine else 'a volume that shares' if self._shares(mine) else 'a volume'}{full}"
        )

    def _shares(self, mine: dict[int, int]) -> bool:
        owners = self._owners()
        return any(owners[token] > 1 for token in mine.values())

    def look(self, call: str, look: Callable[[], Any]) -> Any:
        """Look at the pool; what is raised by it is shown with the expression."""
        self.asking = call
        found = look()
        self.asking = ""
        return found

    def _id(self, act: PoolAct) -> int:
        return act.thin if act.thin in self.tokens else list(self.tokens)[act.thin % len(self.tokens)]

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
        call = f"[int(stamp) for stamp in pool.read({id}, {blocks})]"
        expected = [self.contents[id].get(block, 0) for block in blocks]
        actual = self.look(call, lambda: _ints(self.pool.read(id, blocks)))
        same("a read gives the blocks in the order asked for", expected, actual, call)

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
        stamps = dict(zip(blocks, itertools.count(100 * self.steps), strict=False))
        self.lines.append(f"pool.write({id}, {blocks}, {list(stamps.values())})")
        chunks, owners = self._by_chunk(blocks), self._owners()
        mine = self.tokens[id]
        must = sum(chunk not in mine or owners[mine[chunk]] > 1 for chunk in chunks)
        may = sum(owners[mine[chunk]] == 1 and mine[chunk] in self.once_shared for chunk in chunks if chunk in mine)
        free = self.shape.blocks - len(owners)
        before = self.pool.mapping(id) if may else {}
        try:
            self.pool.write(id, blocks, list(stamps.values()))
        except NoSpace:
            if must + may <= free:
                raise Broken(ROOM, f"success: {must} pool blocks are needed, {free} are free", "NoSpace") from None
            self.lines[-1] = refused(self.lines[-1], "NoSpace")
            chunks = {chunk: inside for chunk, inside in chunks.items() if self._was_written(id, chunk, inside, stamps)}
        else:
            if must > free:
                raise Broken(ROOM, f"NoSpace: {must} pool blocks are needed, {free} are free", "success")
        for chunk, inside in chunks.items():
            self._written(id, chunk, owners, before, whole=len(inside) == self.shape.chunk_blocks)
            self.contents[id] |= {block: stamps[block] for block in inside}

    def _by_chunk(self, blocks: Sequence[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for block in blocks:
            found.setdefault(block // self.shape.chunk_blocks, []).append(block)
        return found

    def _owners(self) -> Counter[int]:
        return Counter(token for mine in self.tokens.values() for token in mine.values())

    def _written(self, id: int, chunk: int, owners: Counter[int], before: Mapping[int, int], whole: bool) -> None:
        """The token of a chunk that was written, and the copy that it cost."""
        old = self.tokens[id].get(chunk)
        moved = old in self.once_shared and self.pool.mapping(id).get(chunk) != before.get(chunk)
        if old is not None and owners[old] == 1 and not moved:
            return
        self.copied += old is not None and not whole
        self.tokens[id][chunk] = next(self._fresh)

    def _was_written(self, id: int, chunk: int, inside: Sequence[int], stamps: dict[int, int]) -> bool:
        """After NoSpace: does the chunk hold the new content, or the old one?"""
        old = [self.contents[id].get(block, 0) for block in inside]
        call = f"[int(stamp) for stamp in pool.read({id}, {list(inside)})]"
        new = [stamps[block] for block in inside]
        actual = self.look(call, lambda: _ints(self.pool.read(id, inside)))
        if actual not in (old, new):
            raise Broken(FULL, f"{old} or {new}", actual, call)
        return bool(actual == new)

    def _read_ints(self, id: int, blocks: Sequence[int]) -> list[int]:
        return _ints(self.pool.read(id, blocks))

    # ---------------------------------------------------------------- comparison

    def compare(self) -> None:
        """Everything that can be seen of the pool."""
        same(IDS, sorted(self.tokens), self.look("pool.ids()", lambda: list(self.pool.ids())), "pool.ids()")
        every = list(range(self.shape.size))
        for id, content in self.contents.items():
            call, expected = f"pool.read({id}, {every})", [content.get(block, 0) for block in every]
            same(KEEPS, expected, self.look(call, partial(self._read_ints, id, every)), call)
        self._compare_maps()
        owners = self._owners()
        for block, count in self._counts(owners).items():
            call = f"pool.references({block})"
            same(COUNTS, count, self.look(call, partial(self.pool.references, block)), call)
        same(USED, len(owners), self.look("pool.used", lambda: self.pool.used), "pool.used")
        for id, mine in self.tokens.items():
            alone, call = sum(owners[token] == 1 for token in mine.values()), f"pool.exclusive({id})"
            same(EXCLUSIVE, alone, self.look(call, partial(self.pool.exclusive, id)), call)
        same(COPIES, self.copied, self.look("pool.copied", lambda: self.pool.copied), "pool.copied")

    def _compare_maps(self) -> None:
        now: dict[int, int] = {}  # token -> pool block
        for id, mine in self.tokens.items():
            call = f"sorted(pool.mapping({id}))"
            actual = self.look(call, partial(self.pool.mapping, id))
            same(MAPPED, sorted(mine), sorted(actual), call)
            for chunk, token in mine.items():
                pool_block = actual[chunk]
                if pool_block not in range(self.shape.blocks):
                    raise Broken(NUMBERS, f"0 to {self.shape.blocks - 1}", pool_block, f"pool.mapping({id})[{chunk}]")
                same(SHARED, now.setdefault(token, pool_block), pool_block, f"pool.mapping({id})[{chunk}]")
                if token not in self.once_shared:
                    same(IN_PLACE, self.pool_blocks.get(token, pool_block), pool_block, f"pool.mapping({id})[{chunk}]")
        self._check_apart(now)
        self.pool_blocks = now

    def _check_apart(self, now: dict[int, int]) -> None:
        """Two contents do not lie in one pool block."""
        first: dict[int, tuple[int, str]] = {}
        for id, mine in self.tokens.items():
            for chunk, token in mine.items():
                here = f"pool.mapping({id})[{chunk}]"
                other, there = first.setdefault(now[token], (token, here))
                if other != token:
                    raise Broken(SHARED, False, True, f"{there} == {here}")

    def _counts(self, owners: Counter[int]) -> dict[int, int]:
        """Pool block -> references, of all pool blocks."""
        found = dict.fromkeys(range(self.shape.blocks), 0)
        found.update({self.pool_blocks[token]: count for token, count in owners.items() if token in self.pool_blocks})
        return found

    # ---------------------------------------------------------------- pictures

    def wanted_scene(self) -> Scene:
        """Contents by block, maps by chunk, references by pool block."""
        return scene_of("block", self._wanted())

    def _wanted(self) -> dict[str, dict[str, Any]]:
        counts = {pool_block: count for pool_block, count in self._counts(self._owners()).items() if count}
        return {
            **{
                f"thin {id}": {str(block): content.get(block, 0) for block in range(self.shape.size)}
                for id, content in self.contents.items()
            },
            **{
                f"map of {id}": {str(chunk): self.pool_blocks.get(token, "new") for chunk, token in mine.items()}
                for id, mine in self.tokens.items()
            },
            "references": {str(pool_block): count for pool_block, count in counts.items()},
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
        wanted, known = self._wanted(), set(map(str, self.pool_blocks.values()))
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
                    str(chunk): pool_block for chunk, pool_block in self.pool.mapping(id).items()
                },
                wanted[map_name],
            )
            wanted[map_name] = {
                chunk: seen[map_name].get(chunk, "new")
                if pool_block == "new" and str(seen[map_name].get(chunk, "new")) not in known
                else pool_block
                for chunk, pool_block in wanted[map_name].items()
            }
        wanted["references"] = {
            str(pool_block): count
            for pool_block, count in Counter(
                pool_block
                for name, cells in wanted.items()
                if name.startswith("map of")
                for pool_block in cells.values()
            ).items()
            if pool_block != "new"
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
