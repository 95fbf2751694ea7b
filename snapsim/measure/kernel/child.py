"""The process that measures: mounts of its own, work on standard input, one JSON object a line on standard output.

It is a process of its own so that the kernel cleans up after it, however it ends: its mounts are visible to no other
process and vanish with it, and with them the loop device and the file below. It dies with the process that started it.

    python -m snapsim.measure.kernel.child < ORDER.json

What it leaves out: checking what it is told to do; `measuring` does that.
"""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from snapsim.base.errors import SnapsimError
from snapsim.lab.workload import parse
from snapsim.measure.kernel import leftovers, syscalls
from snapsim.measure.kernel.disk import Disk, command
from snapsim.measure.kernel.layers import STACKS, Overlay
from snapsim.measure.kernel.loop import READ_AHEAD_KIB
from snapsim.measure.kernel.needs import environment
from snapsim.measure.kernel.traces import measure_scenarios
from snapsim.measure.kernel.window import measure_once


def main() -> None:
    """Read an order and carry it out: workloads on a stack, or (`target`) the scenarios of a trace."""
    syscalls.die_with_parent()
    order = json.load(sys.stdin)
    try:
        syscalls.own_mounts()
        syscalls.be_the_only_one()
        leftovers.clean()
        if "target" in order:
            measure_scenarios(order, _say)
        else:
            _measure_workloads(order)
    except SnapsimError as error:
        _say({"error": str(error)})
    except OSError as error:
        _say({"error": f"{error.filename or 'the kernel'}: {error.strerror}"})


def _measure_workloads(order: dict[str, Any]) -> None:
    """An order's `stack`, `workloads`, `repetitions`, `size`, `directory`."""
    _say({"header": header(order["stack"], order["size"], order["directory"])})
    for workload in parse(order["workloads"]):
        for _ in range(order["repetitions"]):
            _say({"run": measure_once(workload, order["stack"], order["size"], order["directory"])})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def header(stack: str, size: int, directory: str | None) -> dict[str, Any]:
    """What was measured on what: kernel, file system and how it was made, the device."""
    kind, need = STACKS[stack]
    with Disk(need, size, directory) as disk:
        empty, direct, options = disk.used(), disk.direct, disk.options()
    return {
        "stack": stack,
        "describes": kind.describes,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "mkfs": " ".join(need.mkfs),
        "mkfs_version": _version(need.mkfs[0]),
        "disk_bytes": size,
        "used_when_empty": empty,
        "mount_options": options,
        "overlay_mount_options": kind.options if issubclass(kind, Overlay) else None,
        "overlay_module_parameters": _parameters() if issubclass(kind, Overlay) else {},
        "loop": {"direct_io": direct, "read_ahead_kib": READ_AHEAD_KIB},
    }


def _parameters() -> dict[str, str]:
    """Parameters of the kernel's overlay module; some of them change what a copy-up does."""
    return {path.name: path.read_text().strip() for path in sorted(Path("/sys/module/overlay/parameters").glob("*"))}


def _version(tool: str) -> str:
    lines = command("sh", "-c", f"{tool} -V 2>&1 || {tool} --version 2>&1").strip().splitlines()
    return lines[0] if lines else ""


if __name__ == "__main__":
    os.environ.update(environment())
    main()
