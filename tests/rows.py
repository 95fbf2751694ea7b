"""Rows of snapsim/data/measured, replayed on the simulated stacks, and what their metadata can be at most.

Beside them what the probes need (`box`, `number_of`, `look`).

A row's bytes are data + copied bytes, which the drivers give exactly, and metadata, which is only bounded here:
each bound is a sum of the file system's own terms, for the number of inodes, directories and syncs of the row.
"""

import errno
import json
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from snapsim import replay as traces
from snapsim.device import IOCounts, counting
from snapsim.experiment import prepare
from snapsim.layer import Diff, Entry
from snapsim.replays import PLAYERS
from snapsim.stacks import STACKS
from snapsim.workload import parse

MEASURED = Path(__file__).parent.parent / "snapsim" / "data" / "measured"
BLOCK, MIB = 4096, 1 << 20


@cache
def measured(stack):
    """All rows of a stack's file."""
    return json.loads((MEASURED / f"{stack}.json").read_text())["rows"]


def figures(stack):
    """The rows that have figures, each with a name for pytest."""
    rows = [row for row in measured(stack) if "figures" in row]
    return [(f"{row['workload']}-{'-'.join(map(str, row['params'].values()))}", row) for row in rows]


def observed(stack, workload):
    """What a probe saw."""
    row, = (row for row in measured(stack) if row["workload"] == workload)
    return row["observed"]


def row_of(stack, workload, **params):
    """The one row of a workload with these parameters."""
    row, = (row for row in measured(stack) if row["workload"] == workload and params.items() <= row["params"].items())
    return row


def traced(target, workload, **params):
    """Figures of the one such row of dm-snapshot, dm-thin or zfs: (measured, the model's)."""
    row = row_of(target, workload, **params)
    number = measured(target).index(row)
    return row["figures"], _played(target, row["scenario"])[number]


@cache
def _played(target, scenario):
    """Row -> the model's figures, of one scenario."""
    rows = [row for row in traces.load(str(MEASURED / f"{target}.json")) if row["scenario"] == scenario]
    return {found["row"]: found["figures"] for found in traces.replay(rows, PLAYERS)}


@dataclass
class Replayed:
    """What a row's trace costs on the model."""

    counts: IOCounts
    notes: list
    space: int
    terms: "Terms"

    def moved(self, operation):
        """Data and copied bytes."""
        return self.counts.bytes(operation, "data") + self.counts.bytes(operation, "copy")


def replay(stack, row):
    """Image and containers, then a quiet, cold system, then the operations and a sync, counted."""
    workload, = parse({"id": row["workload"], **row["trace"]})
    driver = STACKS[stack].make()
    playing = prepare(workload, driver)
    before = driver.space()
    with counting(*driver.devices) as io:
        for number, op in enumerate(workload.ops):
            playing.run(op, f"ops[{number}]")
        driver.sync()
    return Replayed(io.counts, playing.notes, driver.space() - before, terms_of(workload))


# ---------------------------------------------------------------- metadata, bounded by terms

@dataclass
class Terms:
    """What the bounds count: inodes and names that the operations can touch, directories, layers, fsyncs, bytes."""

    names: int
    directories: int
    layers: int
    fsyncs: int
    bytes: int


def terms_of(workload):
    """Counted from the operations; a snapshot or layer is 5 directories (its own, diff, work, work/work, merged)."""
    image = [spec for layer in workload.layers for spec in layer]
    names = sum(spec.count or 1 for spec in image if any(op.op in {"mv", "rename"} for op in workload.ops))
    directories = fsyncs = 0
    for op in workload.ops:
        names += 1 + sum(spec.count or 1 for spec in op.files) + len(getattr(op, "paths", ()) or ())
        directories += 5 * (op.op in {"layer", "snapshot"}) + len({spec.path.rpartition("/")[0] for spec in op.files})
        directories += op.op in {"mv", "rename"}
        fsyncs += {"each": len(op.offsets), "end": 1, None: 0}[op.fsync] if op.op == "write" else 0
    made = [spec.size * (spec.count or 1) for op in workload.ops for spec in op.files]
    size = max([*(spec.size for spec in image), *made])
    layers = len(workload.layers) + sum(op.op == "layer" for op in workload.ops)
    return Terms(names, directories, max(layers, 1), fsyncs, size)


