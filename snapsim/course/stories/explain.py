"""The step-by-step story of one write, in the terminal: told from what the model did, request by request.

A mechanism's story is in `block_story`, a driver's in `file_story`; the sentences are in `narration`.

>>> print(explain("exception-store").split("\\n\\n")[2])
The first write of block 3 since the snapshot
  read   origin 3            4 KiB  copy      read the old chunk, before it is overwritten
  write  cow0 2              4 KiB  copy      copy it out to the snapshot's COW device
  write  cow0 1              4 KiB  metadata  commit the exception: which chunk is kept where
  write  origin 3            4 KiB  data      the user's data is written
Bill (requests): read 4 KiB copy (1); written 4 KiB data (1), 4 KiB copy (1), 4 KiB metadata (1)
Block 3 of the volume is where it was, overwritten in place; the first snapshot's is in cow0 2.

What it leaves out: pictures (`plot.block_map(*story(...))`, `plot.layer_stack(layers(...))`).
"""

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots import MECHANISMS
from snapsim.course.stories import block as block_story
from snapsim.course.stories import file as file_story
from snapsim.course.stories.block import story
from snapsim.course.stories.file import layers

__all__ = ["STORIES", "explain", "layers", "story"]

STORIES = {
    "full-copy": "Full copy: a snapshot is a second volume.",
    "exception-store": "Exception store: copy-on-write, as dm-snapshot and LVM do it.",
    "thin-pool": "Thin pool: redirect-on-write, as dm-thin and Docker's devicemapper do it.",
    "cow-btree": "Copy-on-write B-tree: redirect-on-write of extents, as btrfs does it.",
    "records": "Records with birth times: redirect-on-write of records, as ZFS does it.",
    "overlay2": "overlay2: a union mount; a lower file is copied up whole when it is opened for writing.",
    "aufs": "aufs: a union mount; a lower file is copied up whole at its first change.",
    "vfs": "vfs: each layer is a full copy of its parent's tree.",
}
"""What can be told, with its first line."""

_MECHANISM_OF = {"devicemapper": "thin-pool", "btrfs": "cow-btree", "zfs": "records"}


def explain(mechanism: str) -> str:
    """The story of one write: the first, the second, the third; a read; a deletion.

    Parameters
    ----------
    mechanism : str
        One of `STORIES`; or a driver that stands on such a mechanism: devicemapper, btrfs, zfs.

    Returns
    -------
    str
        Lines for a terminal.

    Raises
    ------
    InvalidInput
        No such story.

    Examples
    --------
    >>> explain("tape")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'tape' has no story: one of full-copy, exception-store, thin-pool, cow-btree, \
records, overlay2, aufs, vfs, devicemapper, btrfs, zfs
    """
    name = _MECHANISM_OF.get(mechanism, mechanism)
    if name in MECHANISMS:
        told = block_story.tell(name)
    elif name in STORIES:
        told = file_story.tell(name)
    else:
        raise InvalidInput(f"{mechanism!r} has no story: one of {', '.join([*STORIES, *_MECHANISM_OF])}")
    return "\n".join([STORIES[name], *told])
