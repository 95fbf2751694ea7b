"""Stories: what they say is what the models did, at every level, and what is typed is checked before anything runs."""

import json
from pathlib import Path

import jsonschema
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.block.device import BlockDevice, counting, recording
from snapsim.block.snapshots import MECHANISMS
from snapsim.cli.main import main
from snapsim.lab.experiment import run
from snapsim.lab.generators import generate
from snapsim.lab.stacks import FIRST
from snapsim.stories import SUBJECTS, draw, tell
from snapsim.stories.coarse import coarser, readable
from snapsim.stories.drivers import FILES, LayerTeller
from snapsim.stories.format import load, schema
from snapsim.stories.operations import parse
from snapsim.stories.story import State, difference
from snapsim.stories.text import LEVELS, counts, lines, stops
from snapsim.stories.volumes import VolumeTeller, fresh
from snapsim.stories.workloads import tell as tell_workload

ON_VOLUMES = "write 3; snapshot; write 3; write 3-5; write 1,6,1; read s1 2-4; snapshot; clone; write c1 0; delete s1"
ON_LAYERS = (
    "open /data/app.db; write /data/app.db 3-5; chmod /etc/app.conf; delete /var/old.log; mkdir /new; "
    "rename /etc/app.conf /new/app.conf; commit; container; write /data/app.db 1; read c1:/data/app.db; cold; "
    "read /data/app.db 2; remove c2"
)
SCHEMA = Path(__file__).parents[2] / "docs/reference/story.schema.json"


@pytest.fixture(scope="module", params=SUBJECTS)
def story(request):
    return tell(request.param, ON_VOLUMES if request.param in MECHANISMS else ON_LAYERS)


# -------------------------------------------------------------------- the data


def test_a_story_survives_json(story):
    assert load(json.loads(json.dumps(story.to_dict()))) == story


def test_the_schema_is_the_published_one_and_accepts_every_story(story):
    assert json.loads(SCHEMA.read_text()) == schema()
    jsonschema.Draft202012Validator(schema()).validate(story.to_dict())


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda told: told.update(version=2), "version"),
        (lambda told: told.update(format="x"), "format"),
        (lambda told: told["frames"][0].update(act=99), "frames"),
        (lambda told: told.update(more=1), "more"),
        (lambda told: told["frames"][0].update(purpose="fun"), "purpose"),
        (lambda told: told["devices"].append(7), "devices"),
        (lambda told: told.pop("acts"), "acts"),
    ],
)
def test_what_is_no_story_is_refused_by_name(change, place):
    told = json.loads(json.dumps(tell("full-copy", "write 1").to_dict()))
    change(told)
    with pytest.raises(InvalidInput, match=place):
        load(told)


def test_a_difference_leads_from_one_state_to_the_other(story):
    """Through every state of the story and back: nothing is left over."""
    for number in range(0, len(story.frames), 7):
        old, new = story.state(number - 1), story.state(len(story.frames) - 1 - number)
        walked = State()
        walked.apply(difference(State(), old))
        walked.apply(difference(old, new))
        seen = {key: cell for key, cell in walked.cells.items() if cell[0]}
        assert seen == {key: cell for key, cell in new.cells.items() if cell[0]}
        assert walked.living == new.living
        pointing = [{key: where for key, where in state.pointers.items() if where[0]} for state in (walked, new)]
        assert pointing[0] == pointing[1]


def test_a_shorter_story_costs_and_ends_the_same(story):
    short = story.shorter()
    assert len(short.frames) <= len(story.frames)
    assert short.bill(len(short.frames)) == story.bill(len(story.frames))
    assert short.state(len(short.frames) - 1).cells == story.state(len(story.frames) - 1).cells


# -------------------------------------------------------------------- held against the models


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_end_of_the_story_is_what_the_volumes_hold(name):
    """Each block of each living volume: the content at its pointer has the name of what the volume itself reads."""
    teller = VolumeTeller(fresh(MECHANISMS[name]))
    for step in parse(name, ON_VOLUMES):
        teller.do(step)
        story = teller.story("t", name)
        state = story.state(len(story.frames) - 1)
        assert {story.owners[number].name for number in state.living} == set(teller.volumes)
        for number, owner in enumerate(story.owners):
            if number in state.living:
                volume = teller.volumes[owner.name]
                names = [teller.names[stamp] for stamp in volume.read(slice(0, volume.size)).tolist()]
                assert [state.content(*state.pointers[number, block]) for block in range(volume.size)] == names


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_bill_is_what_the_devices_counted(name):
    """The same operations by hand, counted by the devices themselves; new COW devices from their birth."""
    volume = fresh(MECHANISMS[name])
    volume.write(slice(0, 8))
    volume.flush()
    known, before = volume.devices, sum((device.counts for device in volume.devices), start=_nothing())
    volume.write(3)
    volume.flush()
    snapshot = volume.snapshot()
    volume.flush()
    volume.write(slice(3, 6))
    volume.flush()
    devices = dict.fromkeys((*known, *volume.devices, *snapshot.devices))
    wanted = sum((device.counts for device in devices), start=_nothing()) - before
    story = tell(name, "write 3; snapshot; write 3-5")
    assert sum((counts(story, act) for act in range(3)), start=_nothing()) == wanted


