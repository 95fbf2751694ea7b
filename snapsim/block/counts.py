"""Counts of I/O by operation and purpose: the bill."""

from typing import Any

from snapsim.base.errors import InvalidInput

LEAVES_OUT = "which device, when, and in what order (`device.Recording` keeps that)."
"""What this model leaves out, as `snapsim fidelity` lists it."""

OPERATIONS = ("read", "write", "discard")
PURPOSES = ("data", "copy", "metadata", "zero")
_CELLS = tuple(f"{operation}_{purpose}" for operation in OPERATIONS for purpose in PURPOSES)


class IOCounts:
    """An immutable table, operation x purpose -> requests and bytes.

    Parameters
    ----------
    block_size : int
        What a plain number of requests is multiplied with.
    **cells : int or (int, int)
        ``read_copy=1`` is one request of one block; ``read_copy=(1, 65536)`` says the bytes as well.
        Names: ``read_``, ``write_`` or ``discard_`` with ``data``, ``copy``, ``metadata`` or ``zero``.

    Examples
    --------
    >>> cow = IOCounts(read_copy=1, write_copy=1, write_data=1)
    >>> cow.requests("write"), cow.bytes("write"), cow.bytes("read", "copy")
    (2, 8192, 4096)
    >>> cow + cow - cow == cow
    True
    """

    __slots__ = ("_cells",)

    def __init__(self, *, block_size: int = 4096, **cells: int | tuple[int, int]) -> None:
        for name in cells:
            if name not in _CELLS:
                raise InvalidInput(f"{name} is not counted: one of {', '.join(_CELLS)}")
        full = {name: (cell, cell * block_size) if isinstance(cell, int) else cell for name, cell in cells.items()}
        self._cells = {name: (int(full[name][0]), int(full[name][1])) for name in _CELLS if any(full.get(name, ()))}

    def requests(self, operation: str | None = None, purpose: str | None = None) -> int:
        """Number of requests, of one operation or purpose or of all."""
        return self._sum(0, operation, purpose)

    def bytes(self, operation: str | None = None, purpose: str | None = None) -> int:
        """Number of bytes, of one operation or purpose or of all."""
        return self._sum(1, operation, purpose)

    def _sum(self, part: int, operation: str | None, purpose: str | None) -> int:
        wanted = [f"{o}_{p}" for o in OPERATIONS if operation in (None, o) for p in PURPOSES if purpose in (None, p)]
        if not wanted:
            raise InvalidInput(f"{operation} {purpose} is not counted: {OPERATIONS} and {PURPOSES}")
        return sum(self._cells[name][part] for name in wanted if name in self._cells)

    def cells(self) -> dict[str, tuple[int, int]]:
        """The cells that are not empty: name -> (requests, bytes)."""
        return dict(self._cells)

    def _combine(self, other: "IOCounts", sign: int) -> "IOCounts":
        cells: dict[str, Any] = {}
        for name in _CELLS:
            mine, theirs = self._cells.get(name, (0, 0)), other._cells.get(name, (0, 0))
            cells[name] = (mine[0] + sign * theirs[0], mine[1] + sign * theirs[1])
        return IOCounts(**cells)

    def __add__(self, other: "IOCounts") -> "IOCounts":
        return self._combine(other, 1)

    def __sub__(self, other: "IOCounts") -> "IOCounts":
        return self._combine(other, -1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IOCounts) and self._cells == other._cells

    def __hash__(self) -> int:
        return hash(tuple(self._cells.items()))

    def __repr__(self) -> str:
        return f"IOCounts({', '.join(f'{name}={cell}' for name, cell in self._cells.items())})"
