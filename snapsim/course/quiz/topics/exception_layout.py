"""Exception-store layout: in which chunk of the COW device an old chunk lies, and how much of it is in use."""

from snapsim.block.device import recording
from snapsim.block.snapshots.exception_store import ExceptionSnapshot, ExceptionStore
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import BLOCK, told, traps

_RULE = (
    "Chunk 0 of the store is its header, chunk 1 the first metadata chunk (an area). An area lists chunk bytes / "
    "16 exceptions, then comes the next area. Old chunks are kept in the order in which they were first "
    "overwritten, each once."
)
_SECTORS = BLOCK // 512


def _state(dice: Dice, level: int) -> Draft:
    chunk_blocks = dice.pick((1,) if level == 1 else (2, 4))
    size = 16 * chunk_blocks * level
    writes = [dice.between(0, size - 1) for _ in range(dice.between(4, 4 + 2 * level))]
    writes.insert(dice.between(2, len(writes)), writes[0])
    origin = ExceptionStore.new(size, BLOCK, chunk_blocks * BLOCK)
    snapshot = origin.snapshot()
    assert isinstance(snapshot, ExceptionSnapshot)
    with recording(snapshot.devices[1]) as story:
        for block in writes:
            origin.write(block)
    kept = [io.first // chunk_blocks for io in story if io.operation == "write" and io.purpose == "copy"]
    chunks = list(dict.fromkeys(block // chunk_blocks for block in writes))
    asked = dice.between(1, len(chunks) - 1)
    taken, metadata = snapshot.status().split()[3:]
    used = taken.partition("/")[0]
    return Draft(
        f"An origin of {size} blocks of 4 KiB with one snapshot; chunks of {4 * chunk_blocks} KiB; a persistent "
        f"exception store, new. To the origin:\n\n{told([f'write {block}' for block in writes])}",
        _RULE,
        (
            Question(
                "exceptions in the store",
                len(kept),
                traps(
                    len(kept),
                    {
                        len(writes): "a chunk that is in the store already is not copied again",
                        len(set(writes)): "exceptions are for chunks, not for blocks",
                    },
                ),
            ),
            Question(
                "old chunks in the order in which they lie in the store",
                tuple(chunks),
                traps(
                    tuple(chunks),
                    {
                        tuple(sorted(chunks)): "the order is that of the first writes",
                        tuple(dict.fromkeys(writes)): "chunks, not blocks",
                    },
                ),
            ),
            Question(
                f"chunk of the store that keeps chunk {chunks[asked]} of the origin",
                kept[asked],
                traps(
                    kept[asked],
                    {
                        asked: "header and metadata come first",
                        chunks[asked]: "not the place that it had on the origin",
                        asked + 1: "two chunks come first: the header and the first area",
                    },
                ),
            ),
            Question(
                "sectors in use, as `dmsetup status` says (512 bytes)",
                int(used),
                traps(int(used), {len(kept) * chunk_blocks * _SECTORS: "header and metadata are in use, too"}),
            ),
            Question("sectors of it for metadata", int(metadata), {}),
        ),
    )


TOPIC = Topic("exception-store", "Layout of an exception store", _state)
