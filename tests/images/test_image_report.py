"""What each layer of an image adds, rewrites and hides, and two counts of efficiency: by hand, then on the whole."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import DIRECTORY, as_tar, docker, link, oci, tar, written

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.graphdrivers import Overlay2
from snapsim.drivers.hidden_files import hidden_files
from snapsim.drivers.ledger import take
from snapsim.files.mounts.marks import hidden, whiteout
from snapsim.images.archive import read_images
from snapsim.images.efficiency import efficiency
from snapsim.images.report import report
from snapsim.images.tree import ImageTree
from snapsim.lab.executor import Executor

DIR = Entry("/d", "directory")


def tree(*layers):
    found = ImageTree()
    for entries in layers:
        found.add(Diff(tuple(entries)))
    return found


def gone(*layers):
    return [(file.path, file.layer, file.hider, file.why) for file in tree(*layers).hidden()]


# ---------------------------------------------------------------- what is hidden, and why


def test_reasons():
    """One file, and each thing that the next layer can do to it."""
    base = [DIR, Entry("/d/f", content=b"x")]
    assert gone(base, [Entry("/d/f", content=b"y")]) == [("/d/f", 0, 1, "overwritten")]
    assert gone(base, [Entry("/d/f", content=b"x", mode=0o600)]) == [("/d/f", 0, 1, "attributes only")]
    assert gone(base, [Entry("/d/f", "symlink", target="/g")]) == [("/d/f", 0, 1, "replaced")]
    assert gone(base, [Entry("/d/f", "directory")]) == [("/d/f", 0, 1, "replaced")]
    assert gone(base, [Entry(whiteout("/d/f"))]) == [("/d/f", 0, 1, "deleted")]
    assert gone(base, [Entry(whiteout("/d"))]) == [("/d/f", 0, 1, "deleted with /d")]
    assert gone(base, [Entry("/d/.wh..wh..opq")]) == [("/d/f", 0, 1, "behind opaque /d")]
    assert gone(base, [Entry("/d", content=b"z")]) == [("/d/f", 0, 1, "deleted with /d")]
    assert gone(base, [DIR, Entry("/d/g", content=b"x")]) == []


def test_opaque_hides_what_is_below_and_not_what_came_with_it():
    """Whether the mark stands before its layer's own files or after them."""
    base, own = [DIR, Entry("/d/f", content=b"x")], Entry("/d/g", content=b"yy")
    for layer in ([DIR, Entry("/d/.wh..wh..opq"), own], [DIR, own, Entry("/d/.wh..wh..opq")]):
        assert gone(base, layer) == [("/d/f", 0, 1, "behind opaque /d")]
        assert set(tree(base, layer).names) == {"/d/g"}


def test_a_file_is_seen_as_long_as_one_name_is():
    """Two names, of which one goes in layer 1 and the other in layer 2; the bytes are hidden by layer 2."""
    base = [Entry("/f", content=b"x"), Entry("/g", link="/f", size=0)]
    assert gone(base, [Entry(whiteout("/f"))]) == []
    assert gone(base, [Entry(whiteout("/f"))], [Entry(whiteout("/g"))]) == [("/f", 0, 2, "deleted")]
    both = [Entry("/f", content=b"x", mode=0o600), Entry("/g", link="/f", size=0)]
    assert gone(base, both) == [("/f", 0, 1, "attributes only")]


def test_a_name_twice_in_one_layer():
    assert gone([Entry("/f", content=b"x"), Entry("/f", content=b"yy")]) == [("/f", 0, 0, "overwritten")]


# ---------------------------------------------------------------- efficiency


