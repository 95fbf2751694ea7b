"""Images that other tools write: buildah, skopeo, umoci and a Docker daemon. What is read must be what they mounted."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from daemon import daemon
from images import DIRECTORY, link, member, tar
from profiles import needs

from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.docker.load_image import load
from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.images.archive import read_images
from snapsim.images.tree import ImageTree

LONG = "d" * 120 + "/" + "e" * 200


def lacking(*tools):
    return [f"{tool} is not installed" for tool in tools if not shutil.which(tool)] + (
        ["not root"] if os.geteuid() else [])  # fmt: skip


def fill(root):
    """Files, links of both kinds, a long name, a hole of 1 MiB, a name with a line end."""
    (root / "etc").mkdir()
    (root / "etc/motd").write_bytes(b"hello")
    (root / "etc/motd").chmod(0o4755)
    os.link(root / "etc/motd", root / "etc/motd2")
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    (root / LONG).parent.mkdir()
    (root / LONG).write_bytes(b"long")
    (root / "two\nlines").write_bytes(b"")
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 20)
    (root / "var/cache/deep").mkdir(parents=True)
    (root / "var/cache/deep/f").write_bytes(b"c" * 9000)
    (root / "var/log").write_bytes(b"l" * 5000)


def change(root):
    """Delete a file and a directory, overwrite, chmod, replace a file by a directory."""
    (root / "etc/os-release").unlink()
    shutil.rmtree(root / "var/cache")
    (root / "var/log").write_bytes(b"m" * 6000)
    (root / "etc/motd").chmod(0o755)
    (root / LONG).unlink()
    (root / LONG).mkdir()
    (root / LONG / "f").write_bytes(b"1")


def listing(root):
    """Path -> kind, size or target, permission bits; directories with their bits."""
    found = {}
    for path in sorted(Path(root).rglob("*")):
        info = path.lstat()
        name = "/" + str(path.relative_to(root))
        if stat.S_ISLNK(info.st_mode):
            found[name] = ("symlink", os.readlink(path))
        elif stat.S_ISDIR(info.st_mode):
            found[name] = ("directory", stat.S_IMODE(info.st_mode))
        else:
            found[name] = ("file", info.st_size, stat.S_IMODE(info.st_mode))
    return found


def shown(image, driver):
    """The same of what an engine shows that has loaded the image."""
    engine = Engine(lambda name, options: DRIVERS[name](), DaemonConfig(driver))
    held = load(engine, image)
    found = {}
    with engine.driver.mounted(held.layer.cache_id) as mount:
        waiting = [f"/{name}" for name in mount.listdir("/")]
        while waiting:
            path = waiting.pop()
            info = mount.stat(path, follow=False)
            if info.kind == "symlink":
                found[path] = ("symlink", mount.readlink(path))
            elif info.kind == "directory":
                found[path] = ("directory", info.mode)
                waiting += [f"{path}/{name}" for name in mount.listdir(path)]
            else:
                found[path] = (info.kind, info.size, info.mode)
    return found


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """Storage of buildah's own, below the test's folder."""
    (tmp_path / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/graph"\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(tmp_path / "storage.conf"))
    return tmp_path


def run(*command):
    words = [str(each) for each in command]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


def built(name):
    """Two layers by buildah, from nothing: (what the last one shows)."""
    box = run("buildah", "from", "scratch").strip()
    fill(Path(run("buildah", "mount", box).strip()))
    run("buildah", "config", "--created-by", "COPY all /", box)
    run("buildah", "commit", "-q", "--rm", box, "base:1")
    box = run("buildah", "from", "--pull-never", "base:1").strip()
    root = Path(run("buildah", "mount", box).strip())
    change(root)
    seen = listing(root)
    run("buildah", "config", "--created-by", "RUN change", box)
    run("buildah", "commit", "-q", "--rm", box, name)
    return seen


def judge(path, seen, steps=("COPY all /", "RUN change")):
    """Every driver shows what buildah's mount showed; DiffIDs were checked on the way."""
    (image,) = read_images(str(path))
    assert image.steps == list(steps)
    for driver in ("overlay2", "vfs", "btrfs"):
        assert shown(image, driver) == seen
    tree = ImageTree()
    for layer in image.layers:
        tree.add(layer.diff)
    assert {path for path, (kind, *_) in seen.items() if kind != "directory"} == set(tree.names)
    return image


