"""Names of a package that are loaded when they are first asked for (PEP 562).

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
        Name -> the module that has it. A module that is offered itself has the name of its last part, or is written
        ``"snapsim.show.plots as module"``.

    Returns
    -------
    tuple of callable
        What finds a name, and what lists them.
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