@pytest.mark.parametrize(
    ("layers", "score", "true", "causes"),
    [
        # one file of 100 that stays: all is seen
        ([[Entry("/f", size=100)]], 1.0, 1.0, {}),
        # overwritten by as many bytes: dive keeps 100 of 200, and 100 of 200 are seen
        ([[Entry("/f", size=100)], [Entry("/f", size=100)]], 0.5, 0.5, {}),
        # deleted: a whiteout is 0 bytes, so that the smallest is 0: nothing is seen, nothing is kept
        ([[Entry("/f", size=100)], [Entry(whiteout("/f"))]], 0.0, 0.0, {}),
        # its directory deleted: (100 + 100) / (100 + 100), though nothing is seen
        ([[DIR, Entry("/d/f", size=100)], [Entry(whiteout("/d"))]], 1.0, 0.0, {"gone with a directory": 100}),
        # an opaque mark is no path at all: 100 / 100
        ([[DIR, Entry("/d/f", size=100)], [Entry("/d/.wh..wh..opq")]], 1.0, 0.0, {"gone with a directory": 100}),
        # grown from 10 to 90: dive keeps 10 of 100 (waste 90), the image shows 90 (unseen: 10)
        ([[Entry("/f", size=10)], [Entry("/f", size=90)]], 0.1, 0.9, {"grew": -80}),
        # shrunk from 90 to 10: both say 10 of 100
        ([[Entry("/f", size=90)], [Entry("/f", size=10)]], 0.1, 0.1, {}),
        # back after a whiteout: dive keeps 0 of 200, 100 of 200 are seen
        (
            [[Entry("/f", size=100)], [Entry(whiteout("/f"))], [Entry("/f", size=100)]],
            0.0,
            0.5,
            {"came back after a whiteout": -100},
        ),
        # g is a second name of f, and becomes a file of its own: sizes 0 and 100; dive keeps 0, all 200 are seen
        (
            [[Entry("/f", size=100), Entry("/g", link="/f", size=0)], [Entry("/g", size=100)]],
            0.5,
            1.0,
            {"hard links": -100},
        ),
        # an empty image
        ([], 1.0, 1.0, {}),
    ],
)
def test_efficiency_by_hand(layers, score, true, causes):
    found = efficiency([Diff(tuple(entries)) for entries in layers])
    assert (found.score, found.true, found.causes) == (score, true, causes)


def test_wasted_space_counts_the_copy_that_is_seen():
    """dive adds all sizes of a path that comes twice: 200, where 100 are unseen."""
    found = efficiency([Diff((Entry("/f", size=100), Entry("/g", size=7))), Diff((Entry("/f", size=100),))])
    assert (found.wasted_space, found.stored - found.seen) == (200, 100)


NAMES = st.sampled_from(["/a", "/b", "/d", "/d/a", "/d/e", "/d/e/f"])
ENTRIES = st.one_of(
    st.builds(Entry, NAMES, size=st.integers(0, 20_000)),
    st.builds(Entry, NAMES, st.just("directory")),
    st.builds(lambda name: Entry(whiteout(name)), NAMES),
    st.builds(lambda name: Entry(f"{name}/.wh..wh..opq"), st.sampled_from(["/d", "/d/e"])),
)


def sound(entries):
    """A layer that one could have made: each name once, nothing below a file, no whiteout of what it has itself."""
    kinds, kept = {}, []
    for entry in sorted(entries, key=lambda entry: (hidden(entry.path) is not None, entry.path)):
        gone = hidden(entry.path)
        if gone is not None and any(
            f"{path}/".startswith(f"{gone}/") or f"{gone}/".startswith(f"{path}/")
            for path in kinds
            if kinds[path] != "directory" or path.startswith(gone)
        ):
            continue
        if gone is not None:
            kinds[gone] = "whiteout"
        above = [entry.path[:at] for at, letter in enumerate(entry.path) if letter == "/" and at]
        if entry.path not in kinds and all(kinds.get(path, "directory") == "directory" for path in above):
            kinds |= dict.fromkeys(above, "directory") | {entry.path: entry.kind}
            kept.append(entry)
    return Diff(tuple(kept))


LAYERS = st.lists(st.lists(ENTRIES, max_size=6).map(sound), min_size=1, max_size=5)


@given(LAYERS)
def test_the_causes_explain_the_difference_to_the_byte(layers):
    found = efficiency(layers)
    assert found.waste + sum(found.causes.values()) == found.stored - found.seen
    assert 0 <= found.seen <= found.stored
    assert 0 <= found.score <= 1


