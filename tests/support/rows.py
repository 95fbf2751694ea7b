"""Rows of snapsim/data/measured, replayed on the simulated stacks, and what probes need (`box`, `number_of`, `look`).

What a row's bytes are beyond data and copies is judged in test_fidelity.py.
"""

import errno
import json
import stat
from dataclasses import dataclass
from functools import cache

import pytest
from places import SHIPPED

from snapsim.block.device import IOCounts, counting
from snapsim.drivers.diff import Diff, Entry
from snapsim.fidelity import replay as traces
from snapsim.fidelity.replays import PLAYERS
from snapsim.lab.experiment import prepare
from snapsim.lab.stacks import STACKS
from snapsim.lab.workload import parse
from snapsim.measure import trace

MEASURED = SHIPPED / "measured"
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
    (row,) = (row for row in measured(stack) if row["workload"] == workload)
    return row["observed"]


def row_of(stack, workload, **params):
    """The one row of a workload with these parameters."""
    (row,) = (row for row in measured(stack) if row["workload"] == workload and params.items() <= row["params"].items())
    return row


def traced(target, workload, **params):
    """Figures of the one such row of dm-snapshot, dm-thin or zfs: (measured, the model's)."""
    row = row_of(target, workload, **params)
    number = measured(target).index(row)
    return row["figures"], _played(target, row["scenario"])[number]


@cache
def _played(target, scenario):
    """Row -> the model's figures, of one scenario."""
    rows = [row for row in trace.load(str(MEASURED / f"{target}.json")) if row["scenario"] == scenario]
    return {found["row"]: found["figures"] for found in traces.replay(rows, PLAYERS)}


@dataclass
class Replayed:
    """What a row's trace costs on the model."""

    counts: IOCounts
    notes: list
    space: int

    def moved(self, operation):
        """Data and copied bytes."""
        return self.counts.bytes(operation, "data") + self.counts.bytes(operation, "copy")


def replay(stack, row):
    """Image and containers, then a quiet, cold system, then the operations and a sync, counted."""
    (workload,) = parse({"id": row["workload"], **row["trace"]})
    driver = STACKS[stack].make()
    playing = prepare(workload, driver)
    before = driver.space()
    with counting(*driver.devices) as io:
        for number, op in enumerate(workload.ops):
            playing.run(op, f"ops[{number}]")
        driver.sync()
    assert playing.notes == row.get("notes", [])
    return Replayed(io.counts, playing.notes, driver.space() - before)


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
        found[path] = {
            "mode": stat.filemode(_MODES[inode.kind] | inode.mode),
            "nlink": inode.nlink,
            "inode": tags[inode.number],
            "xattrs": set(inode.xattrs),
        }
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