def test_buildah_and_skopeo(storage):
    """One image through every transport: the same id, the same DiffIDs, the same tree."""
    needs(lacking("buildah", "skopeo"))
    seen = built("child:1")
    run("buildah", "push", "-q", "child:1", f"oci:{storage}/oci:1")
    run("buildah", "push", "-q", "child:1", f"oci-archive:{storage}/oci.tar:1")
    run("buildah", "push", "-q", "child:1", f"docker-archive:{storage}/docker.tar:child:1")
    run("buildah", "push", "-q", "--compression-format", "zstd", "child:1", f"oci:{storage}/zstd:1")
    run("skopeo", "copy", f"docker-archive:{storage}/docker.tar", f"oci:{storage}/skopeo:1")
    images = {name: judge(storage / name, seen) for name in ("oci", "oci.tar", "docker.tar", "zstd", "skopeo")}
    ids = [[layer.diff.digest for layer in image.layers] for image in images.values()]
    assert all(found == ids[0] for found in ids)
    assert {layer.compression for layer in images["zstd"].layers} == {"zstd"}
    assert {layer.compression for layer in images["docker.tar"].layers} == {""}
    known = json.loads(run("buildah", "inspect", "child:1"))["FromImageID"]
    assert images["oci"].id == images["zstd"].id == f"sha256:{known}"


def test_umoci(tmp_path):
    """An image of no layers, unpacked, filled, repacked; and once more: umoci writes layers of its own."""
    needs(lacking("umoci"))
    image = f"{tmp_path}/layout:1"
    run("umoci", "init", "--layout", tmp_path / "layout")
    run("umoci", "new", "--image", image)
    for number, work in enumerate((fill, change)):
        bundle = tmp_path / f"bundle{number}"
        run("umoci", "unpack", "--image", image, bundle)
        work(bundle / "rootfs")
        run("umoci", "repack", "--image", image, "--history.created_by", work.__name__, bundle)
    judge(tmp_path / "layout", listing(bundle / "rootfs"), ("fill", "change"))


def test_docker_save(tmp_path):
    """Two images on one base: ids, DiffIDs, sizes, tags and steps are those that the daemon itself tells."""
    with daemon("vfs") as docker:
        base = tar(
            ("etc", DIRECTORY),
            ("etc/motd", b"hello"),
            link("etc/motd2", "etc/motd", hard=True),
            link("etc/link", "motd"),
            (LONG, b"long"),
            member("tool", b"x" * 70_000, mode=0o4755),
        )
        docker("import", "--change", 'CMD ["/tool"]', "-", "base:1", stdin=base)
        docker("create", "--name", "box", "--network", "none", "base:1")
        (tmp_path / "motd").write_bytes(b"hello, all of you")
        docker("cp", str(tmp_path / "motd"), "box:/etc/motd")
        docker("commit", "--message", "motd", "box", "child:1")
        docker("tag", "child:1", "child:latest")
        docker("save", "-o", str(tmp_path / "images.tar"), "base:1", "child:1", "child:latest")
        told = {name: json.loads(docker("image", "inspect", name))[0] for name in ("base:1", "child:1")}
    images = {image.names[0]: image for image in read_images(str(tmp_path / "images.tar"))}
    assert set(images) == {"base:1", "child:1"}
    assert images["child:1"].names == ("child:1", "child:latest")
    engine = Engine(lambda name, options: DRIVERS[name](), DaemonConfig("vfs"))
    for name, image in images.items():
        assert image.id == told[name]["Id"]
        assert [layer.diff.digest for layer in image.layers] == told[name]["RootFS"]["Layers"]
        assert load(engine, image).size == told[name]["Size"]
    with engine.running("child:1", "box") as mount:
        assert mount.stat("/etc/motd").size == len("hello, all of you")
        assert mount.stat("/etc/motd2").size == len("hello")