@given(LAYERS)
@settings(max_examples=25)
def test_the_tree_is_what_overlay2_shows(layers):
    """Names and sizes of the merged tree, and which layer hides which file, are those of the simulated driver."""
    driver, found = Overlay2(), ImageTree()
    for number, diff in enumerate(layers):
        driver.create(str(number), str(number - 1) if number else None)
        driver.apply_diff(str(number), str(number - 1) if number else None, diff)
        found.add(diff)
    with driver.mounted(str(len(layers) - 1)) as mount:
        shown = {path: inode.size for path, inode in mount.files() if inode.kind == "file"}
    assert shown == {path: file.size for path, file in found.names.items()}
    book = take(driver)
    by_driver = {(file.path, int(file.holder), int(file.hider)) for file in hidden_files(driver, book)}
    assert by_driver == {(file.path, file.layer, file.hider) for file in found.hidden() if file.hider != file.layer}


# ---------------------------------------------------------------- the report and the commands

BIG = bytes(range(256)) * 64  # 16 KiB: four blocks, all equal in themselves
BASE = tar(("etc", DIRECTORY), ("etc/big", BIG), ("etc/old", b"o" * 100), ("var", DIRECTORY), ("var/a", b"a" * 30))
NEXT = tar(("etc/big", BIG[:8192] + b"!" * 8192), ("etc/.wh.old", b""), ("etc/copy", BIG), link("etc/l", "big"))
LAST = tar((".wh.var", b""), ("etc/copy", BIG))


def test_report_by_hand(tmp_path):
    """Three layers, in bytes:

    0. new: 16,384 + 100 + 30.
    1. big is rewritten, 8,192 of its bytes again; copy is new, its bytes are those of the old big. Hides big and old.
    2. copy is rewritten, all of it again; hides the copy of layer 1, and a with its directory.

    So 16,514 + 32,768 + 16,384 are stored; the new big and the last copy are seen: 32,768. dive: sizes of big 16,384
    twice, of old 100 and 0, of copy 16,384 twice, of a 30, of var 30 (the whiteout): it keeps 16,384 * 2 + 60.
    """
    (image,) = read_images(written(tmp_path / "a.tar", as_tar(oci([BASE, NEXT, LAST]))))
    answer = report(image)
    keys = ("stored", "new", "rewritten", "again", "copied", "hides", "unseen", "whiteouts", "opaque")
    assert [tuple(layer[key] for key in keys) for layer in answer["layers"]] == [
        (16_514, 16_514, 0, 0, 0, 0, 16_514, 0, 0),
        (32_768, 16_384, 16_384, 8_192, 16_384, 16_484, 16_384, 1, 0),
        (16_384, 0, 16_384, 16_384, 0, 16_414, 0, 1, 0),
    ]
    assert (answer["stored"], answer["seen"], answer["unseen"]) == (65_666, 32_768, 32_898)
    assert answer["attributes_only"] == 16_384
    assert answer["efficiency"] == {
        "dive": {"score": 32_828 / (4 * 16_384 + 100 + 60), "waste": 32_868, "wasted_space": 4 * 16_384 + 100},
        "seen": 32_768 / 65_666,
        "causes": {"gone with a directory": 30},
    }
    rows = [tuple(file[key] for key in ("path", "size", "why", "layer", "hidden_by")) for file in answer["hidden"]]
    assert rows == [
        ("/etc/big", 16_384, "overwritten", 0, "step 1"),
        ("/etc/copy", 16_384, "attributes only", 1, "step 2"),
        ("/etc/old", 100, "deleted", 0, "step 1"),
        ("/var/a", 30, "deleted with /var", 0, "step 2"),
    ]


