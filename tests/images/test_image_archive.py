"""Archives of images: every layout gives the same image, and an engine holds its tree."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest
from images import (
    DIRECTORY,
    as_folder,
    as_tar,
    both,
    config,
    docker,
    link,
    member,
    oci,
    sha256,
    tar,
    written,
)
from profiles import needs

from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.docker.load_image import load
from snapsim.drivers.diff import chain_id
from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.files.pages import digest_stamps
from snapsim.images.archive import read_images
from snapsim.images.archives.limits import Limits

BASE = tar(
    ("etc", DIRECTORY),
    ("etc/motd", b"hello"),
    ("etc/issue", b"x" * 5000),
    link("etc/os-release", "../motd"),
    link("etc/motd2", "etc/motd", hard=True),
    member("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
)
UPPER = tar(("etc/.wh.issue", b""), ("var/.wh..wh..opq", b""), ("var/log", b"y" * 10))
LAYOUTS = {
    "docker": docker([BASE, UPPER]),
    "docker, layers gzip": docker([BASE, UPPER], pack="gzip"),
    "docker and OCI": both([BASE, UPPER]),
    "OCI, plain": oci([BASE, UPPER], pack=""),
    "OCI, gzip": oci([BASE, UPPER]),
    "OCI, zstd": oci([BASE, UPPER], pack="zstd"),
}


def only(path, **limits):
    (image,) = read_images(str(path), Limits(**limits))
    return image


def engine(driver="overlay2"):
    return Engine(lambda name, options: DRIVERS[name](), DaemonConfig(driver))


# ---------------------------------------------------------------- what is right


@pytest.mark.parametrize("parts", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("form", ["tar", "folder", "tar.gz", "pipe"])
def test_every_layout_gives_the_same_image(parts, form, tmp_path, monkeypatch):
    """Names, steps, DiffIDs (SHA-256 of the uncompressed tars), entries; the id is the digest of the configuration."""
    raw = as_tar(parts)
    if form == "pipe":
        end, start = os.pipe()
        feeder = threading.Thread(target=lambda: (os.write(start, raw), os.close(start)))
        feeder.start()
        with os.fdopen(end, "rb") as pipe:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
            image = only("-")
            feeder.join()
    elif form == "folder":
        image = only(as_folder(parts, tmp_path))
    else:
        image = only(written(tmp_path / form, gzip.compress(raw) if form == "tar.gz" else raw))
    assert image.names == ("base:1",)
    assert image.steps == ["step 0", "step 1"]
    assert image.id == f"sha256:{sha256(config([BASE, UPPER]))}"
    assert [layer.diff.digest for layer in image.layers] == [f"sha256:{sha256(layer)}" for layer in (BASE, UPPER)]
    assert image.layers[0].diff.paths() == [
        "/etc",
        "/etc/motd",
        "/etc/issue",
        "/etc/os-release",
        "/etc/motd2",
        "/dev/null",
    ]
    assert image.layers[1].diff.paths() == ["/etc/.wh.issue", "/var/.wh..wh..opq", "/var/log"]
    assert image.layers[0].diff.tar_size == 5 + 5000  # the second name of motd counts nothing


def test_an_engine_holds_the_tree(tmp_path):
    """Layers have Docker's names: ChainID of the DiffIDs. Blocks of 5000 bytes x: two stamps, those of the bytes."""
    image = only(written(tmp_path / "a.tar", as_tar(LAYOUTS["OCI, gzip"])))
    docker_ = engine()
    held = load(docker_, image)
    ids = [f"sha256:{sha256(layer)}" for layer in (BASE, UPPER)]
    assert [layer.chain_id for layer in held.layers()] == [ids[0], chain_id(ids)]
    assert held.size == 5005 + len("../motd") + 10  # overlay2 says what is in the directory, links included
    with docker_.running("base:1", "box") as mount:
        assert mount.listdir("/etc") == ["hostname", "hosts", "motd", "motd2", "mtab", "os-release", "resolv.conf"]
        assert mount.stat("/etc/motd").ino == mount.stat("/etc/motd2").ino
        assert mount.readlink("/etc/os-release") == "../motd"
        assert np.array_equal(mount.read("/etc/motd"), digest_stamps(b"hello", 0, 1, 4096))
    assert [str(step.created_by) for step, _ in docker_.history("base:1")] == ["step 1", "step 0"]


@pytest.mark.parametrize("driver", ["overlay2", "aufs", "vfs", "btrfs", "devicemapper", "zfs", "fuse-overlayfs"])
def test_every_driver_shows_the_same_tree(driver, tmp_path):
    """issue went by its whiteout; var is opaque: its log of the base is gone, its own stays."""
    base = tar(("var", DIRECTORY), ("var/old", b"o" * 9), *[("etc/issue", b"i"), ("etc/motd", b"m")])
    docker_ = engine(driver)
    load(docker_, only(written(tmp_path / "a.tar", as_tar(docker([base, UPPER])))))
    with docker_.running("base:1", "box") as mount:
        assert mount.listdir("/var") == ["log"]
        assert not mount.exists("/etc/issue")
        assert mount.stat("/var/log").size == 10


