"""Thin mapping after snapshots: which pool blocks a thin volume uses, and what a small write copies."""

import numpy as np

from snapsim.base.units import KiB
from snapsim.block.snapshots import ThinVolume
from snapsim.block.volume import Volume
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import BLOCK, traps

_RULE = (
    "A pool block is given out at the first write to a virtual block, and again at the first write after a "
    "snapshot: then what the write does not cover is copied from the old one, a whole pool block being read and "
    "written. A write that covers the whole virtual block copies nothing."
)
_POOL_BLOCK = 64 * KiB
_BLOCKS = _POOL_BLOCK // BLOCK


def _state(dice: Dice, level: int) -> Draft:
    chunks = dice.between(4, 4 + level)
    volume = ThinVolume.new(chunks * _BLOCKS, BLOCK, _POOL_BLOCK)
    snapshot: Volume | None = None
    lines: list[str] = []
    copied = asked = 0
    for operation, chunk in _story(dice, chunks, level):
        if operation == "snapshot":
            snapshot = volume.snapshot()
            lines.append("a snapshot is taken")
            continue
        first, blocks = (
            chunk * _BLOCKS + (0 if operation == "whole" else dice.between(0, 15)),
            _BLOCKS if operation == "whole" else 1,
        )
        with volume.counting() as io:
            volume.write(slice(first, first + blocks))
        copied += io.counts.bytes("write", "copy") // KiB
        asked += blocks * 4
        lines.append(f"{blocks * 4} KiB are written at offset {first * 4} KiB")
    volume.flush()
    now, kept = _map(volume, chunks), _map(snapshot, chunks) if snapshot else ()
    used = len({place for place in (*now, *kept) if place != "-"})
    story = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    return Draft(
        f"A new thin volume of {chunks} virtual blocks of 64 KiB in a new pool, which gives out its blocks from 0 on; "
        f"no block is zeroed before it is used by this count.\n\n{story}",
        _RULE,
        (
            Question(
                "pool block of each virtual block of the volume (- for none)",
                now,
                traps(now, {kept: "what was written after the snapshot lies elsewhere"}),
            ),
            Question(
                "the same of the snapshot", kept, traps(kept, {now: "a snapshot is a copy of the map at that moment"})
            ),
            Question(
                "pool blocks in use",
                used,
                traps(
                    used,
                    {
                        2 * sum(place != "-" for place in now): "what is shared is counted once",
                        sum(place != "-" for place in now): "old blocks stay while the snapshot has them",
                    },
                ),
            ),
            Question(
                "KiB copied",
                copied,
                traps(copied, {asked: "what is asked to be written is not copied", 4: "the unit is the pool block"}),
            ),
        ),
    )


def _story(dice: Dice, chunks: int, level: int) -> list[tuple[str, int]]:
    """First some virtual blocks are written, then comes the snapshot, then some of them and others again."""
    first = dice.some(range(chunks), dice.between(2, chunks - 1))
    hot = dice.some(range(chunks), min(chunks, 2 + level))
    after = [
        ("whole" if level > 1 and dice.chance(30) else "part", dice.pick([first[0], *hot]))
        for _ in range(dice.between(2, 2 + level))
    ]
    return [*(("part", chunk) for chunk in first), ("snapshot", 0), ("part", first[0]), *after]


def _map(volume: Volume, chunks: int) -> tuple[int | str, ...]:
    places = volume.device_blocks(np.arange(chunks) * _BLOCKS).tolist()
    return tuple("-" if place < 0 else place // _BLOCKS for place in places)


TOPIC = Topic("thin-map", "Thin mapping after snapshots", _state)
