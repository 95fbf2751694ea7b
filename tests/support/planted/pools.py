"""A thin pool as a student might write it, and the same with one bug each."""

from snapsim.base.errors import AlreadyExists, InvalidInput, NoSpace, NotFound
from snapsim.testing import Pool


class Right(Pool):
    """Maps, and for each pool block a list of stamps and a count of references."""

    def __init__(self, blocks, chunk_blocks, size):
        super().__init__(blocks, chunk_blocks, size)
        self.maps, self.data, self.counts = {}, [[0] * chunk_blocks for _ in range(blocks)], [0] * blocks

    def free_id(self, id):
        if not 0 <= id < 1 << 24:
            raise InvalidInput(f"id {id}: 0 to {(1 << 24) - 1}")
        if id in self.maps:
            raise AlreadyExists(f"id {id} is taken")

    def map_of(self, id, blocks=()):
        if id not in self.maps:
            raise NotFound(f"no thin volume {id}")
        if any(not 0 <= block < self.size for block in blocks):
            raise InvalidInput(f"blocks {blocks}: 0 to {self.size - 1}")
        return self.maps[id]

    def create(self, id):
        self.free_id(id)
        self.maps[id] = {}

    def snapshot(self, id, origin):
        mine = self.map_of(origin)
        self.free_id(id)
        self.maps[id] = dict(mine)
        for place in mine.values():
            self.take(place)

    def take(self, place):
        self.counts[place] += 1

    def release(self, place):
        self.counts[place] -= 1

    def delete(self, id):
        for place in self.map_of(id).values():
            self.release(place)
        del self.maps[id]

    def read(self, id, blocks):
        mine, per = self.map_of(id, blocks), self.chunk_blocks
        return [self.data[mine[b // per]][b % per] if b // per in mine else 0 for b in blocks]

    def write(self, id, blocks, stamps):
        mine, per = self.map_of(id, blocks), self.chunk_blocks
        for chunk in dict.fromkeys(block // per for block in blocks):
            inside = {b % per: stamp for b, stamp in zip(blocks, stamps, strict=True) if b // per == chunk}
            place = self.own(mine, chunk, len(inside) == per)
            for at, stamp in inside.items():
                self.data[place][at] = stamp

    def own(self, mine, chunk, whole):
        old = mine.get(chunk)
        if old is not None and not self.shared(old):
            return old
        place = self.allocate()
        self.data[place] = self.fill(old, whole)
        if old is not None:
            self.release(old)
        mine[chunk] = place
        return place

    def shared(self, place):
        return self.counts[place] > 1

    def allocate(self):
        if 0 not in self.counts:
            raise NoSpace("the pool is full")
        place = self.counts.index(0)
        self.counts[place] = 1
        return place

    def fill(self, old, whole):
        if old is None or whole:
            return [0] * self.chunk_blocks
        self.copied += 1
        return list(self.data[old])

    def discard(self, id, blocks):
        mine, per = self.map_of(id, blocks), self.chunk_blocks
        for chunk in [chunk for chunk in mine if self.covered(chunk, blocks, per)]:
            self.release(mine.pop(chunk))

    def covered(self, chunk, blocks, per):
        return set(range(chunk * per, (chunk + 1) * per)) <= set(blocks)

    def ids(self):
        return sorted(self.maps)

    def mapping(self, id):
        return dict(self.map_of(id))

    def references(self, block):
        return self.counts[block]

    def exclusive(self, id):
        return sum(self.counts[place] == 1 for place in self.map_of(id).values())

    @property
    def used(self):
        return sum(count > 0 for count in self.counts)


class CopiesWhatIsCovered(Right):
    def fill(self, old, whole):
        return super().fill(old, False)


class CopiesForEachSharer(Right):
    """As an exception store does: once for every snapshot."""

    def fill(self, old, whole):
        self.copied += self.counts[old] - 2 if old is not None and not whole else 0
        return super().fill(old, whole)


class ForgetsToCopyTheRest(Right):
    def fill(self, old, whole):
        self.copied += old is not None and not whole
        return [0] * self.chunk_blocks


class NeverBreaksSharing(Right):
    def shared(self, place):
        return False


class SharesTheMap(Right):
    """A snapshot is not the picture of one moment."""

    def snapshot(self, id, origin):
        super().snapshot(id, origin)
        self.maps[id] = self.maps[origin]


class SnapshotTakesNoReferences(Right):
    def take(self, place):
        pass


class KeepsTheReferenceWhenSharingBreaks(Right):
    """Releases at deletions and discards, not when a writer moves away."""

    def own(self, mine, chunk, whole):
        old = mine.get(chunk)
        place = super().own(mine, chunk, whole)
        if old is not None and place != old:
            self.take(old)
        return place


class DeletionFreesWhatIsShared(Right):
    def delete(self, id):
        for place in self.map_of(id).values():
            self.counts[place] = 1
        super().delete(id)


class DeletionLeaks(Right):
    def delete(self, id):
        del self.maps[id]


class DiscardOfAPartUnmaps(Right):
    def covered(self, chunk, blocks, per):
        return any(block // per == chunk for block in blocks)


class DiscardTakesItFromAll(Right):
    """Zeroes the pool block, which a snapshot may share."""

    def discard(self, id, blocks):
        before = self.mapping(id)
        super().discard(id, blocks)
        for chunk in before.keys() - self.maps[id].keys():
            self.data[before[chunk]] = [0] * self.chunk_blocks


class StaleRestOfAFreshChunk(Right):
    """A pool block that was used before is not zeroed."""

    def own(self, mine, chunk, whole):
        stale = list(self.data[self.counts.index(0)]) if 0 in self.counts and chunk not in mine else None
        place = super().own(mine, chunk, whole)
        if stale is not None:
            self.data[place] = stale
        return place


class ExclusiveIsAllThatIsMapped(Right):
    def exclusive(self, id):
        return len(self.map_of(id))


class FullPoolTakesFromOthers(Right):
    """Out of space is not noticed: the last pool block is given out again."""

    def allocate(self):
        try:
            return super().allocate()
        except NoSpace:
            self.counts[-1] += 1
            return self.blocks - 1


class TornWhenFull(Right):
    """Writes the first block of a chunk before it looks for room."""

    def write(self, id, blocks, stamps):
        mine, per = self.map_of(id, blocks), self.chunk_blocks
        if blocks and 0 not in self.counts and blocks[0] // per in mine:
            self.data[mine[blocks[0] // per]][blocks[0] % per] = stamps[0]
        super().write(id, blocks, stamps)


class MovesAtEveryWrite(Right):
    """Log-structured: no write stays in place."""

    def own(self, mine, chunk, whole):
        if chunk in mine and not self.shared(mine[chunk]):
            old, place = mine[chunk], self.allocate()
            self.data[place] = list(self.data[old])
            self.release(old)
            mine[chunk] = place
            return place
        return super().own(mine, chunk, whole)


class CountsFromTheEnd(Right):
    """The last pool block is -1, the one before it -2."""

    def mapping(self, id):
        return {chunk: place - self.blocks for chunk, place in super().mapping(id).items()}

    def references(self, block):
        return super().references(block + self.blocks) if block < 0 else 0


class ReferencesAreText(Right):
    def references(self, block):
        return str(super().references(block))


class AnyIdIsGood(Right):
    def free_id(self, id):
        if id in self.maps:
            raise AlreadyExists(f"id {id} is taken")


BUGS = (
    CopiesWhatIsCovered,
    CopiesForEachSharer,
    ForgetsToCopyTheRest,
    NeverBreaksSharing,
    SharesTheMap,
    SnapshotTakesNoReferences,
    KeepsTheReferenceWhenSharingBreaks,
    DeletionFreesWhatIsShared,
    DeletionLeaks,
    DiscardOfAPartUnmaps,
    DiscardTakesItFromAll,
    StaleRestOfAFreshChunk,
    ExclusiveIsAllThatIsMapped,
    FullPoolTakesFromOthers,
    TornWhenFull,
    MovesAtEveryWrite,
    CountsFromTheEnd,
    ReferencesAreText,
    AnyIdIsGood,
)
