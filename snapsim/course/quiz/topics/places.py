"""Which block lies where: the map of a volume and of its snapshot under redirect-on-write, block by block."""

from collections.abc import Sequence

import numpy as np

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots import ThinVolume
from snapsim.block.volume import Volume
from snapsim.course.quiz.topic import Dice, Draft, Goal, Question, Topic
from snapsim.course.quiz.topics.volume_words import BLOCK, block_of, told, traps

_RULE = (
    "A snapshot is a copy of the map. The first write of a block since the snapshot goes to the next free place "
    "and the volume's map says so; the second goes to the same place again. The snapshot's map never changes."
)
_IN_PLACE = "the snapshot still needs the old place: the new block goes to the next free one"
_AGAIN = "the snapshot keeps the map of the moment at which it was taken"


def _state(dice: Dice, level: int) -> Draft:
    size, operations = _story(dice, level)
    volume, snapshots = _play(size, operations)
    start, now = tuple(range(size)), _map(volume)
    questions = [Question("place of each block of the volume, from block 0 on", now, traps(now, {start: _IN_PLACE}))]
    for number, snapshot in enumerate(snapshots, start=1):
        kept = _map(snapshot)
        questions.append(Question(f"place of each block of snapshot {number}", kept, traps(kept, {now: _AGAIN})))
    used = volume.allocated() // BLOCK
    questions.append(Question("places in use", used, traps(used, {size: "old places stay in use"})))
    return Draft(f"{_start(size)}\n\n{told(operations)}", _RULE, tuple(questions))


def _operations(dice: Dice, level: int) -> Draft:
    size, operations = _story(dice, level)
    volume, _ = _play(size, operations)
    wanted = _map(volume)

    def reach(said: Sequence[str]) -> tuple[str, float]:
        reached = _map(_play(size, said)[0])
        right = sum(a == b for a, b in zip(reached, wanted, strict=True))
        return ("" if reached == wanted else f"that leads to the map {', '.join(map(str, reached))}", right / size)

    story = f"{_start(size)}\n\nNow the map of the volume is **{', '.join(map(str, wanted))}** (block 0 first)."
    return Draft(
        story, _RULE, goal=Goal(f"`snapshot` and `write N` (N from 0 to {size - 1})", tuple(operations), reach)
    )


def _start(size: int) -> str:
    return (
        f"A volume of {size} blocks: block N lies at place N of the pool. Free places are given out in order, "
        f"{size} first. Redirect-on-write, one block a pool block."
    )


def _story(dice: Dice, level: int) -> tuple[int, list[str]]:
    size = dice.between(5, 8)
    found: list[str] = []
    for _ in range(1 if level == 1 else 2):
        hot = dice.some(range(size), 4)
        found += ["snapshot", *(f"write {dice.pick(hot)}" for _ in range(dice.between(5, 5 + level)))]
    return size, found


def _play(size: int, operations: Sequence[str]) -> tuple[Volume, list[Volume]]:
    volume = ThinVolume.new(size, BLOCK, BLOCK, strict=False)
    volume.write(slice(0, size))
    snapshots: list[Volume] = []
    if len(operations) > 50:
        raise InvalidInput("more than 50 operations are not allowed")
    for operation in operations:
        if operation.strip() == "snapshot":
            snapshots.append(volume.snapshot())
        else:
            volume.write(block_of(operation, size))
    volume.flush()
    return volume, snapshots


def _map(volume: Volume) -> tuple[int, ...]:
    return tuple(volume.device_blocks(np.arange(volume.size)).tolist())


TOPIC = Topic("places", "Which block lies where", _state, _operations)