def test_layers_are_shared_by_chain_id(tmp_path):
    """Two images on one base in one archive: the base is read once, and held once."""
    other = tar(("opt/x", b"z"))
    first, second = docker([BASE, UPPER]), docker([BASE, other], ("other:2", "other:latest"))
    manifest = json.loads(first["manifest.json"]) + json.loads(second["manifest.json"])
    parts = {**first, **second, "manifest.json": json.dumps(manifest).encode()}
    images = read_images(written(tmp_path / "a.tar", as_tar(parts)))
    assert images[0].layers[0] is images[1].layers[0]
    docker_ = engine()
    held = [load(docker_, image) for image in images]
    assert held[0].layers()[0] is held[1].layers()[0]
    assert len(docker_.home.layers.layers) == 3
    assert docker_.image("other:latest") is docker_.image("other:2") is held[1]


def test_a_layer_may_be_a_link_in_the_archive(tmp_path):
    """As `docker save` wrote a layer that comes twice."""
    parts = docker([BASE])
    name = next(name for name in parts if name.endswith("layer.tar"))
    raw = tar(("real/layer.tar", parts.pop(name)), link(name, "../real/layer.tar"), *parts.items())
    assert only(written(tmp_path / "a.tar", raw)).layers[0].diff.digest == f"sha256:{sha256(BASE)}"


def test_an_index_may_name_what_was_not_saved_and_what_is_no_image(tmp_path):
    """An index in an index: of two platforms one is there; BuildKit's attestation is passed over."""

    def nested(top, blob):
        absent = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + "0" * 64, "size": 9}
        attestation = {**top["manifests"][0], "platform": {"os": "unknown", "architecture": "unknown"}}
        raw = json.dumps({"manifests": [absent, attestation, *top["manifests"]]}).encode()
        return {"manifests": [blob(raw, "index.v1+json")]}

    assert only(written(tmp_path / "a.tar", as_tar(oci([BASE], index=nested)))).names == ("base:1",)


def test_a_history_that_does_not_fit_is_left_out(tmp_path):
    steps = [{"created_by": "ENV a=b", "empty_layer": True}, {"created_by": "RUN a \\\n\t b"}, {"created_by": "more"}]
    parts = docker([BASE], raw_config=config([BASE], steps))
    assert only(written(tmp_path / "a.tar", as_tar(parts))).steps == [""]
    parts = docker([BASE], raw_config=config([BASE], steps[:2]))
    image = only(written(tmp_path / "b.tar", as_tar(parts)))
    assert (image.steps, len(image.history)) == (["RUN a \\ b"], 2)


# ---------------------------------------------------------------- members


def entries(raw, tmp_path, **limits):
    return only(written(tmp_path / "a.tar", as_tar(docker([raw]))), **limits).layers[0].diff.entries


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_long_names_and_other_letters(format, tmp_path):
    name, target = "d" * 100 + "/" + "e" * 200, "t" * 300
    raw = tar((name, b"1"), link("caf\u00e9", target), format=format)
    found = entries(raw, tmp_path)
    assert [entry.path for entry in found] == ["/" + name, "/caf\u00e9"]
    assert found[1].target == target


def test_names_in_no_code(tmp_path):
    r"""A byte that is no UTF-8 is kept as \xNN, since it has to be printed."""
    raw = tar(("caf?", b"1"), format=tarfile.USTAR_FORMAT)
    header = bytearray(raw[:512].replace(b"caf?", b"caf\xe9"))
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * 32)
    assert entries(bytes(header) + raw[512:], tmp_path)[0].path == r"/caf\xe9"


def test_absolute_names_are_below_the_root(tmp_path):
    assert [entry.path for entry in entries(tar(("/etc/motd", b"1"), ("./", DIRECTORY)), tmp_path)] == ["/etc/motd"]


def test_pipes_and_private_files_of_aufs_are_left_out(tmp_path):
    raw = tar(member("run/initctl", type=tarfile.FIFOTYPE), (".wh..wh.plnk/1.2", b"x"), (".wh..wh.aufs", b""))
    image = only(written(tmp_path / "a.tar", as_tar(docker([raw]))))
    assert (image.layers[0].diff.entries, image.layers[0].contents.pipes) == ((), 1)


SPARSE = {"old GNU": ["--format=gnu"]} | {
    f"pax {version}": ["--format=pax", f"--sparse-version={version}"] for version in ("0.0", "0.1", "1.0")
}


@pytest.mark.parametrize("options", SPARSE.values(), ids=SPARSE)
def test_sparse_files(options, tmp_path):
    """GNU tar's four forms: data in blocks 0, 5 and 8 to 40 (every second one), and a hole to the end of 300,000 bytes.

    Go's reader gives holes as zeros and moby writes them, so that the file has all of its 74 blocks on the disk.
    """
    version = subprocess.run(["tar", "--version"], capture_output=True, text=True).stdout
    needs([] if "GNU" in version else ["no GNU tar"])
    content = bytearray(300_000)
    for block in (0, 5, *range(8, 41, 2)):
        content[block * 4096 : (block + 1) * 4096] = bytes([block + 1]) * 4096
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(300_000)
        for block in (0, 5, *range(8, 41, 2)):
            file.seek(block * 4096)
            file.write(content[block * 4096 : (block + 1) * 4096])
    raw = subprocess.run(["tar", "-C", tmp_path, "-c", "--sparse", *options, "sparse"], capture_output=True, check=True)
    image = only(written(tmp_path / "a.tar", as_tar(docker([raw.stdout]))))
    (entry,) = image.layers[0].diff.entries
    assert (entry.path, entry.size) == ("/sparse", 300_000)
    assert np.array_equal(entry.stamps, digest_stamps(bytes(content), 0, 74, 4096))
    assert image.layers[0].contents.holes == 300_000 - 19 * 4096
    docker_ = engine("vfs")
    load(docker_, image)
    assert docker_.ledger().allocated == 74 * 4096
