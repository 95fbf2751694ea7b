"""The mechanisms that keep the contract of `snapsim.block.volume.Volume`: one file or folder for each.

Siblings never import each other: each file can be read alone. (A folder is one mechanism in several files.)
"""

from snapsim.block.snapshots.cow_btree.volume import CowBtree
from snapsim.block.snapshots.exception_store import ExceptionSnapshot, ExceptionStore
from snapsim.block.snapshots.full_copy import FullCopy
from snapsim.block.snapshots.records.volume import Records
from snapsim.block.snapshots.thin.pool import ThinPool
from snapsim.block.snapshots.thin.volume import ThinVolume
from snapsim.block.volume import Volume

__all__ = [
    "MECHANISMS",
    "CowBtree",
    "ExceptionSnapshot",
    "ExceptionStore",
    "FullCopy",
    "Records",
    "ThinPool",
    "ThinVolume",
]

MECHANISMS: dict[str, type[Volume]] = {
    "cow-btree": CowBtree,
    "full-copy": FullCopy,
    "exception-store": ExceptionStore,
    "thin-pool": ThinVolume,
    "records": Records,
}
