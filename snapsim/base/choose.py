"""A name in a table of names, or an error that lists what there is."""

from collections.abc import Mapping
from typing import Any

from snapsim.base.errors import InvalidInput


def choose(name: str, among: Mapping[str, Any], what: str) -> Any:
    """The entry of a name, or an error that lists what there is.

    Examples
    --------
    >>> choose("overlay3", {"overlay2": 1, "vfs": 2}, "driver")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'overlay3' is no driver: one of overlay2, vfs
    """
    if name not in among:
        raise InvalidInput(f"{name!r} is no {what}: one of {', '.join(among)}")
    return among[name]
