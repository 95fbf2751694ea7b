"""A real Docker daemon beside the engine: the same scenario in both, and every figure that both can tell is equal.

The daemon is started by the test, on a file system of its own, on overlay2, btrfs and vfs. Where there is no root, no
`dockerd` or no loop device the tests are skipped; in CI they fail instead. ``SNAPSIM_DAEMON_EXAMPLES=100`` draws as
many scenarios for each driver, other ones each time.
"""

import hashlib
import io
import json
import os
import tarfile
from typing import NamedTuple

import live_scenario
import pytest
import servers
from daemon import Daemon, daemon, missing, now
from drawn_scenarios import scenarios
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from live_facts import chains, differences, of_daemon, of_engine
from live_verbs import drawn, everything, in_order, on_daemon, on_engine
from loop_disk import mounted
from places import SHIPPED
from profiles import PROFILE, needs

from snapsim.cli.main import main
from snapsim.docker.daemon import config_of, start
from snapsim.docker.scenario import parse
from snapsim.docker.scenario_player import play
from snapsim.drivers.diff import chain_id
from snapsim.hosts.capture import live_host
from snapsim.hosts.reading import load_host
from snapsim.lab.stacks import STACKS
from snapsim.testing import CI

DISKS = {"overlay2-ext4": "ext4", "btrfs": "btrfs", "vfs-ext4": "ext4"}
ASKED = os.environ.get("SNAPSIM_DAEMON_EXAMPLES")
EXAMPLES = int(ASKED or (5 if PROFILE is CI else 2))


class Live(NamedTuple):
    """A daemon, and the stack that it runs on."""

    docker: Daemon
    stack: str

    def engine(self):
        """An engine like it, with nothing in it."""
        return start(stack=self.stack, version=self.docker.api("/version")["Version"])


@pytest.fixture(scope="module", params=DISKS)
def live(request):
    needs(missing() + live_scenario.missing())
    driver = STACKS[request.param].driver
    with mounted(DISKS[request.param], "overlay") as root, daemon(driver, root) as docker:
        yield Live(docker, request.param)


def removed(docker, engine):
    """Remove everything from both, and give what differs then, or was left."""
    since, number, verbs = now(), len(engine.events), everything(docker)
    outcomes = on_daemon(docker, verbs), on_engine(engine, verbs)
    found = compared(docker, since, engine, number, verbs, outcomes)
    left = docker.layers()
    for image in docker("images", "--all", "--quiet").split() if left else ():
        docker.api(f"/images/{image}?force=1", "DELETE")
    return found + [f"left: {left}"] * bool(left)


def compared(docker, since, engine, number, verbs=(), outcomes=((), ())):
    """What differs between a daemon and an engine, after verbs with these outcomes in each."""
    theirs, mine = of_daemon(docker, since), of_engine(engine, number)
    for facts, done in zip((theirs, mine), outcomes, strict=True):
        facts |= {"outcomes": list(done), "events": in_order(facts["events"], verbs)}
    return [f"after {verbs}: {line}" for line in differences(theirs, mine)]


# ----------------------------------------------------------------- the shipped scenario


def test_the_shipped_scenario(live, tmp_path):
    """2 images and 5 containers: all figures; then the capture; then nothing is left."""
    docker, engine, since = live.docker, live.engine(), now()
    scenario = shipped()
    live_scenario.play(scenario, docker)
    play(scenario, engine)
    try:
        assert compared(docker, since, engine, 0) == []
        check_capture(docker, engine, tmp_path / "host.json")
    finally:
        found = removed(docker, engine)
    assert found == []


def shipped():
    """The shipped scenario, with the busybox of this machine: its bytes are no matter of the model."""
    path = SHIPPED / "scenarios" / "base-and-child.json"
    value = json.loads(path.read_text())
    value["images"][0]["layers"][0]["ops"][0]["files"][0]["size"] = live_scenario.BUSYBOX.stat().st_size
    return parse(value)


def check_capture(docker, engine, path):
    """The file gives the host that the daemon tells, to the byte the engine's; `compare` shows it."""
    assert main(["capture", "--docker", docker.url, "-o", str(path)]) == 0
    host = load_host(path)
    assert host == live_host(docker.url)
    assert (host.driver, host.images, host.containers) == (engine.driver.name, len(engine.images(all=True)), 5)
    assert [key for key, _ in host.status] == [key for key, _ in engine.driver.status()]
    assert {image.tag: image.layer_sizes for image in host.image_sizes} == {
        tag: tuple(layer.size for layer in engine.image(tag).layers()) for tag in ("base:1", "child:1")}  # fmt: skip
    assert {box.name: box.size_rw for box in host.container_sizes} == {
        box.name: engine.size_rw(box.name) for box in engine.containers()}  # fmt: skip
    assert main(["compare", "--docker", docker.url, "--stack", "overlay2-ext4", "--format", "json"]) == 0


# ----------------------------------------------------------------- scenarios drawn at random


