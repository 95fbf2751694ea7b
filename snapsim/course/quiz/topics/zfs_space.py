"""ZFS `used`, `referenced` and `written`, in records."""

from snapsim.base.units import KiB
from snapsim.block.snapshots import Records
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import BLOCK, traps

_RULE = (
    "`referenced` is what the dataset points to now; `written` what of it was born after the newest snapshot; the "
    "snapshots' own share (`usedbysnapshots`) is what only they still point to; `used` of a dataset is "
    "`referenced` and that. Whole records are written, however small the change; in one transaction group a "
    "record is written once."
)
_RECORD = 128 * KiB
_BLOCKS = _RECORD // BLOCK


def _state(dice: Dice, level: int) -> Draft:
    records = dice.between(6, 40)
    data = Records.new(records * _BLOCKS, BLOCK, _RECORD)
    data.write(slice(0, records * _BLOCKS))
    data.flush()
    lines, changed = [f"all {records} records are written"], 0
    last: Records | None = None
    for _ in range(1 if level == 1 else 2):
        last = data.snapshot()  # type: ignore[assignment]
        lines.append("a snapshot is taken")
        hot = dice.some(range(records), 3)
        for record in [dice.pick(hot) for _ in range(dice.between(3, 3 + level))]:
            data.write(record * _BLOCKS + dice.between(0, _BLOCKS - 1))
            data.flush()
            changed += 1
            lines.append(f"4 KiB of record {record} are changed; the transaction group ends")
    told = {key: value // _RECORD for key, value in data.properties().items()}
    alone = (last.properties()["used"] if last else 0) // _RECORD
    story = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    used, written, kept = told["used"], told["written"], told["usedbysnapshots"]
    return Draft(
        f"A ZFS dataset with records of 128 KiB, no compression. Count in whole records, without metadata.\n\n{story}",
        _RULE,
        (
            Question(
                "referenced", told["referenced"], traps(told["referenced"], {used: "snapshots do not count here"})
            ),
            Question(
                "written",
                written,
                traps(
                    written,
                    {
                        changed: "a record that was born after the snapshot and changed again counts once",
                        records: "only what was born after the newest snapshot",
                    },
                ),
            ),
            Question(
                "usedbysnapshots",
                kept,
                traps(
                    kept,
                    {
                        records: "what the dataset still points to is not the snapshots'",
                        changed: "once a record and snapshot",
                    },
                ),
            ),
            Question("used", used, traps(used, {told["referenced"]: "what only snapshots hold is used, too"})),
            Question(
                "used of the newest snapshot: what its deletion frees",
                alone,
                traps(alone, {kept: "what two snapshots share is not counted for either"}),
            ),
        ),
    )


TOPIC = Topic("zfs-space", "ZFS used, referenced, written", _state)
