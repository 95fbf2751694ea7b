"""`measure_trace`: a trace of dm-snapshot or dm-thin on the running kernel, in the form of the shipped measurements.

What it leaves out: judging the figures; `fidelity` lays the model's beside them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.measure.kernel.measuring import check_repetitions, ordered
from snapsim.measure.kernel.needs import missing_targets
from snapsim.measure.kernel.traces import TARGETS, scenarios

FIGURES = {
    "origin, cow, cowK, data, metadata": "what the disk moved between `begin` and `end`, from its counters; cowK is "
    "the slice of snapshot K; of a row with three such pairs the second counts, and `write_to_origin_when_invalid` is "
    "the third",
    "status_before, status_after, status_all": "`dmsetup status` of the first snapshot, of all",
    "allocated_sectors, metadata_sectors": "from it: sectors of the COW device in use, and those that hold metadata",
    "commits": "of the pool's metadata: half the flushes of its disk; the kernel commits once a second by itself, too",
    "used_data_blocks, used_meta_blocks": "[before, after]; a block of metadata has 4096 bytes; the pool's reserve, at "
    "most a tenth, counts as used",
    "pool_status, thin_status": "`dmsetup status` at the commit behind `end`",
    "result, results": "of the last request between `begin` and `end`; of all, where the row that was given had them",
    "statuses": "before the first and after each write, where the row that was given had them",
    "errors": "[operation of the trace, its kind, what the kernel said, how often]",
}
_TELLS = ("workload", "title", "params", "scenario")


def measure_trace(
    rows: Sequence[Mapping[str, Any]],
    target: str,
    repetitions: int = 1,
    directory: str | None = None,
    progress: Callable[[str], object] = lambda name: None,
) -> dict[str, Any]:
    """Carry the scenarios of a trace out on the running kernel and count what reaches the disks.

    Parameters
    ----------
    rows : sequence of mapping
        As `snapsim.measure.trace.load` gives them, all rows of each scenario.
    target : str
        dm-snapshot or dm-thin.
    repetitions : int
        Each on fresh disks. The figures of a row are those of the repetition in the middle, by bytes written.
    directory : str, optional
        Where the files below the disks lie; the system's directory for temporary files when left out.
    progress : callable
        Called with the name of a scenario after each repetition.

    Returns
    -------
    dict
        ``header`` and ``rows``, as in the shipped measurements.

    Raises
    ------
    InvalidInput
        It cannot be measured here (the message says what is missing), or an operation cannot be carried out.
    SnapsimError
        The measuring process ended early, or could not take everything down.

    Examples
    --------
    >>> measure_trace([{"scenario": "zfs-001", "trace": []}], "dm-thin")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: scenario 'zfs-001' is none of dm-thin
    """
    chosen: list[Mapping[str, Any]] = [{**row, "_row": row.get("_row", number)} for number, row in enumerate(rows)]
    check_repetitions(repetitions)
    for row in chosen:
        if not row["scenario"].startswith(target):
            raise InvalidInput(f"scenario {row['scenario']!r} is none of {target}")
    lacking = missing_targets(TARGETS[target].modules)
    if lacking:
        raise InvalidInput(f"cannot be measured here: {'; '.join(lacking)}", target)
    names = [name for name in scenarios(chosen) for _ in range(repetitions)]
    order = {"target": target, "rows": chosen, "repetitions": repetitions, "directory": directory}
    answers = ordered(order, target, names, progress)
    header = {**answers[0]["header"], "repetitions": repetitions, "figures": FIGURES}
    figures: dict[int, list[dict[str, Any]]] = {row["_row"]: [] for row in chosen}
    for name, answer in zip(names, answers[1:], strict=True):
        for row, found in zip(scenarios(chosen)[name], answer["run"], strict=True):
            figures[row["_row"]].append(found)
    return {"header": header, "rows": [_row(row, figures[row["_row"]], header) for row in chosen]}


def _row(row: Mapping[str, Any], runs: Sequence[dict[str, Any]], header: Mapping[str, Any]) -> dict[str, Any]:
    middle = sorted(runs, key=_written)[(len(runs) - 1) // 2]
    return {
        **{key: row[key] for key in _TELLS if key in row},
        "figures": middle,
        "repetitions": list(runs),
        "trace": [_done(op, header) for op in row["trace"]],
    }


def _written(figures: Mapping[str, Any]) -> int:
    return sum(told["written_bytes"] for told in figures.values() if isinstance(told, dict) and "written_bytes" in told)


def _done(op: Mapping[str, Any], header: Mapping[str, Any]) -> dict[str, Any]:
    """An operation as it was carried out here: without what another kernel answered, and with this one's patience."""
    found = {key: value for key, value in op.items() if key != "error"}
    if op.get("op") == "create_pool" and "no_space_timeout" in header:
        found["no_space_timeout"] = header["no_space_timeout"]
    return found
