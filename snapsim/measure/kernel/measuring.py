"""`measure`: a workload on the running kernel, as a table of figures in the form of the shipped measurements.

What it leaves out: judging the figures; `fidelity` lays a prediction beside them.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.lab.workload import Workload, dump
from snapsim.measure.kernel.layers import STACKS
from snapsim.measure.kernel.needs import missing
from snapsim.measure.kernel.traces import TARGETS

DISK_SIZE = 2 << 30
FIGURES = {
    "bytes_written": "reached the device from the first operation to the end of syncfs(2), less what reached it in the "
    "same time with no operations",
    "bytes_written_after_freeze": "the same, and what a freeze after it wrote home",
    "bytes_read": "read from the device in that time, with cold caches",
    "bytes_discarded": "discarded in that time",
    "logical_bytes": "what the operations asked to write",
    "space_delta": "change of the used space that df reports, after syncfs(2) and freeze",
    "space_delta_after_remount": "the same after unmount and mount",
    "op_ms, sync_ms": "wall time of the operations and of the syncfs(2) after them",
}


def measure(
    workloads: Workload | Iterable[Workload],
    stack: str,
    repetitions: int = 3,
    size: int = DISK_SIZE,
    directory: str | None = None,
    progress: Callable[[str], object] = lambda name: None,
) -> dict[str, Any]:
    """Carry workloads out on the running kernel and count what reaches a block device.

    Parameters
    ----------
    workloads : Workload or iterable of Workload
    stack : str
        One of `snapsim.measure.kernel.layers.STACKS`.
    repetitions : int
        Each on a fresh disk; the figures are medians.
    size : int
        Bytes of the disk, a sparse file.
    directory : str, optional
        Where that file lies; the system's directory for temporary files when left out.
    progress : callable
        Called with the id of a workload after each repetition.

    Returns
    -------
    dict
        ``header`` and ``rows``, as in the shipped measurements.

    Raises
    ------
    InvalidInput
        It cannot be measured here (the message says what is missing), or an operation cannot be done.
    SnapsimError
        The measuring process ended early.

    Examples
    --------
    >>> measure([], "zfs")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'zfs' cannot be measured: one of overlay2-ext4, overlay2-ext4-metacopy, \
overlay2-xfs, overlay2-xfs-noreflink, btrfs, \
vfs-ext4, vfs-xfs, xfs-reflink, ext4-plain; dm-snapshot, dm-thin with a trace
    """
    chosen = [workloads] if isinstance(workloads, Workload) else list(workloads)
    _check(stack, repetitions)
    order = {
        "stack": stack,
        "workloads": json.loads(dump(chosen)),
        "repetitions": repetitions,
        "size": size,
        "directory": directory,
    }
    answers = ordered(order, stack, [workload.id for workload in chosen for _ in range(repetitions)], progress)
    header = {**answers[0]["header"], "repetitions": repetitions, "figures": FIGURES}
    runs = [answer["run"] for answer in answers[1:]]
    parts = (runs[first : first + repetitions] for first in range(0, len(runs), repetitions))
    return {"header": header, "rows": [_row(*pair, stack) for pair in zip(chosen, parts, strict=True)]}


def _check(stack: str, repetitions: int) -> None:
    if stack not in STACKS:
        allowed = f"{', '.join(STACKS)}; {', '.join(TARGETS)} with a trace"
        raise InvalidInput(f"{stack!r} cannot be measured: one of {allowed}")
    check_repetitions(repetitions)
    lacking = missing(STACKS[stack][1])
    if lacking:
        raise InvalidInput(f"cannot be measured here: {'; '.join(lacking)}", stack)


def check_repetitions(repetitions: int) -> None:
    """From 1 to 1000.

    Raises
    ------
    InvalidInput
        Fewer, or more.
    """
    if not 1 <= repetitions <= 1000:
        raise InvalidInput(f"{repetitions} repetitions are not allowed: 1 to 1000")


def ordered(
    order: dict[str, Any], what: str, names: Sequence[str], progress: Callable[[str], object]
) -> list[dict[str, Any]]:
    """Give an order to a process of its own (`child`), which ends with this one, whatever happens.

    Parameters
    ----------
    order : dict
        What `child` is to do.
    what : str
        The stack or target, for errors.
    names : sequence of str
        The names of the answers that are awaited after the header.
    progress : callable
        Called with each name when its answer arrives.

    Returns
    -------
    list of dict
        A header, then an answer a name.

    Raises
    ------
    InvalidInput
        What the process could not do; at which name.
    SnapsimError
        It ended early.
    """
    words = [sys.executable, "-m", "snapsim.measure.kernel.child"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            return _answers(child, order, what, names, progress)
        finally:
            child.kill()
            _wait_for_all(child)


def _wait_for_all(child: "subprocess.Popen[str]") -> None:
    """Wait until its output is closed: a process that cleans up after it may keep the output open for longer."""
    assert child.stdout is not None
    while child.stdout.read(1 << 16):
        continue


def _answers(
    child: "subprocess.Popen[str]",
    order: dict[str, Any],
    what: str,
    names: Sequence[str],
    progress: Callable[[str], object],
) -> list[dict[str, Any]]:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdin as orders:
        json.dump(order, orders)
    answers: list[dict[str, Any]] = []
    for line in child.stdout:
        answers.append(json.loads(line))
        if "error" in answers[-1]:
            at = names[len(answers) - 2] if len(answers) > 1 else what
            raise InvalidInput(answers[-1]["error"], at)
        if len(answers) > 1:
            progress(names[len(answers) - 2])
    if len(answers) != len(names) + 1:
        said = child.stderr.read().strip().splitlines()
        raise SnapsimError(f"the measuring process ended early: {said[-1] if said else f'status {child.wait()}'}")
    return answers


def _row(workload: Workload, runs: Sequence[dict[str, Any]], stack: str) -> dict[str, Any]:
    figures = {key: statistics.median_low(run["figures"][key] for run in runs) for key in runs[0]["figures"]}
    middle = min(runs, key=lambda run: abs(run["figures"]["bytes_written"] - figures["bytes_written"]))
    row: dict[str, Any] = {
        "workload": workload.id,
        "title": workload.title or workload.id,
        "stack": stack,
        "params": dict(workload.params),
        "figures": figures,
        "idle": {key: statistics.median_low(run["idle"][key] for run in runs) for key in runs[0]["idle"]},
    }
    if figures["logical_bytes"]:
        row["write_amplification"] = round(figures["bytes_written"] / figures["logical_bytes"], 3)
    row |= {key: middle[key] for key in ("snapshots", "extents", "notes") if middle[key]}
    (trace,) = json.loads(dump([workload]))
    return {
        **row,
        "repetitions": [run["figures"] for run in runs],
        "trace": {key: trace[key] for key in ("layers", "snapshots", "prepare", "ops")},
    }
