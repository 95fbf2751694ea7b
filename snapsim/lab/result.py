"""What a run cost: plain data, ready for tables, JSON, CSV and figures.

A `Result` holds one `Run` for each workload and stack, a `Run` one `Step` for each operation. Bytes follow exactly from
the rules of the models (`metadata` of a file system counts 0 where its stack says that it is not modelled);
milliseconds are *estimated* on a device profile.

What it leaves out: how the figures come about (`experiment`), and how they are drawn (`plot`).
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from snapsim import __version__
from snapsim.block.device import PURPOSES, IOCounts
from snapsim.block.volume import Usage

SCHEMA = 1


def ratio(amount: float, of: float) -> float | None:
    """A quotient with three decimals; None where the denominator is zero, since the application requested nothing.

    Examples
    --------
    >>> ratio(67_112_960, 4096), ratio(1, 0)
    (16385.0, None)
    """
    return round(amount / of, 3) if of else None


@dataclass(frozen=True)
class Step:
    """One operation of a workload on one stack.

    Attributes
    ----------
    name : str
        The operation in words.
    counts : IOCounts
        Its I/O, all devices of the stack together.
    seeks : int
        Requests that did not start where the one before ended on the same device.
    estimated_ms : float
        Service time on the device profile.
    """

    name: str
    counts: IOCounts
    seeks: int
    estimated_ms: float


@dataclass(frozen=True)
class Run:
    """One workload on one stack.

    Attributes
    ----------
    workload, stack, driver, device : str
        Names; `device` is the profile of the estimate.
    steps : tuple of Step
        In order; the last is the sync that ends every run.
    space : Usage
        Bytes at the end: `allocated` by all layers and containers, `exclusive` what removing the containers would free,
        `shared` the rest.
    grown : int
        Bytes that the run itself allocated.
    asked_to_write, asked_to_read : int
        Bytes that the application wrote and read.
    page_cache : int
        Bytes of file data in memory at the end.
    notes : tuple of str
        Failures that a real system would show as well (``rename: EXDEV``).
    """

    workload: str
    stack: str
    driver: str
    device: str
    steps: tuple[Step, ...]
    space: Usage
    grown: int
    asked_to_write: int
    asked_to_read: int
    page_cache: int
    notes: tuple[str, ...] = ()
    status: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def counts(self) -> IOCounts:
        """The I/O of all steps."""
        return sum((step.counts for step in self.steps), IOCounts())

    @property
    def seeks(self) -> int:
        """Seeks of all steps."""
        return sum(step.seeks for step in self.steps)

    @property
    def estimated_ms(self) -> float:
        """Estimated service time of all steps."""
        return round(sum(step.estimated_ms for step in self.steps), 3)

    def _bytes(self, operation: str) -> dict[str, int]:
        counts = self.counts
        return {**{purpose: counts.bytes(operation, purpose) for purpose in PURPOSES}, "total": counts.bytes(operation)}

    def record(self) -> dict[str, Any]:
        """The run as ``--format json`` prints it (docs/reference/result.schema.json)."""
        counts = self.counts
        return {
            "schema": SCHEMA,
            "snapsim": __version__,
            "workload": self.workload,
            "stack": self.stack,
            "driver": self.driver,
            "written": self._bytes("write"),
            "read": self._bytes("read"),
            "space": self.space._asdict(),
            "amplification": {
                "write": ratio(counts.bytes("write"), self.asked_to_write),
                "read": ratio(counts.bytes("read"), self.asked_to_read),
                "space": ratio(self.grown, self.asked_to_write),
            },
            "estimated_ms": self.estimated_ms,
            "device": self.device,
            "seeks": self.seeks,
            "requests": {"write": counts.requests("write"), "read": counts.requests("read")},
            "asked": {"write": self.asked_to_write, "read": self.asked_to_read},
            "page_cache": self.page_cache,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Result:
    """The runs of `experiment.compare` or `experiment.sweep`, in the order of their arguments.

    Attributes
    ----------
    runs : tuple of Run
    parameters : tuple of mapping
        The varied values of each run of a sweep; otherwise empty mappings.
    """

    runs: tuple[Run, ...]
    parameters: tuple[dict[str, Any], ...] = ()

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def records(self) -> list[dict[str, Any]]:
        """A plain record for each run, with the varied parameters in front."""
        varied = self.parameters or ({},) * len(self.runs)
        return [
            {**({"parameters": extra} if extra else {}), **run.record()}
            for extra, run in zip(varied, self.runs, strict=True)
        ]

    def curves(self, parameter: str, figure: str = "amplification.write") -> dict[str, tuple[list[Any], list[Any]]]:
        """A figure over a varied parameter, one curve for each stack, as `plot.amplification` draws it.

        Parameters
        ----------
        parameter : str
            A name that `experiment.sweep` varied.
        figure : str
            A key of the records, nested ones joined with a dot; points where it is None are left out.
        """
        found: dict[str, tuple[list[Any], list[Any]]] = {}
        for record in self.records():
            value = _flat(record)[figure]
            if value is not None:
                xs, ys = found.setdefault(record["stack"], ([], []))
                xs.append(record["parameters"][parameter])
                ys.append(value)
        return found

    def to_csv(self) -> str:
        """The records as CSV, nested keys joined with a dot."""
        rows = [_flat(record) for record in self.records()]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def to_dataframe(self) -> Any:
        """The records as a pandas DataFrame, for those who have pandas."""
        import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

        return pandas.DataFrame([_flat(record) for record in self.records()])


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined with a dot, lists with a semicolon.

    Examples
    --------
    >>> _flat({"written": {"data": 1}, "notes": ["a", "b"]})
    {'written.data': 1, 'notes': 'a; b'}
    """
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = "; ".join(map(str, value)) if isinstance(value, list) else value
    return flat
