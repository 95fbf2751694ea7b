"""Fewer and simpler operations that still fail.

Operations name what they act on by a number, in the order in which things were made. So an operation can be left out
without a change of what the others do: if it made something, the numbers of all that was made later go down by one,
and who named the thing that is gone names what it was made from.

LEAVES OUT: which operations there are (each pack says what they make and name), and the search itself (`search`).
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from snapsim.testing.failure import Failure
from snapsim.testing.search import Operations, Play, TimeLimit

FEW = 5
"""Operations that a counter-example should have at most."""
_MANY = 14
"""Operations of a list of which every short part can be tried."""


class Reference(NamedTuple):
    """That an operation names a thing: in which field, of what kind, and its number."""

    field: str
    kind: str
    number: int


def nothing_simpler(operation: Any) -> Iterator[Any]:
    """No operation is simpler than this one."""
    yield from ()


class Naming(NamedTuple):
    """How the operations of a pack name things.

    Attributes
    ----------
    made_by : callable
        The kind of thing that an operation makes, "" if none.
    named_by : callable
        The references of an operation.
    first : mapping of str to int
        How many things of each kind there are to start with.
    simpler : callable
        Operations that are simpler than one, the simplest first.
    with_numbers : callable
        A list in which every operation names what it acts on.
    """

    made_by: Callable[[Any], str] = lambda operation: ""
    named_by: Callable[[Any], Iterator[Reference]] = lambda operation: iter(())
    first: dict[str, int] = {}  # noqa: RUF012 - never changed
    simpler: Callable[[Any], Iterator[Any]] = nothing_simpler
    with_numbers: Callable[[Sequence[Any]], Sequence[Any]] = lambda operations: operations


def without(operations: Operations, number: int, naming: Naming) -> tuple[Any, ...]:
    """The list without one operation; the others act on what they acted on.

    Examples
    --------
    >>> from snapsim.testing.drivers.operations import child, write
    >>> from snapsim.testing.drivers.check import NAMING
    >>> acts = [child(0), child(0), write("/a", 0, 1), write("/b", 0, 2)]
    >>> [(act.path, act.layer) for act in without(acts, 0, NAMING)[1:]]
    [('/a', 0), ('/b', 1)]
    """
    dropped, rest = operations[number], [*operations[:number], *operations[number + 1 :]]
    kind = naming.made_by(dropped)
    if not kind:
        return tuple(rest)
    gone = naming.first.get(kind, 0) + sum(naming.made_by(each) == kind for each in operations[:number])
    source = next((each.number for each in naming.named_by(dropped) if each.kind == kind), 0)
    for at in range(number, len(rest)):
        for name in naming.named_by(rest[at]):
            if name.kind == kind and name.number >= gone:
                after = source if name.number == gone else name.number - 1
                rest[at] = rest[at]._replace(**{name.field: after})
    return tuple(rest)


def shrink(failure: Failure, play: Play, limit: TimeLimit, naming: Naming = Naming()) -> Failure:  # noqa: B008
    """The failure of fewer and simpler operations, while there is time.

    Of a long list halves, quarters and so on are left out first; then single operations, then pairs, as long as the
    list still fails. Then each is made simpler; and of a list that is long even so every short part is tried.
    """
    named = play(naming.with_numbers(failure.operations)) if failure.operations else None
    best = named if named is not None else failure
    best = _fewer(_parts_left_out(best, play, limit, naming), play, limit, naming)
    best = _simpler(best, play, limit, naming)
    if FEW < len(best.operations) <= _MANY:
        best = _part(best, play, limit, naming)
    return best


def _first(lists: Iterator[tuple[Any, ...]], play: Play, limit: TimeLimit) -> Failure | None:
    return next((failure for each in lists if not limit.over and (failure := play(each))), None)


def _parts_left_out(failure: Failure, play: Play, limit: TimeLimit, naming: Naming) -> Failure:
    """Runs of operations, the long ones first (Zeller's delta debugging): a story of eighty steps is short soon."""
    size = len(failure.operations) // 2
    while size > 1:
        first = 0
        while first < len(failure.operations):
            fewer: Operations = failure.operations
            for number in reversed(range(first, min(first + size, len(fewer)))):
                fewer = without(fewer, number, naming)
            found = None if limit.over or not fewer else play(fewer)
            if found is None or len(found.operations) >= len(failure.operations):
                first += size
            else:
                failure = found
        size //= 2
    return failure


def _fewer(failure: Failure, play: Play, limit: TimeLimit, naming: Naming) -> Failure:
    while True:
        operations = failure.operations
        ones = (without(operations, number, naming) for number in reversed(range(len(operations))))
        pairs = (
            without(without(operations, second, naming), first, naming)
            for first, second in itertools.combinations(range(len(operations)), 2)
        )
        found = _first(ones, play, limit) or _first(pairs, play, limit)
        if found is None or len(found.operations) >= len(operations):
            return failure
        failure = found


def _simpler(failure: Failure, play: Play, limit: TimeLimit, naming: Naming) -> Failure:
    number = 0
    while number < len(failure.operations):
        operations = failure.operations
        simpler = (
            (*operations[:number], each, *operations[number + 1 :]) for each in naming.simpler(operations[number])
        )
        found = _first(simpler, play, limit)
        if found is not None and len(found.operations) <= len(operations):
            failure = found
        number += 1
    return failure


def _part(failure: Failure, play: Play, limit: TimeLimit, naming: Naming) -> Failure:
    """Every part of at most `FEW` operations."""
    operations = failure.operations

    def parts() -> Iterator[tuple[Any, ...]]:
        for length in range(1, FEW + 1):
            for kept in itertools.combinations(range(len(operations)), length):
                part = tuple(operations)
                for number in reversed([each for each in range(len(operations)) if each not in kept]):
                    part = without(part, number, naming)
                yield part

    return _first(parts(), play, limit) or failure
