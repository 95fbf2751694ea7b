"""The mechanisms behind `snapsim.volume.Volume`: one file each, one line each.

Siblings never import each other: each file can be read alone. (The `thin_` files are one mechanism in four.)
"""

from ..volume import Volume
from .cow_btree import CowBtree
from .exception_store import ExceptionSnapshot, ExceptionStore
from .full_copy import FullCopy
from .records import Records
from .thin_pool import ThinPool, ThinVolume

__all__ = [
    "MECHANISMS", "CowBtree", "ExceptionSnapshot", "ExceptionStore", "FullCopy", "Records", "ThinPool", "ThinVolume",
]

MECHANISMS: dict[str, type[Volume]] = {
    "cow-btree": CowBtree,
    "full-copy": FullCopy,
    "exception-store": ExceptionStore,
    "thin-pool": ThinVolume,
    "records": Records,
}
