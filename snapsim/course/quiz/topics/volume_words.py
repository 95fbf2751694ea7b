"""What problems about volumes say and read: ``write 3``, ``snapshot``; volumes filled before anything is counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.course.quiz.topic import Answer

BLOCK = 4096


def told(operations: Sequence[str]) -> str:
    """Operations as a numbered list."""
    return "\n".join(f"{number}. `{operation}`" for number, operation in enumerate(operations, start=1))


def block_of(operation: str, size: int) -> int:
    """The block of ``write N``.

    Examples
    --------
    >>> block_of("write 3", 8)
    3
    >>> block_of("wirte 3", 8)
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'wirte 3' is not allowed: snapshot, or write N with a block from 0 to 7
    """
    verb, _, number = operation.strip().partition(" ")
    if verb != "write" or not number.isdecimal() or int(number) >= size:
        raise InvalidInput(f"{operation!r} is not allowed: snapshot, or write N with a block from 0 to {size - 1}")
    return int(number)


def traps(right: Answer, wrong: Mapping[Any, str]) -> dict[Answer, str]:
    """Without those that happen to be right."""
    return {answer: why for answer, why in wrong.items() if answer != right}
