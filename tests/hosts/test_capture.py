"""Captures: one file that gives the same host as the daemon, whole or not at all, and anonymous on demand."""

import doctest
import json
from pathlib import Path

import pytest
import servers
from daemon import daemon
from hypothesis import given
from hypothesis import strategies as st
from places import DOCS, SHIPPED

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.hosts import capture as module
from snapsim.hosts.capture import anonymised, capture, dumps, live_host, save
from snapsim.hosts.reading import host_of, load_host

LAYERS = ["sha256:" + letter * 64 for letter in "abc"]


def image(number, tag, *layers):
    history = [
        {"CreatedBy": f"/bin/sh -c wget http://secret.example/{tag}", "Size": len(layer) + number} for layer in layers
    ]
    return {"Id": f"sha256:{number:064}", "RepoTags": [tag], "RootFS": {"Layers": list(layers)},
            "History": history[::-1],
            "Config": {"Env": ["PASSWORD=secret"]}}  # fmt: skip


def row(of, size):
    return {
        "Id": of["Id"],
        "RepoTags": of["RepoTags"],
        "Size": size,
        "SharedSize": 71,
        "Containers": 1,
        "Labels": {"a": "secret"},
    }


WEB, DB = image(0, "secret/web:1", LAYERS[0], LAYERS[1]), image(0, "secret/db:1", LAYERS[0], LAYERS[2])
ANSWERS = {
    "info": {"Driver": "zfs", "DriverStatus": [["Zpool", "secret"], ["Zpool Health", "ONLINE"],
                                               ["Space Used By Parent", "7"]],
             "Name": "secret", "DockerRootDir": "/secret", "ServerVersion": "20.10.24", "KernelVersion": "6.1.0-secret",
             "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "Images": 2, "Containers": 2, "Labels": ["secret"]},
    "system_df": {
        "LayersSize": 213, "Images": [row(WEB, 142), row(DB | {"Id": "sha256:" + "9" * 64}, 142)],
        "Containers": [
            {"Id": "e" * 64, "Names": ["/secret1"], "Image": "secret/web:1", "ImageID": WEB["Id"], "Command": "secret",
             "SizeRw": 5, "SizeRootFs": 147, "State": "running", "Mounts": [{"Source": "/secret"}]},
            {"Id": "f" * 64, "Names": ["/secret2"], "Image": WEB["Id"], "ImageID": WEB["Id"], "SizeRootFs": 142}],
        "Volumes": [{"Name": "secret", "UsageData": {"Size": 9, "RefCount": 0}, "Mountpoint": "/secret"}],
        "BuildCache": [{"ID": "secret", "Type": "regular", "Description": "secret",
                        "InUse": False, "Shared": True, "Size": 3}]},
    "images": [WEB, DB | {"Id": "sha256:" + "9" * 64}],
}  # fmt: skip


def test_the_file_gives_the_same_host(tmp_path):
    """What is kept, written and loaded, is the host of the answers; a line of the file for each image and container."""
    kept = capture(ANSWERS)
    save(kept, tmp_path / "any.json")
    loaded = load_host(tmp_path / "any.json")
    assert loaded == host_of(kept, "x")
    assert (loaded.name, loaded.images, loaded.image_sizes[0].layer_sizes) == ("secret", 2, (71, 71))
    assert loaded.container_sizes[1].size_rw == 0
    assert len((tmp_path / "any.json").read_text().splitlines()) < 40


def test_what_is_not_storage_is_not_kept():
    """No environment, label, command or mount is in a capture, anonymous or not."""
    text = dumps(capture(ANSWERS))
    assert not any(word in text for word in ("PASSWORD", "Labels", "Command", "Mount", "Description"))


def test_anonymous_hides_names_and_keeps_figures():
    """No "secret", no digest of the host; all sizes and counts; the shared layer is still one."""
    plain, hidden = host_of(capture(ANSWERS), "x"), host_of(capture(ANSWERS, anonymous=True), "x")
    text = dumps(capture(ANSWERS, anonymous=True))
    assert not any(word in text for word in ("secret", "a" * 64, "b" * 64, "c" * 64, "e" * 64, "9" * 64))
    assert [i.size for i in hidden.image_sizes] == [i.size for i in plain.image_sizes]
    assert [i.layer_sizes for i in hidden.image_sizes] == [i.layer_sizes for i in plain.image_sizes]
    assert hidden.status == (("Zpool", "name1"), ("Zpool Health", "ONLINE"), ("Space Used By Parent", "7"))
    web, db = hidden.image_sizes
    assert web.layers[0] == db.layers[0]
    assert len({*web.layers, *db.layers}) == 3
    assert [container.image_id for container in hidden.container_sizes] == [web.id, web.id]
    assert hidden.container_sizes[0].image == web.tag == "image1:1"
    assert [step.created_by for step in web.history] == ["RUN", "RUN"]
    assert (hidden.kernel, hidden.root, hidden.origin) == (
        "6.1.0",
        "/var/lib/docker",
        "Docker Engine 20.10.24 on Linux 6.1.0, as its daemon told",
    )


def test_anonymous_is_stable():
    """The same host gives the same names, and a second time changes nothing; a shipped capture stays a host."""
    once = capture(ANSWERS, anonymous=True)
    assert once == capture(ANSWERS, anonymous=True) == anonymised(once)
    shipped = anonymised(json.loads((SHIPPED / "hosts" / "btrfs.json").read_text()))
    assert host_of(shipped, "x").image_sizes[0].size == load_host("btrfs").image_sizes[0].size


@pytest.mark.parametrize(("created_by", "word"), [
    ("/bin/sh -c #(nop) COPY file:1 in /a", "COPY"), ("/bin/sh -c #(nop)  ENV A=1", "ENV"),
    ("RUN /bin/sh -c make # buildkit", "RUN"),
    ("/bin/sh -c make", "RUN"), ("/bin/sh -c MAKE=1 make", "RUN"), ("secret tool 1.0", ""),
    ("", ""), ("SECRETTOOL", ""),
])  # fmt: skip
def test_of_a_step_only_the_instruction_stays(created_by, word):
    """Old builder and BuildKit; a command in capitals is none of Dockerfile's instructions."""
    images = anonymised({"images": [{"History": [{"CreatedBy": created_by}]}]})["images"]
    assert images[0]["History"][0]["CreatedBy"] == word


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    """A folder that is not there; a write that fails half way: the old file stays, and nothing else is left."""
    with pytest.raises(InvalidInput, match=r"none/host\.json: cannot be written: No such file or directory$"):
        save({}, tmp_path / "none" / "host.json")
    (tmp_path / "host.json").write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(InvalidInput, match=r"host\.json: cannot be written: No space left on device$"):
        save(capture(ANSWERS), tmp_path / "host.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@given(st.sampled_from(["info", "system_df", "images"]), st.data())
def test_answers_that_are_not_dockers(part, data):
    """One value anywhere in the answers is anything: a capture that loads, or one line."""
    answers = json.loads(json.dumps(ANSWERS))
    where, key = answers, part
    while isinstance(where[key], dict | list) and where[key] and data.draw(st.booleans()):
        where = where[key]
        key = data.draw(st.sampled_from(sorted(where) if isinstance(where, dict) else range(len(where))))
    where[key] = data.draw(
        st.none() | st.integers(-2, 2**65) | st.floats() | st.text(max_size=4) | st.sampled_from([[], {}, [[0]]])
    )
    for anonymous in (False, True):
        assert told(answers, anonymous).isprintable()


def told(answers, anonymous):
    """The driver, or the one line that says why there is none."""
    try:
        return host_of(json.loads(dumps(capture(answers, anonymous))), "x").driver
    except InvalidInput as error:
        return str(error)


@pytest.mark.parametrize("target", ["", ".", "/dev/null", "a" * 255])
def test_what_no_file_can_be_made_of(target, tmp_path, monkeypatch):
    """No name, a folder, a device (which stays one), a name that is too long: one line, and nothing is left."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="cannot be written: "):
        save({}, target)
    assert not Path("/dev/null").is_file()
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, capsys):
    """Printed, written, and made anonymous: three times the same figures, and each time a host for `compare`."""
    with servers.listening(servers.daemon(servers.BODIES)) as url:
        assert main(["capture", "--docker", url]) == 0
        (tmp_path / "printed.json").write_text(capsys.readouterr().out)
        for name, options in (("written", ()), ("hidden", ("--anonymous",))):
            assert main(["capture", "--docker", url, *options, "-o", str(tmp_path / f"{name}.json")]) == 0
        assert main(["compare", "--docker", url, "--stack", "overlay2-ext4"]) == 0
    live, err = capsys.readouterr()
    hosts = [load_host(tmp_path / f"{name}.json") for name in ("printed", "written", "hidden")]
    assert ([host.name for host in hosts], err) == (["lab7", "lab7", "host"], "")
    assert {(host.driver, host.image_sizes[0].size, host.container_sizes[0].size_rw) for host in hosts} == {
        ("overlay2", 70, 5)}  # fmt: skip
    assert main(["compare", "--host", str(tmp_path / "printed.json"), "--stack", "overlay2-ext4"]) == 0
    assert capsys.readouterr().out == live
    assert "lab7" in live


def test_no_daemon_no_file(tmp_path, capsys):
    """Status 2, one line, nothing printed, and an older file stays."""
    (tmp_path / "host.json").write_text("old")
    nobody = f"unix://{tmp_path}/none"
    for arguments in (["capture", "-o", str(tmp_path / "host.json")], ["capture"], ["compare"]):
        assert main([*arguments, "--docker", nobody]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "give a file instead" in err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_the_page():
    """Every example of docs/how-to/real-hosts.md that is one."""
    page = DOCS / "how-to/real-hosts.md"
    parsed = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0)
    assert len(parsed.examples) >= 5
    assert doctest.DocTestRunner().run(parsed).failed == 0


def test_a_real_daemon_and_its_capture(tmp_path):
    """The file loads as the host that the daemon told; a daemon killed meanwhile is one line, and no file is made."""
    with daemon("vfs") as docker:
        docker.load("base:1", {"f": b"x" * 1000})
        docker("create", "--network=none", "--name=c1", "base:1", "/f")
        save(capture(docker.url), tmp_path / "host.json")
        assert load_host(tmp_path / "host.json") == live_host(docker.url)
        assert live_host(docker.url).image_sizes[0].layer_sizes == (1000,)
        docker.process.kill()
        docker.process.wait()
        with pytest.raises(InvalidInput, match="give a file instead"):
            save(capture(docker.url), tmp_path / "other.json")
    assert [path.name for path in tmp_path.iterdir()] == ["host.json"]
