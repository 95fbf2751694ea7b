r"""Recorded requests in words: one line for each run of requests that belong together, and a bill at the end.

All numbers come from the recording; only the sentences are written down here, by operation, purpose and the
rule that the mechanism gave with its request.

>>> from snapsim.block.device import BlockDevice, recording
>>> disk = BlockDevice(8, name="origin")
>>> with disk.counting() as io, recording(disk) as story:
...     disk.write(3)
...     disk.write([0, 1], why="metadata", rule="superblock")
>>> print("\n".join(narrate(story)), bill(io.counts), sep="\n")
  write  origin 3            4 KiB  data      the user's data is written
  write  origin 0-1          8 KiB  metadata  the superblock points to the new roots (2 requests)
Bill (requests): read nothing; written 4 KiB data (1), 8 KiB metadata (2)

What it leaves out: who is right. A story shows what the model did; the tests hold it against measurements.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from snapsim.base.units import format_size
from snapsim.block.device import IO, PURPOSES, IOCounts

_COPY_OUT = "copy out before the origin's first write"
_GROUP = "sync of the transaction group"
_FULL = "a snapshot copies everything"
_LONGEST = 48
"""Letters of the rules that a line names, if it sums up several."""
SENTENCES: dict[tuple[str, str, str], str] = {
    ("read", "data", ""): "the user's data is read",
    ("write", "data", ""): "the user's data is written",
    ("read", "copy", ""): "read the shared content",
    ("write", "copy", ""): "and write a second copy of it",
    ("write", "metadata", ""): "metadata",
    ("write", "zero", ""): "zeros that nobody asked for",
    ("discard", "data", ""): "tell the device that nobody needs it any more",
    ("read", "copy", _FULL): "read the whole volume",
    ("write", "copy", _FULL): "and write all of it a second time",
    ("read", "copy", _COPY_OUT): "read the old chunk, before it is overwritten",
    ("write", "copy", _COPY_OUT): "copy it out to the snapshot's COW device",
    ("write", "metadata", "commit the exceptions"): "commit the exception: which chunk is kept where",
    ("write", "zero", "commit the exceptions"): "make the next metadata area empty",
    ("read", "copy", "break sharing"): "read the shared pool block",
    ("write", "copy", "break sharing"): "copy it to a new pool block",
    ("write", "zero", "provision"): "fill a new pool block with zeros",
    ("write", "metadata", "new metadata blocks"): "changed metadata goes to new blocks",
    ("read", "copy", "whole records are read"): "read the rest of the record, which is written as a whole",
    ("write", "copy", _GROUP): "the rest of the record moves with it",
    ("write", "data", _GROUP): "the user's data is written, when the transaction group ends",
    ("read", "data", "whole records are read"): "the user's data is read, in whole records",
    ("write", "metadata", "uberblock"): "the uberblock points to the new root, in four labels",
    ("write", "metadata", "node"): "shadow the nodes from the leaf to the root",
    ("write", "metadata", "superblock"): "the superblock points to the new roots",
}


def narrate(ios: Iterable[IO], block_size: int = 4096) -> list[str]:
    """A line for each run of requests of one device, operation, purpose and rule.

    Parameters
    ----------
    ios : iterable of IO
        A `Recording`, or any part of it.
    block_size : int
        Bytes a block.

    Examples
    --------
    >>> narrate([IO("pool", "read", 8, 4, "copy", "", "break sharing")])
    ['  read   pool 8-11          16 KiB  copy      read the shared pool block']
    """
    return [
        line(list(group), block_size)
        for _, group in groupby(ios, lambda io: (io.device, io.operation, io.purpose, io.rule))
    ]


def line(group: Sequence[IO], block_size: int = 4096) -> str:
    """One line for requests of one device, operation and purpose; of several rules each is named in short.

    Examples
    --------
    >>> nodes = IO("pool", "write", 8, 4, "metadata", "", "node")
    >>> line([nodes, nodes._replace(first=0, length=1, rule="superblock")])
    '  write  pool 8-11,0        20 KiB  metadata  shadow the nodes from the leaf to the root; and 1 more \
(2 requests)'
    """
    io, where = group[0], f"{group[0].device} {_blocks(group)}"
    size = format_size(sum(io.length for io in group) * block_size)
    return f"  {io.operation:6} {where:16} {size:>8}  {io.purpose:8}  {_sentences(group)}" + (
        f" ({len(group)} requests)" if len(group) > 1 else ""
    )


def _sentences(group: Sequence[IO]) -> str:
    """The sentence of one rule; of several their beginnings, each once, as many as fit."""
    told = list(dict.fromkeys(sentence(io) for io in group))
    if len(told) == 1:
        return told[0]
    short = list(dict.fromkeys(words.partition(":")[0].partition(",")[0] for words in told))
    fit = 1 + sum(len("; ".join(short[:count])) <= _LONGEST for count in range(2, len(short) + 1))
    return "; ".join(short[:fit]) + (f"; and {len(short) - fit} more" if len(short) > fit else "")


def _blocks(group: Sequence[IO]) -> str:
    """One run as 4-7, a few scattered ones one by one, many as where the first and the last of them lie."""
    runs = [f"{io.first}-{io.first + io.length - 1}" if io.length > 1 else f"{io.first}" for io in group]
    follow = all(one.first + one.length == two.first for one, two in pairwise(group))
    if len(group) > 1 and (follow or len(group) > 4):
        low, high = min(io.first for io in group), max(io.first + io.length for io in group) - 1
        return f"{low}-{high}" if follow else f"{low}..{high}"
    return ",".join(runs)


def sentence(io: IO) -> str:
    """What a request is for: the sentence of its rule, or the rule itself where there is none.

    Examples
    --------
    >>> io = IO("disk", "write", 0, 1, "data", "", "")
    >>> sentence(io._replace(purpose="copy", rule="merge back")), sentence(io)
    ('merge back', "the user's data is written")
    """
    return SENTENCES.get((io.operation, io.purpose, io.rule), io.rule or f"{io.operation} {io.purpose}")


def bill(counts: IOCounts) -> str:
    """The counts in one line.

    Examples
    --------
    >>> bill(IOCounts(read_copy=1, write_copy=1, write_data=1))
    'Bill (requests): read 4 KiB copy (1); written 4 KiB data (1), 4 KiB copy (1)'
    """
    return f"Bill (requests): read {_parts(counts, 'read')}; written {_parts(counts, 'write')}"


def _parts(counts: IOCounts, operation: str) -> str:
    parts = [
        f"{format_size(counts.bytes(operation, purpose))} {purpose} ({requests})"
        for purpose in PURPOSES
        if (requests := counts.requests(operation, purpose))
    ]
    return ", ".join(parts) or "nothing"
