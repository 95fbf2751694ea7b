"""Look a name up in a table; an unknown name is an error that lists the names there are."""

from collections.abc import Mapping
from typing import TypeVar

from snapsim.base.errors import InvalidInput

T = TypeVar("T")


def choose(name: str, among: Mapping[str, T], what: str) -> T:
    """Return the entry of a name, or raise an error that lists the names there are.

    Examples
    --------
    >>> choose("overlay3", {"overlay2": 1, "vfs": 2}, "driver")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'overlay3' is no driver: one of overlay2, vfs
    """
    if name not in among:
        raise InvalidInput(f"{name!r} is no {what}: one of {', '.join(among)}")
    return among[name]