def ext4_written(t):
    """Two journal transactions (the copy-up's fsync and the last sync), and one more for each fsync of the user.

    A transaction holds a descriptor and a commit block, and each metadata block that was dirtied: superblock, group
    descriptors and bitmaps of two groups (6), inodes and blocks of the upper directory, the work directory and the
    parent (6), the orphan file; 16 inodes to a block; 64 bytes for a name; inode and block of each directory; bitmap,
    descriptor and extent block for every 128 MiB. The user's fsync of an overwrite dirties one inode: 3 blocks.
    """
    blocks = 13 + t.names / 16 + t.names / 64 + 2 * t.directories + 3 * -(-t.bytes // (128 * MIB))
    return int(BLOCK * (2 * (2 + blocks) + 3 * t.fsyncs))


def ext4_read(t):
    """Cold look-ups: inode tables are read ahead 32 blocks at a time (here in two groups), 16 inodes to a block.

    Each layer has two directories, with a block of inode and one of entries; the bitmaps and the extent tree of what
    is allocated: 8 blocks.
    """
    return int(BLOCK * (2 * 32 + 8 + 4 * t.layers + t.names / 16))


def xfs_written(t):
    """Until the log is written home, only the log: inodes of 512 bytes and buffers in chunks of 128.

    Two forced log records with header and padding: 8 KiB. A name: its inode and a chunk of the directory. A directory:
    inode, first block in chunks, and the chunk of the inode B-tree. An fsync: one record, which with reflink holds the
    intents and their ends for the extent, the reference counts and the free space: 8 KiB.
    """
    return 8192 + 640 * t.names + 2048 * t.directories + 8192 * t.fsyncs


def xfs_read(t):
    """Cold look-ups: 4 allocation groups with headers and the roots of five B-trees (32 KiB each).

    A cluster of inodes is 16 KiB and directories are spread over the groups: two directories a layer, a cluster and a
    block each; the upper, its parent and the file.
    """
    return 4 * 32768 + (2 * t.layers + 3) * (16384 + BLOCK) // 2 + (t.names // 32) * 16384


BOUNDS = {"ext4": (ext4_written, ext4_read), "xfs": (xfs_written, xfs_read)}


def check_row(stack, row, fs):
    """The rest of a row's bytes is metadata, and can be: returns what was replayed."""
    played = replay(stack, row)
    written, read = (bound(played.terms) for bound in BOUNDS[fs])
    for operation, limit in (("write", written), ("read", read)):
        total = row["figures"]["bytes_written" if operation == "write" else "bytes_read"]
        rest = total - played.moved(operation)
        assert 0 <= rest <= limit, (operation, total, played.counts, limit)
    assert played.notes == row.get("notes", [])
    return played


# ---------------------------------------------------------------- probes

def box(stack, *files, links=(), **options):
    """One layer of files ("path", size) with hard links, one container on it; all written back and cold."""
    driver = STACKS[stack].make(**options)
    driver.create("image")
    entries = [Entry(f"/{path}", size=size) for path, size in files]
    driver.apply_diff("image", None, Diff((*entries, *(Entry(new, link=old) for old, new in links))))
    driver.create_read_write("box", "image")
    mount = driver.get("box")
    driver.sync()
    driver.drop_caches()
    return driver, mount


def number_of(call, *arguments):
    """The errno that a call fails with."""
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return errno.errorcode[caught.value.errno]


# ---------------------------------------------------------------- what a layer's directory looks like

def look(directory):
    """Every name below a directory, as the probes noted it: mode, nlink, device, attributes, and who has one inode."""
    found, tags = {}, {}

    def visit(inode, path):
        if inode.number not in tags:
            tags[inode.number] = f"i{len(tags)}"
        found[path] = {"mode": stat.filemode(_MODES[inode.kind] | inode.mode), "nlink": inode.nlink,
                       "inode": tags[inode.number], "xattrs": set(inode.xattrs)}
        if inode.kind != "directory":
            found[path]["size"] = inode.size
            found[path]["blocks"] = int((inode.blocks >= 0).sum()) * 8
        if inode.kind == "device":
            found[path]["device"] = "{}/{}".format(*inode.rdev)
        for name in sorted(inode.entries):
            visit(inode.entries[name], name if path == "." else f"{path}/{name}")

    visit(directory, ".")
    return found


_MODES = {"file": stat.S_IFREG, "directory": stat.S_IFDIR, "device": stat.S_IFCHR, "symlink": stat.S_IFLNK}


def same_look(mine, theirs):
    """Compare `look` with what a probe noted; sizes and blocks of directories are the file system's own business."""
    rename = {path: ".wh..wh.plnk/A.B" for path in [*mine, *theirs] if path.startswith(".wh..wh.plnk/")}
    mine = {rename.get(path, path): entry for path, entry in mine.items()}
    theirs = {rename.get(path, path): entry for path, entry in theirs.items()}
    assert mine.keys() == theirs.keys()
    for path, entry in theirs.items():
        wanted = dict(entry)
        if wanted["mode"].startswith("d"):
            wanted.pop("size", None)
            wanted.pop("blocks", None)
        tag = wanted.pop("inode", None)
        if "xattrs" in wanted:
            wanted["xattrs"] = set(wanted["xattrs"])
        assert {key: mine[path][key] for key in wanted} == wanted, path
        if tag is not None:
            sharers = {other for other, at in theirs.items() if at["inode"] == tag}
            assert {other for other, at in mine.items() if at["inode"] == mine[path]["inode"]} == sharers, path


def check_space_on_ext4(row, played):
    """What df reports beyond the files' blocks: up to 3 blocks for a directory and its entries, 64 names to a block."""
    rest = row["figures"]["space_delta"] - played.space
    assert 0 <= rest <= BLOCK * (2 + 3 * played.terms.directories + played.terms.names // 64)
