"""Names of a package that are loaded when they are first used (PEP 562).

A package that offers names from many modules would load all of them, matplotlib included, when one is wanted. Its
`__init__` says instead in which module each name lives.

>>> fetch, names = lazy("snapsim.base", {"MiB": "snapsim.base.units"})
>>> fetch("MiB"), names()
(1048576, ['MiB'])
>>> fetch("mebibyte")
Traceback (most recent call last):
AttributeError: module 'snapsim.base' has no attribute 'mebibyte'
"""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``.

    Parameters
    ----------
    package : str
        The package's own name (``__name__``).
    homes : mapping of str to str
        Name -> the module that defines it. A module that is itself offered is listed under the last part of its path,
        or written ``"snapsim.show.plots as module"``.

    Returns
    -------
    tuple of callable
        The function that loads a name, and the one that lists all names.
    """

    def fetch(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, _, itself = homes[name].partition(" as ")
        module = importlib.import_module(home)
        found = module if itself else getattr(module, name)
        setattr(sys.modules[package], name, found)
        return found

    return fetch, lambda: sorted(homes)
