"""Stories: the numbers come from the run, every rule has its sentence, and the pictures show what moved."""

import re

import numpy as np
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.block.device import IO, BlockDevice, IOCounts, recording
from snapsim.block.snapshots import MECHANISMS
from snapsim.course.stories import block as block_story
from snapsim.course.stories import explain
from snapsim.course.stories import file as file_story
from snapsim.show import plots as plot
from snapsim.show.diagrams import Cell
from snapsim.stories.narration import SENTENCES, bill, narrate, sentence

COW, ROW = ["exception-store"], ["thin-pool", "cow-btree", "records"]


def chapters(mechanism: str) -> dict[str, list[str]]:
    """Title -> lines."""
    parts = [part.splitlines() for part in explain.explain(mechanism).split("\n\n")]
    return {part[0]: part[1:] for part in parts}


def chapter(mechanism: str, title: str) -> list[str]:
    found = [lines for name, lines in chapters(mechanism).items() if name.startswith(title)]
    assert len(found) == 1, title
    return found[0]


def moved(lines: list[str], purpose: str) -> list[tuple[str, str, str]]:
    """(operation, device, size) of the lines of one purpose."""
    pattern = r"  (read|write|discard) +(\S+) \S+ +([\d.]+ \w+)  " + purpose
    return [match.groups() for line in lines if (match := re.match(pattern, line))]  # type: ignore[misc]


# -------------------------------------------------------------------- words


def test_requests_that_belong_together_are_one_line() -> None:
    """Nodes 4-7 and 8-11 follow each other: 8 blocks, 32 KiB in 2 requests; a few scattered ones are named each."""
    nodes = [IO("btrfs", "write", first, 4, "metadata", "", "node") for first in (4, 8)]
    (line,) = narrate(nodes)
    assert line == (
        "  write  btrfs 4-11         32 KiB  metadata  shadow the nodes from the leaf to the root (2 requests)"
    )
    reads = [IO("data", "read", first, 1, "data", "", "") for first in (2, 9, 4)]
    assert narrate(reads)[0].startswith("  read   data 2,9,4         12 KiB  data")
    many = [IO("data", "read", first, 1, "data", "", "") for first in (2, 9, 4, 7, 1)]
    assert "data 1..9" in narrate(many)[0]


def test_another_device_or_purpose_is_another_line() -> None:
    disk, store = BlockDevice(8, name="origin"), BlockDevice(8, name="cow0")
    with recording(disk, store) as story:
        store.write(2, disk.read(3, why="copy"), why="copy")
        disk.write(3)
    assert [line.split()[:2] for line in narrate(story)] == [["read", "origin"], ["write", "cow0"], ["write", "origin"]]


def test_bill_of_nothing_and_of_all_purposes() -> None:
    assert bill(IOCounts()) == "Bill (requests): read nothing; written nothing"
    counts = IOCounts(write_data=(1, 512), write_copy=(2, 8192), write_metadata=1, write_zero=(1, 65536))
    assert bill(counts) == (
        "Bill (requests): read nothing; written 512 B data (1), 8 KiB copy (2), 4 KiB metadata (1), 64 KiB zero (1)"
    )


# -------------------------------------------------------------------- mechanisms


@pytest.mark.parametrize("name", [*explain.STORIES, "devicemapper", "btrfs", "zfs"])
def test_every_story_can_be_told(name: str) -> None:
    lines = explain.explain(name).splitlines()
    assert lines[0] in explain.STORIES.values()
    assert max(map(len, lines)) <= 130
    assert all(line == line.rstrip() for line in lines)


def test_the_stories_are_the_mechanisms_and_drivers() -> None:
    assert set(MECHANISMS) <= set(explain.STORIES)


