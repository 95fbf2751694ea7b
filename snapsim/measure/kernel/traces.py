"""The scenarios of a trace on the running kernel, each repetition on fresh devices.

A part of `child`.

What it leaves out: running two scenarios at once.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from snapsim.base.errors import SnapsimError
from snapsim.measure.kernel.loop import Loop
from snapsim.measure.kernel.mapper import PREFIX, Mapper, clear, dmsetup, udev_runs
from snapsim.measure.kernel.reaper import Reaper
from snapsim.measure.kernel.snapshot_target import SnapshotTarget
from snapsim.measure.kernel.target import Target
from snapsim.measure.kernel.thin_target import TIMEOUT, ThinTarget

TARGETS: dict[str, type[Target]] = {"dm-snapshot": SnapshotTarget, "dm-thin": ThinTarget}
"""The targets that can be measured, by the names of `snapsim.fidelity.replays`."""


def measure_scenarios(order: Mapping[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Carry an order out: `target`, `rows`, `repetitions`, `directory`; tell a header, then a run a scenario each time.

    Raises
    ------
    SnapsimError
        An operation cannot be carried out; or something could not be taken down at the end.
    """
    clear(PREFIX)  # what a process left that was killed together with its reaper
    reaper = Reaper(partial(clear, f"{PREFIX}{os.getpid()}-"))
    try:
        say({"header": header(order["target"], order["directory"])})
        for rows in scenarios(order["rows"]).values():
            for _ in range(order["repetitions"]):
                say({"run": _play(rows, order["target"], Mapper(reaper.held), order["directory"])})
    except BaseException:
        reaper.let_go()
        raise
    reaper.finish()


def scenarios(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each scenario, in their order.

    Examples
    --------
    >>> list(scenarios([{"scenario": "a"}, {"scenario": "b"}, {"scenario": "a"}]))
    ['a', 'b']
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["scenario"], []).append(row)
    return found


def _play(rows: Sequence[Mapping[str, Any]], name: str, mapper: Mapper, directory: str | None) -> list[dict[str, Any]]:
    target = TARGETS[name](rows, mapper, directory)
    try:
        return [target.play(row, f"rows[{row['_row']}]") for row in rows]
    finally:
        target.close()


def header(target: str, directory: str | None) -> dict[str, Any]:
    """What was measured on what: kernel, device-mapper, the disks."""
    loop = Loop(1 << 20, directory)
    direct = loop.direct
    loop.close()
    versions = dict(line.split(":", 1) for line in dmsetup("version").splitlines() if ":" in line)
    found: dict[str, Any] = {
        "stack": target,
        "describes": f"the kernel's {target} on loop devices, requests with O_DIRECT, one at a time",
        "kernel": platform.release(),
        "kernel_version": platform.version(),
        "machine": platform.machine(),
        **{key.strip().lower().replace(" ", "_"): value.strip() for key, value in versions.items()},
        "dm_targets": {words[0]: words[1] for words in map(str.split, dmsetup("targets").splitlines()) if words[1:]},
        "loop": {"direct_io": direct},
        "udev": udev_runs(),
    }
    try:
        found["no_space_timeout"] = int(TIMEOUT.read_text())
    except FileNotFoundError:  # dm-snapshot alone
        return found
    except ValueError as error:
        raise SnapsimError(f"{TIMEOUT}: {error}") from None
    return found
