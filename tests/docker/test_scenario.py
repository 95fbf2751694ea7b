"""The scenario file: what is allowed, and what is said about what is not; and `snapsim df` on top of it."""

import json
from random import Random

import pytest

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.docker.daemon import start
from snapsim.docker.df import SCENARIO, report
from snapsim.docker.scenario import Scenario, ScenarioImage, ScenarioLayer, load, parse
from snapsim.docker.scenario_player import play, steps

MKDIR = {"op": "mkdir", "path": "d"}
IMAGE = {"tag": "base:1", "layers": [{"created_by": "import", "ops": [MKDIR]}]}


def scenario(**keys):
    return {"images": [IMAGE], **keys}


BAD = {
    "not an object": ([], "", "a list is not allowed: an object, a scenario"),
    "no images": ({}, "", '"images" is missing'),
    "unknown key": (scenario(x=1), "", 'unknown key "x"'),
    "tag": ({"images": [{**IMAGE, "tag": "Base"}]}, "images[0].tag", '"Base" is not allowed'),
    "tag twice": ({"images": [IMAGE, IMAGE]}, "images[1].tag", "each tag once"),
    "from": ({"images": [{**IMAGE, "from": "other"}]}, "images[0].from", '"other:latest" is no image so far: none'),
    "from itself": ({"images": [{**IMAGE, "from": "base:1"}]}, "images[0].from", "no image so far"),
    "nothing": ({"images": [{"tag": "a", "layers": []}]}, "images[0].layers", "starts with a layer that has `ops`"),
    "empty first": ({"images": [{"tag": "a", "layers": [{"empty": True}]}]}, "images[0].layers", "starts with a layer"),
    "empty and ops": (
        {"images": [{"tag": "a", "layers": [{"empty": True, "ops": [MKDIR]}]}]},
        "images[0].layers[0].ops",
        "one of the two",
    ),
    "neither": ({"images": [{"tag": "a", "layers": [{}]}]}, "images[0].layers[0]", "one of the two"),
    "empty is no number": (
        {"images": [{"tag": "a", "layers": [{"empty": 1}]}]},
        "images[0].layers[0].empty",
        "1 is not allowed: true or false",
    ),
    "climbs": (
        {"images": [{"tag": "a", "layers": [{"ops": [{**MKDIR, "path": "../d"}]}]}]},
        "images[0].layers[0].ops[0].path",
        '"../d" is not allowed',
    ),
    "layer": (
        {"images": [{"tag": "a", "layers": [{"ops": [{"op": "seal", "name": "x"}]}]}]},
        "images[0].layers[0].ops[0].op",
        '"seal" is not allowed',
    ),
    "in": (
        {"images": [{"tag": "a", "layers": [{"ops": [{**MKDIR, "in": "s1"}]}]}]},
        "images[0].layers[0].ops[0].in",
        "runs in its own step",
    ),
    "no such image": (
        scenario(containers=[{"name": "c", "image": "x:1"}]),
        "containers[0].image",
        "no image so far: base:1",
    ),
    "name twice": (scenario(containers=[{"name": "c", "image": "base:1"}] * 2), "containers[1].name", "each name once"),
    "state": (
        scenario(containers=[{"name": "c", "image": "base:1", "state": "dead"}]),
        "containers[0].state",
        '"dead"',
    ),
    "created": (
        scenario(containers=[{"name": "c", "image": "base:1", "state": "created", "ops": [MKDIR]}]),
        "containers[0].ops",
        "never started",
    ),
    "volume": (
        scenario(containers=[{"name": "c", "image": "base:1", "volumes": ["v"]}]),
        "containers[0].volumes[0]",
        '"v" is no volume so far: none',
    ),
    "volume twice": (scenario(volumes=[{"name": "v"}, {"name": "v"}]), "volumes[1].name", "each name once"),
    "size": (scenario(build_cache=[{"id": "k", "size": -1}]), "build_cache[0].size", "-1 is not allowed"),
    "lines": (scenario(title="a\nb"), "title", "one line of printable text"),
}


@pytest.mark.parametrize(("data", "place", "problem"), BAD.values(), ids=BAD)
def test_what_is_not_allowed_is_named_with_its_place(data, place, problem):
    with pytest.raises(InvalidInput) as caught:
        parse(data, "s.json")
    assert caught.value.place == ("s.json: " + place if place else "s.json")
    assert problem in caught.value.problem


