"""Count the writes: the same story under copy-on-write, redirect-on-write and full copies."""

from snapsim.block.counts import IOCounts
from snapsim.block.snapshots import ExceptionStore, FullCopy, ThinVolume
from snapsim.block.volume import Volume
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import BLOCK, told, traps

_RULE = (
    "Copy-on-write: the first write of a block after a snapshot reads the old block and writes it to each "
    "snapshot that does not have it yet, then writes in place. Redirect-on-write: one write, wherever the block "
    "goes. Full copy: the snapshot itself reads and writes every block; after that a write is one write."
)
_ONCE = "each snapshot needs the old block once: a second write of the same block copies nothing"
_MOVES = "redirect-on-write does not copy: it writes the new block elsewhere"
_EACH = "with two snapshots the old block goes to both"


def _state(dice: Dice, level: int) -> Draft:
    size = dice.between(6, 40)
    operations = _operations(dice, size, level)
    cow = _bill(ExceptionStore.new(size, BLOCK, BLOCK, store="N"), operations)
    row = _bill(ThinVolume.new(size, BLOCK, BLOCK, strict=False), operations)
    full = _bill(FullCopy.new(size, BLOCK, BLOCK), operations)
    asked = sum(operation != "snapshot" for operation in operations)
    snapshots = len(operations) - asked
    first = len({operation for operation in operations if operation != "snapshot"})
    written = cow[1]
    return Draft(
        f"A volume has {size} blocks, all of them written before. Then, block by block:\n\n{told(operations)}",
        _RULE,
        (
            Question("copy-on-write: blocks read", cow[0], traps(cow[0], {asked: _ONCE, first: _EACH})),
            Question(
                "copy-on-write: blocks written, copies included",
                written,
                traps(written, {2 * asked: _ONCE, asked: "the copies are writes, too"}),
            ),
            Question("redirect-on-write: blocks read", row[0], traps(row[0], {cow[0]: _MOVES})),
            Question("redirect-on-write: blocks written", row[1], traps(row[1], {written: _MOVES})),
            Question(
                "full copy: blocks written",
                full[1],
                traps(full[1], {asked: "the snapshot copies the whole volume", snapshots * size: "and the writes"}),
            ),
        ),
    )


def _operations(dice: Dice, size: int, level: int) -> list[str]:
    """One snapshot or two, blocks written once and again, and perhaps a few writes before the first snapshot."""
    found = [f"write {dice.between(0, size - 1)}" for _ in range(dice.between(0, level - 1))]
    for _ in range(1 if level == 1 else 2):
        hot = dice.some(range(size), 3 + level)
        found += ["snapshot", *(f"write {dice.pick(hot)}" for _ in range(dice.between(4, 4 + level)))]
    return found


def _bill(volume: Volume, operations: list[str]) -> tuple[int, int]:
    """Blocks read and written, by data and copies."""
    volume.write(slice(0, volume.size))
    volume.flush()
    snapshots, counts = [], IOCounts()
    for operation in operations:
        with volume.counting() as io:
            if operation == "snapshot":
                snapshots.append(volume.snapshot())
            else:
                volume.write(int(operation.split()[1]))
        counts += io.counts
    read, written = (sum(counts.bytes(way, why) for why in ("data", "copy")) for way in ("read", "write"))
    return read // BLOCK, written // BLOCK


TOPIC = Topic("writes", "Count the writes", _state)
