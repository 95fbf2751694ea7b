"""What a deletion frees: a snapshot gives back only the blocks that nobody else has."""

from snapsim.block.snapshots import ThinVolume
from snapsim.block.volume import Volume
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import BLOCK, told, traps

_RULE = (
    "A block is freed when its last owner goes. Deleting a snapshot frees the blocks that it alone has: those "
    "that were overwritten after it was taken and before the next one was."
)
_SHARED = "what the volume or another snapshot still has is not freed"


def _state(dice: Dice, level: int) -> Draft:
    size, count = dice.between(6, 30), 1 + level
    operations = _story(dice, size, count)
    volume, snapshots = _play(size, operations)
    questions = []
    for number, snapshot in enumerate(snapshots, start=1):
        frees = snapshot.usage().exclusive // BLOCK
        questions.append(
            Question(f"blocks freed if only snapshot {number} is deleted", frees, traps(frees, {size: _SHARED}))
        )
    before = volume.allocated()
    for snapshot in snapshots:
        snapshot.delete()
    volume.flush()
    together = (before - volume.allocated()) // BLOCK
    alone = sum(int(str(question.answer)) for question in questions)
    questions += [
        Question(
            "blocks in use, with all snapshots",
            before // BLOCK,
            traps(
                before // BLOCK,
                {
                    size * (count + 1): "what is shared is counted once",
                    size: "old blocks stay while a snapshot has them",
                },
            ),
        ),
        Question(
            "blocks freed if all snapshots are deleted",
            together,
            traps(together, {alone: "a block that two snapshots share is freed with the second of them"}),
        ),
    ]
    return Draft(
        f"A volume of {size} blocks, all of them written; redirect-on-write, one block a pool block.\n\n"
        f"{told(operations)}",
        _RULE,
        tuple(questions),
    )


def _story(dice: Dice, size: int, count: int) -> list[str]:
    found: list[str] = []
    hot = dice.some(range(size), 5)
    for _ in range(count):
        found += ["snapshot", *(f"write {dice.pick(hot)}" for _ in range(dice.between(3, 4)))]
    return found


def _play(size: int, operations: list[str]) -> tuple[Volume, list[Volume]]:
    volume = ThinVolume.new(size, BLOCK, BLOCK, strict=False)
    volume.write(slice(0, size))
    snapshots: list[Volume] = []
    for operation in operations:
        if operation == "snapshot":
            snapshots.append(volume.snapshot())
        else:
            volume.write(int(operation.split()[1]))
    volume.flush()
    return volume, snapshots


TOPIC = Topic("deletion", "What a deletion frees", _state)