def test_tags_without_a_tag_are_latest():
    found = parse({"images": [{**IMAGE, "tag": "base"}, {"tag": "a", "from": "base", "layers": []}]})
    assert found.images == (
        ScenarioImage("base:latest", found.images[0].layers),
        ScenarioImage("a:latest", (), "base:latest"),
    )


def test_the_shipped_scenario_is_that_of_the_captures():
    from captures import DATA

    assert load(str(SCENARIO)) == load(str(DATA / "docker-scenario" / "scenario-ops.json"))


def test_a_spoilt_scenario_is_one_line_of_error():
    """A value of the shipped scenario is replaced or dropped, 2000 times: it is read, or refused in one line."""
    source, random = SCENARIO.read_text(), Random(7)
    values = [None, -1, 0, 1.5, "", [], {}, "x" * 5000, True, 1 << 70, "../a", "\ud800", float("nan"), {"op": "rm"}]
    refused = []
    for _ in range(2000):
        data = json.loads(source)
        spoil(data, random, values)
        try:
            parse(data, "s.json")
        except InvalidInput as error:
            refused.append(str(error))
    assert len(refused) > 1000
    assert [text for text in refused if not text.startswith("s.json: ") or "\n" in text] == []


def spoil(node, random, values):
    """Go down at random, and spoil one thing there."""
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = random.choice(keys)
        if not (isinstance(node[key], dict | list) and node[key]) or random.random() < 0.2:
            break
        node = node[key]
    if random.random() < 0.2:
        del node[key]
    else:
        node[key] = random.choice(values)


# ---------------------------------------------------------------- playing


def test_steps_have_the_names_of_the_timelines():
    engine = start(stack="vfs-ext4")
    names = list(steps(load(str(SCENARIO)), engine))
    assert names[:2] == ["image base:1", "image child:1: COPY four /data/four"]
    assert names[-1] == "container c5"


def test_what_cannot_be_done_is_named_with_its_place():
    """In a container, in a build, and where the driver has no room left."""
    unlink = [MKDIR, {"op": "unlink", "path": "x"}]
    with pytest.raises(InvalidInput, match=r"^s.json: containers\[0\].ops\[1\]: unlink x: No such file"):
        play(
            parse(scenario(containers=[{"name": "c", "image": "base:1", "ops": [{**MKDIR, "path": "e"}, unlink[1]]}])),
            start(),
            "s.json",
        )
    child = {"tag": "c", "from": "base:1", "layers": [{"empty": True}, {"created_by": "RUN rm x", "ops": unlink[1:]}]}
    with pytest.raises(InvalidInput, match=r"^images\[1\].layers\[1\].ops\[0\]: unlink x"):
        play(parse({"images": [IMAGE, child]}), start())
    big = {"op": "create", "files": [{"path": "f", "size": 1 << 50}]}
    with pytest.raises(InvalidInput, match=r"^images\[0\].layers\[0\]"):
        play(parse({"images": [{"tag": "a", "layers": [{"ops": [big]}]}]}), start())


def test_states_volumes_and_empty_steps():
    """c runs and mounts v; d was never started. ENV makes an image and no layer."""
    data = scenario(
        volumes=[{"name": "v", "size": 9}, {"name": "w", "size": 5}],
        containers=[
            {
                "name": "c",
                "image": "env",
                "state": "running",
                "volumes": ["v"],
                "ops": [{"op": "create", "files": [{"path": "f", "size": 3}]}],
            },
            {"name": "d", "image": "base:1", "state": "created"},
        ],
    )
    data["images"] = [IMAGE, {"tag": "env", "from": "base:1", "layers": [{"created_by": "ENV a=b", "empty": True}]}]
    engine = play(parse(data), start(stack="overlay2-ext4"))
    assert [(box.name, box.state) for box in engine.containers()] == [("d", "created"), ("c", "running")]
    assert len(engine.image("env").layers()) == 1
    assert len(engine.image("env").history) == 2


def test_a_scenario_of_126_layers_is_one_too_many():
    """125 layers are allowed; the place is that of the 126th, whose index is 125."""
    layers = tuple(
        ScenarioLayer(f"COPY {number} /", parse(IMAGES_OF(number)).images[0].layers[0].ops) for number in range(126)
    )
    play(Scenario(images=(ScenarioImage("a:1", layers[:125]),)), start(stack="overlay2-ext4"))
    with pytest.raises(InvalidInput, match=r"^images\[0\].layers\[125\]: max depth exceeded$"):
        play(Scenario(images=(ScenarioImage("a:1", layers),)), start(stack="overlay2-ext4"))