def test_every_rule_of_a_story_has_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line may fall back to a bare operation and purpose: each has a sentence, or a rule in words."""
    seen: set[tuple[str, str, str]] = set()

    def listening(io: IO) -> str:
        seen.add((io.operation, io.purpose, io.rule))
        return sentence(io)

    monkeypatch.setattr("snapsim.stories.narration.sentence", listening)
    for name in explain.STORIES:
        explain.explain(name)
    assert len(seen) > 10
    assert all(key in SENTENCES or key[2] for key in seen)


def test_copy_on_write_first_and_second_write() -> None:
    """First: 1 block read, 1 to the COW device, 1 to the origin. Second: 1 to the origin."""
    first = chapter("exception-store", "The first write")
    assert moved(first, "copy") == [("read", "origin", "4 KiB"), ("write", "cow0", "4 KiB")]
    assert moved(first, "data") == [("write", "origin", "4 KiB")]
    assert first[-1] == (
        "Block 3 of the volume is where it was, overwritten in place; the first snapshot's is in cow0 2."
    )
    second = chapter("exception-store", "The second write")
    assert moved(second, "copy") == []
    assert moved(second, "data") == [("write", "origin", "4 KiB")]


def test_three_snapshots_are_three_copies_only_with_copy_on_write() -> None:
    """Two of the three are newer than the last write: 2 copies out, to cow1 and cow2."""
    third = moved(chapter("exception-store", "The same block again"), "copy")
    assert [device for operation, device, _ in third if operation == "write"] == ["cow1", "cow2"]
    for name in ROW:
        lines = chapter(name, "The same block again")
        assert moved(lines, "copy") == []
        assert len(moved(lines, "data")) == 1


@pytest.mark.parametrize("name", ROW)
def test_redirect_on_write_moves_the_volume_and_not_the_snapshot(name: str) -> None:
    """Blocks 0-7 lie in places 0-7; block 3 goes to place 8, the snapshot's stays in place 3."""
    line = chapter(name, "The first write")[-1]
    assert re.fullmatch(
        r"Block 3 of the volume was in (\w+) 3 and is now in \1 8; the first snapshot's is in \1 3\.", line
    )


@pytest.mark.parametrize(
    ("name", "again"),
    [("thin-pool", "overwritten in place"), ("cow-btree", "is now in btrfs 9"), ("records", "is now in zfs 9")],
)
def test_the_second_write(name: str, again: str) -> None:
    """dm-thin overwrites what is its own by now; btrfs and ZFS move every time."""
    assert again in chapter(name, "The second write")[-1]


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_read_that_became_a_seek(name: str) -> None:
    """Under redirect-on-write the volume is scattered (3 seeks) and the snapshot is one run; the exception store has it
    the other way round; full copies are never scattered. On the hard disk a seek is 11.56 ms, 3 blocks are 0.08 ms."""
    seeks = {"full-copy": (1, 1), "exception-store": (1, 3)}.get(name, (3, 1))
    for count, whose in zip(seeks, ("the volume", "the first snapshot"), strict=True):
        line = chapter(name, f"Read blocks 2 to 4 of {whose}")[-1]
        assert f", {count} seek" in line
        assert f"estimated {count * 11.56 + 3 * 4096 / 150e3:.1f} ms" in line


@pytest.mark.parametrize(
    ("name", "freed"),
    [
        ("full-copy", "32 KiB"),
        ("exception-store", "4 KiB"),
        ("thin-pool", "4 KiB"),
        ("records", "4 KiB"),
        ("cow-btree", "0 B"),
    ],
)
def test_deletion_frees_what_only_the_snapshot_held(name: str, freed: str) -> None:
    """One block; a full copy all eight. On btrfs the extent of all eight blocks is pinned by the other seven."""
    last = chapter(name, "Delete the first snapshot")[-1]
    assert last.startswith(f"{freed} free again.")
    assert ("pinned" in last) == (name == "cow-btree")