def test_command_image(tmp_path, capsys):
    path = written(tmp_path / "a.tar", as_tar(docker([BASE, NEXT, LAST], tags=("a:1", "b:1"))))
    assert main(["image", path, "--top", "1", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["archive"] == path
    assert answer["images"][0]["names"] == ["a:1", "b:1"]
    assert (len(answer["images"][0]["hidden"]), answer["images"][0]["hidden_files"]) == (1, 4)
    assert main(["image", path]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "a:1, b:1: 64.1 KiB in 3 layers, 32.1 KiB of it unseen" in out
    assert "gone with a directory" in out
    assert max(map(len, out.splitlines())) <= 130


def test_names_that_would_act_on_a_terminal(tmp_path, capsys):
    base = tar(("a\x1b[31m[red]\nb", b"1" * 10), ("\u202e", b"2"))
    path = written(tmp_path / "a.tar", as_tar(docker([base, tar((".wh.a\x1b[31m[red]\nb", b""))], tags=("\x1b[2J:1",))))
    assert main(["image", path]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"/a\x1b[31m[red] b" in out


def test_command_why_of_an_image(tmp_path, capsys):
    """Blocks of 4 KiB on ext4: 4 + 1 + 1, 4 + 4, 4; seen: the new big and the last copy, 8 blocks of 18."""
    path = written(tmp_path / "a.tar", as_tar(docker([BASE, NEXT, LAST])))
    assert main(["why", "--image", path, "--driver", "overlay2", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["allocated"] == 18 * 4096
    assert answer["bytes"] == {"seen": 8 * 4096, "unseen": 10 * 4096, "in_no_file": 0}
    assert [owner["name"] for owner in answer["owners"]] == ["base:1"]
    assert [layer["step"] for layer in answer["layers"]] == ["step 0", "step 1", "step 2"]
    assert {file["path"]: file["again"] for file in answer["hidden"]} == {
        "/etc/big": 8192,
        "/etc/copy": 16_384,
        "/etc/old": 0,
        "/var/a": 0,
    }
    assert main(["why", "--image", path, "--driver", "btrfs", "--top", "1"]) == 0
    assert "/etc/big" in capsys.readouterr().out


def test_command_what_if_of_an_image(tmp_path, capsys):
    path = written(tmp_path / "a.tar", as_tar(docker([BASE, NEXT, LAST])))
    assert main(["what-if", "--image", path, "--driver", "overlay2", "--driver", "vfs", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    space = {row["stack"]: row["images"] for row in answer["stacks"]}
    # vfs copies each tree whole: 6 blocks, 4 + 4 + 1 (with a), 4 + 4
    assert (space["overlay2-ext4"], space["vfs-ext4"]) == (18 * 4096, (6 + 9 + 8) * 4096)
    assert main(["what-if", "--image", path, "--stack", "overlay2-ext4", "--containers", "2"]) == 0
    assert "in a new container" in capsys.readouterr().out
    assert main(["what-if", "--image", path, "--plot", "x.png"]) == 2


def test_command_compare_on_an_image(tmp_path, capsys):
    """One byte of a file of four blocks, of the image's middle layer: copied up whole, or one block written."""
    path = written(tmp_path / "a.tar", as_tar(docker([BASE, NEXT])))
    work = written(
        tmp_path / "w.json",
        json.dumps(
            {
                "id": "w",
                "snapshots": ["s0"],
                "ops": [{"op": "write", "path": "etc/big", "offsets": [4096], "length": 1}],
            }
        ).encode(),
    )
    command = ["compare", work, "--image", path, "--stack", "overlay2-ext4", "--stack", "btrfs"]
    assert main([*command, "--format", "json"]) == 0
    bills = json.loads(capsys.readouterr().out)
    assert [(bill["written"]["copy"], bill["written"]["data"]) for bill in bills] == [(4 * 4096, 4096), (0, 4096)]
    assert main(command[:2]) == 2  # without the image there is no such file
    assert "etc/big" in capsys.readouterr().err
    assert main([*command, "--measured", "m.json"]) == 2
    one, other = docker([BASE], tags=("a:1",)), docker([NEXT], tags=("b:1",))
    manifest = json.dumps(json.loads(one["manifest.json"]) + json.loads(other["manifest.json"])).encode()
    two = written(tmp_path / "two.tar", as_tar({**one, **other, "manifest.json": manifest}))
    capsys.readouterr()
    assert main(["compare", work, "--image", two]) == 2
    assert "2 images (a:1, b:1)" in capsys.readouterr().err


def test_an_image_that_a_driver_cannot_hold():
    """No file is to blame when a disk of a block is full, so none is named."""
    driver = Overlay2(device_bytes=4096)
    with pytest.raises(InvalidInput) as caught:
        Executor(driver).unpack([Diff((Entry("/f", size=1 << 20),))])
    assert str(caught.value) == "layer 0 of the image: No space left on device"