def _nothing():
    return BlockDevice(1).counts


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name not in MECHANISMS])
def test_the_bill_of_a_driver_is_what_its_devices_counted(name):
    driver = FIRST[name].make()
    LayerTeller.on_image(driver, FILES)
    with counting(*driver.devices) as io:
        driver.create_read_write("c1", "image")
        driver.sync()
        with driver.mounted("c1") as mount:
            mount.write("/data/app.db", 8192, 4096)
        driver.sync()
    story = tell(name, "write /data/app.db 2")
    assert counts(story, 0) + counts(story, 1) == io.counts


@pytest.mark.parametrize("name", ["overlay2", "fuse-overlayfs", "aufs"])
def test_a_union_marks_what_it_copied_up_and_hid(name):
    story = tell(name, "write /data/app.db 2; delete /var/old.log")
    numbers = {owner.name: number for number, owner in enumerate(story.owners)}
    marks = {key: mark for key, mark in story.state(len(story.frames) - 1).marks.items() if mark}
    assert marks == {
        (numbers["c1"], "/data/app.db"): "copy-up",
        (numbers["c1"], "/var/old.log"): "whiteout",
        (numbers["image"], "/data/app.db"): "hidden",
        (numbers["image"], "/var/old.log"): "hidden",
        (numbers["image"], "/etc/app.conf"): "file",
    }


def test_a_lower_file_is_hidden_only_if_nobody_shows_it():
    """c1 hides app.db, c2 does not: it is shown. Then c2 hides it as well."""
    story = tell("overlay2", "open /data/app.db; container; open c2:/data/app.db")
    numbers = {owner.name: number for number, owner in enumerate(story.owners)}
    marks = []
    for act in range(4):
        last = max(number for number, frame in enumerate(story.frames) if frame.act <= act)
        marks.append(story.state(last).marks[numbers["image"], "/data/app.db"])
    assert marks == ["file", "hidden", "file", "hidden"]


def test_a_copy_says_where_it_came_from():
    """The first write of block 3 under an exception store: origin 3 goes to the COW device."""
    story = tell("exception-store", "snapshot; write 3")
    (copy,) = (frame for frame in story.act(1) if (frame.operation, frame.purpose) == ("write", "copy"))
    assert copy.source == (("origin", 3, 1),)
    assert copy.change.cells[0].contents == ("D",)


def test_requests_that_are_carried_out_together_show_what_each_left():
    """A record of 32 blocks in which one is written: three runs of one call, each with its own content afterwards."""
    teller = VolumeTeller(fresh(MECHANISMS["records"], 128 << 10))
    for step in parse("records", "snapshot; write 3"):
        teller.do(step)
    story = teller.story("t", "records")
    written = [
        cells.contents
        for frame in story.act(1)
        if frame.operation == "write" and frame.purpose != "metadata"
        for cells in frame.change.cells
    ]
    assert written == [("A", "B", "C"), ("D'",), (*"EFGHIJKLMNOPQRSTUVWXYZ", *(f"b{block}" for block in range(26, 32)))]


def test_looking_changes_nothing():
    """A ZFS pool keeps what it read in memory: a story that looked at the volume itself would read nothing later on."""
    story = tell("records", "snapshot; read 2-4")
    assert counts(story, 1).bytes("read", "data") == 3 * 4096


def test_new_devices_are_recorded_from_their_birth():
    """And no longer than the recording lasts."""
    with recording(new=True) as story:
        late = BlockDevice(4, name="late")
        late.write(1)
    late.write(2)
    assert [(io.device, io.first) for io in story] == [("late", 1)]


def test_what_is_refused_is_told_and_the_story_goes_on():
    story = tell("cow-btree", "snapshot; rollback s1; write 3")
    assert "Refused: CowBtree has no rollback" in story.acts[1].says[0]
    assert counts(story, 2).bytes("write", "data") == 4096
    assert tell("overlay2", "delete /nope").acts[1].says == ("Refused: No such file or directory",)


# -------------------------------------------------------------------- levels and text