@pytest.mark.parametrize(
    ("name", "chunk"), [("exception-store", "16 KiB"), ("thin-pool", "64 KiB"), ("records", "128 KiB")]
)
def test_the_usual_chunk_copies_the_rest(name: str, chunk: str) -> None:
    """4 KiB in a chunk of c: the mechanism reads c; what it writes as copy is c, of a record c - 4 KiB."""
    lines = chapter(name, "With the usual chunk")
    read = [size for operation, _, size in moved(lines, "copy") if operation == "read"]
    assert read == [chunk]
    assert f"{'124 KiB' if name == 'records' else chunk} copy" in lines[-1].split("written")[1]


def test_an_unknown_story() -> None:
    with pytest.raises(InvalidInput, match="'overlay3' has no story: one of full-copy, "):
        explain.explain("overlay3")


# -------------------------------------------------------------------- drivers


def test_overlay2_copies_at_open_and_aufs_at_the_first_write() -> None:
    """app.db has 256 KiB: overlay2 copies them at open; aufs nothing then, but later 252 KiB and the 4 KiB written."""
    sizes = {
        name: [moved(chapter(name, title), "copy") for title in ("Open app.db", "Write one byte")]
        for name in ("overlay2", "aufs")
    }
    assert sizes["overlay2"] == [[("read", "ext4", "256 KiB"), ("write", "ext4", "256 KiB")], []]
    assert sizes["aufs"] == [[], [("read", "ext4", "256 KiB"), ("write", "ext4", "252 KiB")]]


def test_vfs_copies_all_when_the_layer_is_made() -> None:
    """256 + 4 + 64 KiB = 324 KiB, once read and once written."""
    assert [(operation, size) for operation, _, size in moved(chapter("vfs", "Create the container"), "copy")] == [
        ("read", "324 KiB"),
        ("write", "324 KiB"),
    ]


@pytest.mark.parametrize("name", ["overlay2", "aufs", "vfs"])
def test_docker_diff_of_the_story(name: str) -> None:
    assert chapter(name, "What docker diff lists")[:2] == ["  C /app.db", "  D /old.log"]


def test_layers_are_for_unions() -> None:
    upper, lower = explain.layers("aufs")
    assert upper == ("container (upper)", {"app.db": "copy-up", "old.log": "whiteout"})
    assert lower[1] == {"app.db": "hidden", "etc.conf": "file", "old.log": "hidden"}
    assert len(plot.layer_stack([upper, lower]).patches) == 6
    with pytest.raises(InvalidInput, match="vfs mounts no union of layers"):
        file_story.layers("vfs")


# -------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_picture_keeps_the_promise(name: str) -> None:
    """The snapshot's row never changes, the volume's changes in block 3 only; every link joins equal content."""
    before, after, moves = explain.story(name)
    assert before.rows["snapshot"] == after.rows["snapshot"] == list("ABCDEFGH")
    assert after.rows["volume"] == ["A", "B", "C", "D'", "E", "F", "G", "H"]
    for picture in (before, after):
        for start, end in picture.links:
            assert picture.rows[start.row][start.number] == picture.rows[end.row][end.number]
    for move in moves:
        assert after.rows[move.target.row][move.target.number] == ("D'" if move.purpose == "data" else "D")
    assert plot.block_map(before, after, moves).patches


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("full-copy", [(None, "data")]),
        ("exception-store", [(Cell("origin", 3), "copy"), (None, "data")]),
        ("thin-pool", [(None, "data")]),
        ("cow-btree", [(None, "data")]),
        ("records", [(None, "data")]),
    ],
)
def test_what_moves(name: str, moves: list[tuple[Cell | None, str]]) -> None:
    assert [(move.source, move.purpose) for move in explain.story(name).moves] == moves


def test_where_a_block_lies() -> None:
    """Written in the order 2, 0: pool blocks 0 and 1."""
    volume = MECHANISMS["thin-pool"].new(4, chunk_size=4096)
    volume.write(np.array([2, 0]))
    assert [block_story.place(volume, block).number for block in (2, 0)] == [0, 1]
