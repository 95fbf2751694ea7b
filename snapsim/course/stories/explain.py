"""The step-by-step story of one write for the terminal, made from the recorded requests of the model.

The story of a mechanism is in `block`, that of a driver in `file`; the sentences are made in `snapsim.stories`.

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

from dataclasses import replace
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots import MECHANISMS
from snapsim.course.stories import block as block_story
from snapsim.course.stories import file as file_story
from snapsim.course.stories.block import story
from snapsim.course.stories.file import layers
from snapsim.show.player import Player, plain_text
from snapsim.stories import tell
from snapsim.stories.story import Story
from snapsim.stories.text import LEVELS

__all__ = ["STORIES", "Explanation", "explain", "layers", "step", "story"]

STORIES = {
    "full-copy": "Full copy: a snapshot is a second volume.",
    "exception-store": "Exception store: copy-on-write, as dm-snapshot and LVM do it.",
    "thin-pool": "Thin pool: redirect-on-write, as dm-thin and Docker's devicemapper do it.",
    "cow-btree": "Copy-on-write B-tree: redirect-on-write of extents, as btrfs does it.",
    "records": "Records with birth times: redirect-on-write of records, as ZFS does it.",
    "overlay2": "overlay2: a union mount; a lower file is copied up whole when it is opened for writing.",
    "fuse-overlayfs": "fuse-overlayfs: overlay2's layers in user space; copied up when opened for writing.",
    "aufs": "aufs: a union mount; a lower file is copied up whole at its first change.",
    "vfs": "vfs: each layer is a full copy of its parent's tree.",
}
"""What can be told, with its first line."""

_MECHANISM_OF = {"devicemapper": "thin-pool", "btrfs": "cow-btree", "zfs": "records"}


class Explanation(str):
    """The text of a story or of several, which can also be played.

    Attributes
    ----------
    stories : tuple of Story
        As data.
    beside : bool
        Whether two stories are shown side by side and in step.
    level : str
    ask : bool
        Whether the numbers are left out.
    """

    stories: tuple[Story, ...]
    beside: bool
    level: str
    ask: bool

    def play(self) -> Player:
        """The player: a widget in a notebook, a page with ``.save("story.html")``.

        Examples
        --------
        >>> explain("thin-pool", "snapshot; write 3").play().stories[0].acts[1].title
        'write 3'
        """
        return Player(self.stories, self.beside, self.level, self.ask)


def explain(
    mechanism: str, operations: str | None = None, *, beside: str | None = None, level: str = "data", ask: bool = False
) -> Explanation:
    """The story of one write: the first, the second, the third; a read; a deletion. Or of operations of one's own.

    Parameters
    ----------
    mechanism : str
        One of `STORIES`; or a driver that stands on such a mechanism: devicemapper, btrfs, zfs. With operations, one of
        `snapsim.stories.SUBJECTS`, and those three names are the drivers.
    operations : str, optional
        As `snapsim.stories.operations` reads them.
    beside : str, optional
        Another mechanism or driver, whose story of the same operations is shown beside it.
    level : {"data", "metadata", "all"}
        See `snapsim.stories.text`.
    ask : bool
        A ``?`` instead of every number that follows from the operations.

    Returns
    -------
    Explanation
        Lines for a terminal; its ``play()`` gives the player.

    Raises
    ------
    InvalidInput
        No such story, or operations that are not allowed.

    Examples
    --------
    >>> print(explain("full-copy", "snapshot; write 3", ask=True))
    full-copy: snapshot; write 3
    A volume of 8 blocks of 4 KiB, all written; a chunk is one block.
    <BLANKLINE>
    snapshot
      read   copies ?                ?  copy      read the whole volume
      write  copies ?                ?  copy      and write all of it a second time
      pointer                                     s1 is there now
    Bill (requests): read ? KiB copy (?); written ? KiB copy (?)
    <BLANKLINE>
    write 3
      write  copies ?                ?  data      the user's data is written
    Bill (requests): read nothing; written ? KiB data (?)
    >>> explain("tape")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'tape' has no story: one of full-copy, exception-store, thin-pool, cow-btree, \
records, overlay2, fuse-overlayfs, aufs, vfs, devicemapper, btrfs, zfs
    """
    if level not in LEVELS:
        raise InvalidInput(f"{level!r} is not allowed: one of {', '.join(LEVELS)}", "level")
    texts, stories = list[str](), list[Story]()
    for name in (mechanism, beside):
        if name is not None:
            text, told = _own(name, operations, level, ask) if operations is not None else _prepared(name, level, ask)
            texts.append(text)
            stories += told[:1] if beside is not None else told
    if len({len(story.acts) for story in stories[:2]}) > 1 and beside is not None:
        raise InvalidInput(f"{mechanism} and {beside} have different stories: two mechanisms, or two drivers")
    explanation = Explanation("\n\n".join(texts))
    explanation.stories, explanation.beside = tuple(stories), beside is not None
    explanation.level, explanation.ask = level, ask
    return explanation


def _own(name: str, operations: str, level: str, ask: bool) -> tuple[str, list[Story]]:
    story = tell(name, operations)
    return plain_text(story, level, ask), [story]


def _prepared(mechanism: str, level: str, ask: bool) -> tuple[str, list[Story]]:
    name = _MECHANISM_OF.get(mechanism, mechanism)
    if name in MECHANISMS:
        stories = [block_story.frames(name), *([block_story.usual(name)] if name in block_story.USUAL_CHUNKS else [])]
        told = block_story.tell(stories, level, ask)
    elif name in STORIES:
        story, after = file_story.frames(name)
        stories, told = [story], file_story.tell(story, after, level, ask)
    else:
        raise InvalidInput(f"{mechanism!r} has no story: one of {', '.join([*STORIES, *_MECHANISM_OF])}")
    title = STORIES[name]
    return "\n".join([title, *told]), [replace(stories[0], title=title), *stories[1:]]


def step(mechanism: str, operations: str, **options: Any) -> Player:
    """Step through operations of one's own in a notebook: `explain`, played.

    Parameters
    ----------
    mechanism : str
        One of `snapsim.stories.SUBJECTS`.
    operations : str
        As `snapsim.stories.operations` reads them.
    **options
        As of `explain`: beside, level, ask.

    Examples
    --------
    >>> player = step("overlay2", "open /data/app.db", beside="aufs")
    >>> [story.subject for story in player.stories]
    ['overlay2', 'aufs']
    """
    return explain(mechanism, operations, **options).play()