def test_levels_differ_in_metadata_only(story):
    every = [number for group in stops(story, "all") for number in group]
    assert every == list(range(len(story.frames)))
    for level in LEVELS:
        assert [number for group in stops(story, level) for number in group] == every
    data, metadata = (
        [group for group in stops(story, level) if story.frames[group[0]].purpose not in ("", "metadata")]
        for level in ("data", "metadata")
    )
    assert data == metadata
    assert len(stops(story, "data")) <= len(stops(story, "metadata")) <= len(stops(story, "all"))


def test_one_copied_file_is_not_buried():
    """overlay2 opens a file for writing: 4 lines of data level and 28 requests to the journal are summed up in one."""
    told = "\n".join(lines(tell("overlay2", "open /data/app.db"))).split("\n\n")[2].splitlines()
    assert sum("metadata " in line and "write " in line for line in told[1:-2]) == 1
    assert len(told) <= 9


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_problem_leaves_every_number_out(subject):
    """Not a digit in any line that follows from the operations, but in names (s1, cow0, c1, image2, ext4)."""
    operations = draw(subject, 7)
    story = tell(subject, operations)
    titles = {act.title for act in story.acts}
    told = [line for line in lines(story, "metadata", ask=True) if line.strip() not in titles][len(story.intro) :]
    words = [word.strip("():;,.") for line in told for word in line.split()]
    assert not [word for word in words if word[:1].isdigit()]
    assert any("?" in line for line in told)


def test_problems_are_reproducible_and_differ():
    assert draw("thin-pool", 3) == draw("thin-pool", 3) != draw("thin-pool", 4)
    for seed in range(40):
        for subject in ("records", "btrfs"):
            parse(subject, draw(subject, seed))


# -------------------------------------------------------------------- what is typed


@pytest.mark.parametrize(
    ("subject", "text", "problem"),
    [
        ("thin-pool", "", "no operation"),
        ("thin-pool", " ; ;", "no operation"),
        ("thin-pool", "erase 3", "'erase' is not allowed"),
        ("thin-pool", "write", "which blocks"),
        ("thin-pool", "write 8", "no block 8: 0 to 7"),
        ("thin-pool", "write 5-3", "ends before it starts"),
        ("thin-pool", "write 3-", "is not allowed"),
        ("thin-pool", "write ³", "is not allowed|no '³'"),
        ("thin-pool", "write 1 2", "'2' is too much"),
        ("thin-pool", "write s1 3", "no 's1' then: v"),
        ("thin-pool", "snapshot; write s1 3", "read-only"),
        ("thin-pool", "delete", "which"),
        ("thin-pool", "delete v", "last volume"),
        ("thin-pool", "snapshot; delete s1; read s1 0", "operation 3, 'read s1 0': there is no 's1' then"),
        ("thin-pool", "rollback s1", "no 's1' then"),
        ("thin-pool", "; ".join(["write 1"] * 201), "at most 200"),
        ("overlay2", "write", "is no path"),
        ("overlay2", "write data", "is no path"),
        ("overlay2", "write /a/../b", "is no path"),
        ("overlay2", "write c9:/a", "no container 'c9' then: c1"),
        ("overlay2", "write /a 64", "no block 64"),
        ("overlay2", "snapshot", "'snapshot' is not allowed"),
        ("overlay2", "remove c1; write /a", "no container"),
        ("overlay2", "rename /a", "is no path"),
        ("overlay2", "container x", "too much"),
        ("zfs", "remove c2", "no 'c2' then"),
    ],
)
def test_bad_operations_say_which_and_what_is_allowed(subject, text, problem, capsys):
    with pytest.raises(InvalidInput, match=problem):
        parse(subject, text)
    assert main(["explain", subject, "--ops", text]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)


def test_operations_may_stand_in_lines():
    assert [str(step) for step in parse("thin-pool", "write 3\n snapshot \n\nwrite  3-5")] == [
        "write 3",
        "snapshot",
        "write 3-5",
    ]


# -------------------------------------------------------------------- workloads


def test_the_story_of_a_workload_costs_what_compare_bills():
    workload = generate("random", size="1M", length="4K", writes=8, seed=1)
    for stack in ("overlay2-ext4", "btrfs", "devicemapper-loop-lvm"):
        story, billed = tell_workload(workload, stack), run(workload, stack).counts
        mine = story.bill(len(story.frames) - 1)
        assert mine == billed.cells()


def test_large_devices_are_drawn_in_larger_cells():
    story = tell_workload(generate("random", size="16M", writes=2), "overlay2-ext4")
    assert story.cell_blocks > 1
    widest = max(
        cells.first + len(cells.contents)
        for frame in story.frames
        for cells in frame.change.cells
        if cells.purpose != "metadata"
    )
    assert widest <= 1024
    small = tell("thin-pool", "write 1")
    assert readable(small) is small
    assert coarser(small, 2).bill(9) == small.bill(9)