def IMAGES_OF(number):
    return {"images": [{"tag": "a", "layers": [{"ops": [{"op": "mkdir", "path": f"d{number}"}]}]}]}


# ---------------------------------------------------------------- the command


def test_df_json_is_the_answer_of_the_daemon(capsys):
    """All keys of the captured answer that concern images and layers, and the very figures."""
    from captures import real

    assert main(["df", "--driver", "zfs", "--format", "json"]) == 0
    mine, theirs = json.loads(capsys.readouterr().out), real("system-df", "zfs")
    assert mine.keys() == theirs.keys()
    assert mine["LayersSize"] == theirs["LayersSize"] == 73_355_056
    assert [image.keys() for image in mine["Images"]] == [image.keys() for image in theirs["Images"]]
    assert [box["SizeRootFs"] for box in mine["Containers"]] == [box["SizeRootFs"] for box in theirs["Containers"]]


def test_df_by_version_says_what_it_rests_on():
    """29.4.1: totals per kind; the base is unused and shares all it has, so nothing can be reclaimed."""
    found = json.loads(report(driver="vfs", version="29.4.1", format="json"))
    usage = found["ImageUsage"]
    assert (usage["ActiveCount"], usage["TotalCount"], usage["Reclaimable"], len(usage["Items"])) == (1, 2, 0, 2)
    assert "source alone" in found["Basis"]
    assert "VirtualSize" not in usage["Items"][0]
    assert report(driver="vfs").count("\n") == 5
    assert "source alone" in report(driver="vfs", version="28.5.2")
    assert "Basis" not in json.loads(report(format="json"))


def test_a_container_that_wrote_nothing_has_no_size_key(tmp_path):
    """Go's omitempty: SizeRw 0 is left out, SizeRootFs is not."""
    path = tmp_path / "s.json"
    path.write_text(
        json.dumps(
            {
                "images": [{"tag": "a", "layers": [{"ops": [{"op": "create", "files": [{"path": "f", "size": 5}]}]}]}],
                "containers": [{"name": "c", "image": "a"}],
            }
        )
    )
    (box,) = json.loads(report(str(path), format="json"))["Containers"]
    assert "SizeRw" not in box
    assert box["SizeRootFs"] == 5


def test_df_of_volumes_and_build_cache(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(
        json.dumps(
            scenario(volumes=[{"name": "v", "size": 2000}], build_cache=[{"id": "k", "size": 3000, "in_use": True}])
        )
    )
    lines = report(str(path)).splitlines()
    assert lines[3].split() == ["Local", "Volumes", "1", "0", "2kB", "2kB", "(100%)"]
    assert lines[4].split() == ["Build", "Cache", "1", "1", "3kB", "0B"]


def test_df_of_containerds_store_gives_bounds():
    """base:1 in blocks: busybox 484, data/big 8192, data/small 16, etc/app.conf 1, which are 8693. bin, data, etc, tmp
    and the root are five directories of a block each: bin has 15 names, which fit one block however long they are."""
    found = json.loads(report(driver="overlayfs", format="json"))
    assert found["AtLeastAtMost"]["Images"]["base:1"] == [8693 * 4096, (8693 + 5) * 4096]
    assert "at least" in report(driver="overlayfs").lower()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--driver", "aufs", "--docker-version", "24.0"],
            "storage-driver: aufs is not in Docker 24.0.0: it was removed in 24.0",
        ),
        (
            ["--driver", "devicemapper", "--docker-version", "28"],
            "devicemapper is not in Docker 28.0.0: it was removed in 25.0",
        ),
        (["--driver", "overlayfs", "--docker-version", "20.10"], "--docker-version: 20.10 has no snapshotters"),
        (["--driver", "zfs", "--stack", "zfs"], "one of --driver and --stack"),
        (["--driver", "ext4"], "'ext4' is no driver: one of plain, vfs"),
        (["--stack", "ext4"], "stack: 'ext4' is no stack: one of"),
        (["no-such-file"], "no-such-file: No such file or directory"),
    ],
)
def test_df_refuses_in_one_line(arguments, line, capsys):
    assert main(["df", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("snapsim: ")
    assert err.count("\n") == 1
    assert line in err
