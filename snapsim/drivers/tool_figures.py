"""What each tool says about the same bytes, and what of the ledger that is: du, df, quota groups, zfs, thin_ls, Docker.

None of these tools is wrong; each counts something else:

========================  ==========================================================================================
`du` of a layer           blocks of each inode of the layer's own directory, once. It does not see sharing below the
                          inode: clones (XFS), extents (btrfs), records (zfs) and pool blocks (devicemapper) count for
                          each layer that shows them; and what no file shows (the rest of a pool block) it never sees
`df` of the disk          what the storage below has marked as in use: the whole book, with deleted files that are open
Docker's size             apparent bytes of what the layer changed; blocks, holes and sharing play no part
btrfs qgroup              referenced, exclusive: lines of the book that name the subvolume, that name it alone
btrfs squota              extents that the subvolume made, whoever has them now: `Ledger.made`
zfs                       referenced: as above; used: what was born in the dataset, `Ledger.made`; written: since its
                          newest snapshot, so that a leaf's is its exclusive
dm-thin                   mapped, exclusive: as above, in pool blocks
========================  ==========================================================================================

>>> from snapsim.drivers.graphdrivers import Zfs
>>> from snapsim.drivers.ledger import take
>>> driver = Zfs()
>>> driver.create("base")
>>> with driver.mounted("base") as mount:
...     mount.write("/f", 0, 1 << 20)
1048576
>>> driver.create_read_write("box", "base")
>>> with driver.mounted("box") as mount:
...     mount.write("/f", 0, 1)                        # one record of 128 KiB moves
1
>>> for row in tool_figures(driver, take(driver)): print(row)
Figures(layer='base', du=1048576, apparent=1048576, native={'used': 1048576, 'referenced': 1048576, 'written': 0})
Figures(layer='box', du=1048576, apparent=1048576, native={'used': 131072, 'referenced': 1048576, 'written': 131072})

What it leaves out: directories and inodes, which `du` and `df` count (4 KiB for most directories of ext4), the tree
nodes of a quota group, and the host's own `du` of loop files, which hold what was ever written and not discarded.
"""

from typing import NamedTuple

from snapsim.block.snapshots import CowBtree, Records, ThinVolume
from snapsim.block.volume import Volume
from snapsim.drivers.clone_driver import CloneDriver
from snapsim.drivers.driver import Driver
from snapsim.drivers.ledger import Ledger
from snapsim.files.inode import Inode


class Figures(NamedTuple):
    """Bytes that each tool reports for a layer; `native` has those of the mechanism's own tool, by their names."""

    layer: str
    du: int
    apparent: int
    native: dict[str, int]


def tool_figures(driver: Driver, ledger: Ledger) -> list[Figures]:
    """Each layer's figures by each tool, in the order of creation."""
    return [
        Figures(id, disk_usage(driver, id), driver.diff_size(id, parent), native(driver, id))
        for id, parent in ledger.parents.items()
    ]


def disk_usage(driver: Driver, id: str) -> int:
    """``du -s`` of the layer's own directory, data only."""
    waiting, blocks = [driver.directory(id)], dict[int, int]()
    while waiting:
        inode: Inode = waiting.pop()
        blocks[inode.number] = int((inode.blocks >= 0).sum())
        waiting += inode.entries.values()
    return sum(blocks.values()) * driver.devices[0].block_size


def native(driver: Driver, id: str) -> dict[str, int]:
    """The mechanism's own figures for a layer; none where a layer is a directory."""
    return volume_figures(driver.volumes[id]) if isinstance(driver, CloneDriver) else {}


def volume_figures(volume: Volume) -> dict[str, int]:
    """``btrfs qgroup show`` and squota, ``zfs get used,referenced,written``, ``thin_ls`` of one volume."""
    if isinstance(volume, CowBtree):
        return {**volume.qgroup(nodes=False)._asdict(), "squota": volume.simple_quota()}
    if isinstance(volume, Records):
        properties = volume.properties()
        return {name: properties[name] for name in ("used", "referenced", "written")}
    if isinstance(volume, ThinVolume):
        usage = volume.usage()
        return {"mapped": usage.allocated, "exclusive": usage.exclusive}
    return {}
