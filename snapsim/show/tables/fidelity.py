"""Tables of how near the predictions are to the measurements.

What it leaves out: calculation, which is `agreement`'s; the page docs/fidelity.md, written by
tests/support/fidelity_page.py.
"""

from collections.abc import Iterable, Mapping, Sequence

from snapsim.base.units import format_size
from snapsim.fidelity.comparison import Comparison
from snapsim.fidelity.summary import Fit, Miss, Share
from snapsim.fidelity.tolerances import CLASSES
from snapsim.show.tables.table import new_table, show

_LEGEND = (
    "Share of the rows within the demand, which is counted from the spread of the repetitions on; in brackets that of "
    "a model which counts no metadata. data: not more than was measured, the rest possible as metadata; equal where it "
    "is counted alone. metadata: 25 % or 8 KiB (ext4, XFS, dm-thin), 25 % or 48 KiB (btrfs, ZFS). reads: 10 % or 256 "
    "KiB. space: 2 % or 128 KiB. order: of pairs of stacks whose cost differs by more than 15 % and 128 KiB. all: "
    "every figure of the row."
)


def shares(found: Sequence[Share]) -> None:
    """A row for each stack, a column for each class."""
    kinds = (*CLASSES, "all")
    table = new_table("Within the demand", "stack,rows>," + ",".join(f"{kind}>" for kind in kinds), _LEGEND)
    cells = {(share.stack, share.kind): share for share in found}
    for stack in dict.fromkeys(share.stack for share in found):
        rows_ = str(cells[stack, "all"].rows)
        table.add_row(stack, rows_, *(share_text(cells.get((stack, kind))) for kind in kinds))
    show(table)


_BOTH = (
    "Share of the rows whose figures are all as near to the median as the demand says (25 % of metadata), whatever the "
    "repetitions differ by, and of those whose figures are all within the spread of the repetitions."
)


def both(found: Sequence[Share]) -> None:
    """For each stack and class two shares: near the median, and within the spread of the repetitions."""
    kinds = (*(kind for kind in CLASSES if kind != "order"), "all")
    title = "Near the median / within the spread of the repetitions"
    table = new_table(title, "stack,rows>," + ",".join(f"{kind}>" for kind in kinds), _BOTH)
    cells = {(share.stack, share.kind): share for share in found}
    for stack in dict.fromkeys(share.stack for share in found):
        rows_ = str(cells[stack, "all"].rows)
        table.add_row(stack, rows_, *(both_text(cells.get((stack, kind))) for kind in kinds))
    show(table)


def both_text(share: Share | None) -> str:
    """Two shares, whole percents only where they are exact, or rounded down.

    Examples
    --------
    >>> both_text(Share("btrfs", "metadata", 31, 30, 1, near=29, spread=31)), both_text(None)
    ('93 % / 100 %', '-')
    """
    if share is None:
        return "-"
    return f"{100 * share.near // share.rows} % / {100 * share.spread // share.rows} %"


def share_text(share: Share | None) -> str:
    """A share, and in brackets that without metadata; a whole percent only where it is exact, or rounded down.

    Examples
    --------
    >>> share_text(Share("btrfs", "metadata", 31, 30, 1))
    '96 % (3 %)'
    """
    if share is None:
        return "-"
    return f"{100 * share.ok // share.rows} % ({100 * share.ok_without // share.rows} %)"


def fits(found: Iterable[Fit]) -> None:
    """Rank correlation and mean error of the bytes written."""
    table = new_table(
        "Bytes written (in brackets without metadata)",
        "stack,rows>,rank correlation>,mean absolute error>",
    )
    for fit in found:
        ranks, errors = fit_text(fit)
        table.add_row(fit.stack, str(fit.rows), ranks, errors)
    show(table)


def fit_text(fit: Fit) -> tuple[str, str]:
    """Correlation and error as text, in brackets those without metadata; "-" where there is none.

    Examples
    --------
    >>> fit_text(Fit("btrfs", 31, 0.9951, None, 1.94, 91.0))
    ('0.995 (-)', '1.9 % (91.0 %)')
    """
    told = [_number(value, ".3f") for value in (fit.rank, fit.rank_without)]
    told += [_number(value, ".1f", " %") for value in (fit.percent, fit.percent_without)]
    return f"{told[0]} ({told[1]})", f"{told[2]} ({told[3]})"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else format(value, form) + unit


def worst(found: Iterable[Miss]) -> None:
    """The rows furthest outside their demands."""
    table = new_table("Furthest outside", "stack,workload,figure,predicted>,measured>,outside by>")
    for miss in found:
        figure = miss.figure
        table.add_row(
            miss.row.stack,
            _short(miss.row.name),
            figure.name,
            f"{figure.predicted:,}",
            f"{figure.measured.median:,}",
            format_size(figure.outside),
        )
    if table.row_count:
        show(table)


def rows(found: Sequence[Comparison], assumed: Mapping[str, str] | None = None) -> None:
    """Every figure of some rows, a table for each stack; `assumed`: what is known of the disk, stack by stack."""
    for stack in dict.fromkeys(row.stack for row in found):
        said = (assumed or {}).get(stack)
        _rows_of(stack, [row for row in found if row.stack == stack], f" The measurement says: {said}." if said else "")


def _rows_of(stack: str, found: Sequence[Comparison], said: str) -> None:
    columns = "workload,figure,predicted>,measured>,error>,allowed>,within,bare"
    table = new_table(f"{stack}: predicted and measured, bytes", columns, _ROWS + said)
    for row in found:
        for figure in row.figures:
            told = (figure.predicted, figure.measured.median, figure.error)
            table.add_row(
                _short(row.name),
                figure.name,
                *(f"{value:,}" for value in told),
                format_size(figure.allowed),
                _yes(figure.ok),
                _yes(figure.ok_without),
            )
    show(table)


_ROWS = (
    "measured: the median; error: beyond the range of the repetitions; bare: whether a model that counts no "
    "metadata would be within as well."
)


def differences(said: Iterable[tuple[str, str]], stack: str) -> None:
    """What a stack leaves out."""
    table = new_table(f"{stack}: what the model leaves out", "where,what", flow=True)
    for where, what in said:
        table.add_row(where, what)
    show(table)


def _yes(ok: bool) -> str:
    return "yes" if ok else "no"


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"
