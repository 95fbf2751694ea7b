"""The drivers behind `snapsim.driver.Driver`: one file each, one line each.

Level 10. Siblings never import each other, but for `union`.
"""

from ..driver import Driver
from .plain import Plain
from .vfs import Vfs

DRIVERS: dict[str, type[Driver]] = {
    "plain": Plain,
    "vfs": Vfs,
}