@settings(max_examples=EXAMPLES, deadline=None, derandomize=ASKED is None, database=None, phases=[Phase.generate],
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
@given(data=st.data())
def test_drawn_scenarios(live, data):
    """A scenario, the names of its layers, up to four verbs, and everything is removed: equal after each."""
    docker, engine, since = live.docker, live.engine(), now()
    scenario = data.draw(scenarios())
    verbs = data.draw(drawn(scenario))
    try:
        live_scenario.play(scenario, docker)
        play(scenario, engine)
        found = compared(docker, since, engine, 0)
        check_names(docker, scenario)
        since, number = now(), len(engine.events)
        found += compared(docker, since, engine, number, verbs, (on_daemon(docker, verbs), on_engine(engine, verbs)))
    finally:
        end = removed(docker, engine)
    assert found + end == []


def check_names(docker, scenario):
    """An imported tar's DiffID is its hash, the layer store's names are the ChainIDs, saved layers hash to DiffIDs."""
    archive = live_scenario.imported(scenario.images[0].layers[0].ops)
    image = docker("import", "-", "again:1", stdin=archive).strip()
    tags = ["again:1", *(image.tag for image in scenario.images)]
    diff_ids = {tag: docker.api(f"/images/{tag}/json")["RootFS"]["Layers"] for tag in tags}
    assert diff_ids["again:1"] == [f"sha256:{hashlib.sha256(archive).hexdigest()}"]
    assert set(docker.layers()) == {chain for tag in tags for chain in chains(docker, tag)}
    for tag in tags:
        assert docker.layers()[chain_id(diff_ids[tag])][0] == diff_ids[tag][-1]
        assert saved(docker, tag) == diff_ids[tag]
    docker.api(f"/images/{image}", "DELETE")


def saved(docker, image):
    """The hashes of the layer tars that `docker save` gives, from the base up."""
    path = docker.root / "saved.tar"
    docker("save", "--output", str(path), image)
    with tarfile.open(path) as archive:
        names = json.load(archive.extractfile("manifest.json"))[0]["Layers"]
        return [f"sha256:{hashlib.sha256(archive.extractfile(name).read()).hexdigest()}" for name in names]


# ----------------------------------------------------------------- the daemon stops, and how


def test_another_driver_hides_what_is_there():
    """overlay2, then vfs on the same data root, then overlay2: 1 image and 1 container, none, and 1 each again."""
    needs(missing() + live_scenario.missing())
    scenario = parse({"images": [{"tag": "base:1", "layers": [{"ops": [
        {"op": "create", "files": [{"path": "f", "size": 1000}]}]}]}],
        "containers": [{"name": "c1", "image": "base:1", "state": "created"}]})  # fmt: skip
    with mounted("ext4", "overlay") as root:
        with daemon("overlay2", root) as docker:
            engine = Live(docker, "overlay2-ext4").engine()
            live_scenario.play(scenario, docker)
            play(scenario, engine)
        for driver, count in (("vfs", 0), ("overlay2", 1)):
            engine.restart(config_of(driver))
            with daemon(driver, root) as docker:
                assert compared(docker, now(), engine, len(engine.events)) == []
                assert [docker.api("/info")[key] for key in ("Images", "Containers")] == [count, count]


def test_a_daemon_killed_in_mid_capture(tmp_path, capsys):
    """It has heard the question for /system/df and dies: status 2, one line, nothing printed, no file."""
    needs(missing())
    asked = []
    with daemon("vfs") as docker:
        docker.load("base:1", {"f": b"x" * 1000})

        def kill(path):
            asked.append(path)
            if path.endswith("/system/df"):
                docker.process.kill()
                docker.process.wait()

        with servers.listening(servers.forwarding(str(docker.root / "d.sock"), kill)) as url:
            assert main(["capture", "--docker", url, "-o", str(tmp_path / "host.json")]) == 2
            out, err = capsys.readouterr()
    assert [path.rpartition("/")[2] for path in asked[:2]] == ["version", "df"]
    assert (out, err.count("\n"), list(tmp_path.iterdir())) == ("", 1, [])
    assert "give a file instead" in err


# ----------------------------------------------------------------- the tests' own tools


def test_scripts_do_what_the_model_does():
    """Every operation as a command, in an empty folder: the archive has the names and sizes that they say."""
    needs(live_scenario.missing())
    ops = [{"op": "create", "files": [{"path": "d/a b", "size": 5000, "data": 100}]}, {"op": "mkdir", "path": "e"},
           {"op": "write", "path": "d/a b", "offsets": [4999, 0], "length": 3}, {"op": "rmdir", "path": "e"},
           {"op": "append", "path": "d/a b", "length": 8}, {"op": "link", "path": "d/a b", "to": "l"},
           {"op": "symlink", "path": "s", "target": "d"}, {"op": "chmod", "path": "d/l", "mode": 0o600},
           {"op": "utime", "path": "d/l", "seconds": 1_500_000_000}, {"op": "unlink", "path": "d/a b"},
           {"op": "mv", "path": "d", "to": "t"}, {"op": "truncate", "path": "t/l", "size": 6000},
           {"op": "create", "files": [{"path": "g", "size": 1}]}, {"op": "remove", "path": "g"},
           {"op": "read", "path": "t/l"}, {"op": "sync"}]  # fmt: skip
    layer = parse({"images": [{"tag": "a", "layers": [{"ops": ops}]}]}).images[0].layers[0]
    with tarfile.open(fileobj=io.BytesIO(live_scenario.imported(layer.ops))) as archive:
        members = {member.name: (member.size, member.mode, member.linkname) for member in archive}
        content = archive.extractfile("./t/l").read()
    assert members == {".": (0, 0o700, ""), "./t": (0, 0o755, ""), "./t/l": (6000, 0o600, ""), "./s": (0, 0o777, "d")}
    assert (content[:4], content[4998:5003], content[5003:]) == (b"XXX\0", b"\0XXX\0", bytes(997))
