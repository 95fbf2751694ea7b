"""A predicted figure beside its measurement, and a row of a measurement with all its figures.

>>> figure = Figure("metadata", "bytes_written", predicted=65536, without=0, measured=Range(53248, 49152, 57344),
...                 demand=METADATA["ext4"])
>>> figure.error, figure.allowed, figure.ok, figure.ok_without       # 8 KiB beyond the range, 13 KiB allowed
(8192, 13312, True, False)

What it leaves out: where predictions come from (`fidelity`, `trace_figures`).
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from snapsim.fidelity.tolerances import METADATA, Demand, Possible, possible
from snapsim.measure.range import Range

__all__ = ["METADATA", "ComparedTotal", "Comparison", "Figure", "Moved", "data_figure", "metadata_figure"]


class Moved(NamedTuple):
    """Bytes in one direction: data and copies (and zeros), and metadata."""

    moved: int
    metadata: int

    @property
    def total(self) -> int:
        """Data and metadata together."""
        return self.moved + self.metadata


def beyond(value: int, measured: Range) -> int:
    """How far a value is above or below a range.

    Examples
    --------
    >>> beyond(7, Range(5, 4, 6)), beyond(1, Range(5, 4, 6)), beyond(5, Range(5, 4, 6))
    (1, -3, 0)
    """
    return max(value - measured.most, 0) + min(value - measured.least, 0)


@dataclass(frozen=True)
class Figure:
    """One figure of a row, predicted and measured.

    Attributes
    ----------
    kind : str
        One of `CLASSES`.
    name : str
        As the measurement calls it.
    predicted, without : int
        Predicted by the model, and by a model that counts no metadata at all.
    measured : Range
    demand : Demand
    demand_without : Demand, optional
        The demand on the model without metadata, where it differs.
    """

    kind: str
    name: str
    predicted: int
    without: int
    measured: Range
    demand: Demand
    demand_without: Demand | None = None

    @property
    def error(self) -> int:
        """Bytes beyond the range of the repetitions: above 0 too many, below 0 too few."""
        return beyond(self.predicted, self.measured)

    @property
    def outside(self) -> int:
        """Bytes beyond what the demand allows: 0 where it is met."""
        least, most = self.demand.bounds(self.measured)
        return max(self.predicted - most, least - self.predicted, 0)

    @property
    def relative(self) -> float | None:
        """The error as a share of the median; None where nothing was measured."""
        return self.error / self.measured.median if self.measured.median > 0 else None

    @property
    def allowed(self) -> int:
        """Bytes that the demand allows beyond the range."""
        return self.demand.allowed(self.measured)

    @property
    def ok(self) -> bool:
        """Whether the demand is met."""
        return self.outside == 0

    @property
    def near(self) -> bool:
        """Whether the prediction is as near to the median as the demand says, without the spread of the repetitions.

        Examples
        --------
        >>> told, demand = Range(median=100, least=60, most=140), Demand(0.25, 0, "25 %")
        >>> [(each.near, each.met_once) for each in (Figure("metadata", "x", 125, 0, told, demand),
        ...                                          Figure("metadata", "x", 140, 0, told, demand))]
        [(True, True), (False, True)]
        """
        median = self.measured.median
        return replace(self, measured=Range(median, median, median)).ok

    @property
    def met_once(self) -> bool:
        """Whether the prediction is within the spread of the repetitions; data among metadata, if they are possible."""
        return self.ok if isinstance(self.demand, Possible) else self.error == 0

    @property
    def ok_without(self) -> bool:
        """Whether a model without metadata meets the demand as well."""
        return replace(self, predicted=self.without, demand=self.demand_without or self.demand).ok

    def record(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "class": self.kind,
            "figure": self.name,
            "predicted": self.predicted,
            "without_metadata": self.without,
            "measured": self.measured._asdict(),
            "error": self.error,
            "relative_error": self.relative,
            "demand": self.demand.words,
            "ok": self.ok,
            "ok_without_metadata": self.ok_without,
            "near_median": self.near,
            "within_spread": self.met_once,
        }


def data_figure(name: str, found: Moved, total: Range) -> Figure:
    """The figure of data bytes, among all bytes in one direction."""
    return Figure("data", name, found.moved, found.moved, total, possible(found.metadata), possible(0))


def metadata_figure(name: str, found: Moved, total: Range, demand: Demand) -> Figure:
    """The figure of metadata bytes: those predicted, beside the measured bytes minus the data."""
    return Figure("metadata", name, found.metadata, 0, total.less(found.moved), demand)


class ComparedTotal(NamedTuple):
    """Bytes written to all devices: predicted, by a model without metadata, measured."""

    predicted: int
    without: int
    measured: Range

    @property
    def error(self) -> int:
        """Bytes beyond the range of the repetitions."""
        return beyond(self.predicted, self.measured)


@dataclass(frozen=True)
class Comparison:
    """One row of a measurement.

    Attributes
    ----------
    stack : str
        The stack or target that was measured.
    number : int
        Which row of the measurement it is.
    name : str
        For tables.
    workload : str
        What was done, in a form that is equal for equal traces.
    written : ComparedTotal, optional
        None where a row counts no bytes.
    figures : tuple of Figure
    """

    stack: str
    number: int
    name: str
    workload: str
    written: ComparedTotal | None
    figures: tuple[Figure, ...]

    def of(self, kind: str) -> list[Figure]:
        """The figures of a class."""
        return [figure for figure in self.figures if figure.kind == kind]

    def record(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "stack": self.stack,
            "row": self.number,
            "workload": self.name,
            "figures": [figure.record() for figure in self.figures],
        }
