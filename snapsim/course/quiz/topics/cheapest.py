"""Which driver is cheapest here: one workload, the bytes that four drivers write for it."""

from dataclasses import replace
from functools import partial

from snapsim.base.units import GiB, KiB
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import traps
from snapsim.lab.experiment import run
from snapsim.lab.stacks import STACKS, Stack
from snapsim.lab.workload import Workload, parse

_RULE = (
    "overlay2 and aufs copy the whole file up once, then write in place. devicemapper copies a pool block of 64 "
    "KiB at each first touch, btrfs writes only the new blocks, ZFS writes whole records of 128 KiB."
)
_STACKS = {"overlay2": "overlay2-ext4", "devicemapper": "devicemapper-loop-lvm", "btrfs": "btrfs", "zfs": "zfs"}
_WHOLE = "the whole file is copied up at the first write"
_ONCE = "the copy is made once"


def _state(dice: Dice, level: int) -> Draft:
    size = dice.between(10 * 32, 64 * 32) * 4 * KiB
    chunks = dice.some(range(size // (128 * KiB)), dice.between(2, 10))
    length = 4 * dice.between(1, 8)
    offsets = [chunk * 128 * KiB + dice.pick((0, 32, 64, 96)) * KiB for chunk in chunks]
    if level > 1:
        offsets += dice.some(offsets, dice.between(1, len(offsets)))
    (workload,) = parse(
        {
            "id": "quiz",
            "layers": [[{"path": "f", "size": size}]],
            "ops": [{"op": "write", "path": "f", "offsets": offsets, "length": length * KiB}],
        }
    )
    written = {name: _written(workload, stack) for name, stack in _STACKS.items()}
    again = f", and {len(offsets) - len(chunks)} of these places once more" if len(offsets) > len(chunks) else ""
    naive = len(chunks) * length
    questions = [
        Question(
            f"{name}: KiB written, data and copies",
            kib,
            traps(kib, {naive: "copies are written, too", size // KiB: _WHOLE, len(offsets) * (size // KiB): _ONCE}),
        )
        for name, kib in written.items()
    ]
    best = min(written, key=written.__getitem__)
    questions.append(
        Question(
            "the driver that writes least",
            best,
            {name: "see the figures" for name in written if written[name] > written[best]},
        )
    )
    return Draft(
        f"A container changes a file of {size // KiB} KiB of its image: {length} KiB in each of {len(chunks)} places, "
        f"all in different whole records of 128 KiB and none across a bound of 64 KiB{again}; then everything is "
        "synced once. Records and pool blocks of the file start at multiples of their size.",
        _RULE,
        tuple(questions),
    )


def _written(workload: Workload, stack: str) -> int:
    told = run(workload, _small(STACKS[stack])).record()["written"]
    return int(told["data"] + told["copy"]) // KiB


def _small(stack: Stack) -> Stack:
    """The same on a disk of 1 GiB, which a sheet of many problems has sooner at hand."""
    return stack if stack.driver == "devicemapper" else replace(stack, make=partial(stack.make, device_bytes=GiB))


TOPIC = Topic("cheapest", "Which driver is cheapest here", _state)
