"""Layers that Docker takes: as its unpackers read them, and as a daemon of 20.10 answered when each was put to it."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile

import pytest
import zstandard
from daemon import daemon
from images import DIRECTORY, as_tar, docker, link, member, oci, sha256, tar, written

from snapsim.base.errors import InvalidInput
from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.docker.load_image import load
from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.images.archive import read_images

BASE = tar(("etc", DIRECTORY), ("etc/motd", b"hello"))
MOVED = (".wh..wh.plnk/51.15", b"x" * 7000)
TWO = tar(("a", b"1"), ("b", b"2" * 3000))
SKIPPED = b"\x5a\x2a\x4d\x18\x04\0\0\0abcd"

TAKEN = {  # a layer on BASE, and what its files are: names and sizes
    "no bytes": (b"", {}),
    "a block of zeros": (bytes(512), {}),
    "zeros": (bytes(10240), {}),
    "no end mark": (tar(("a", b"1"))[:1024], {"a": 1}),
    "half an end mark": (tar(("a", b"1"))[:1536], {"a": 1}),
    "something behind the end mark": (tar(("a", b"1")) + b"something" * 100, {"a": 1}),
    "a root that is a file": (tar(("./", b"1"), ("a", b"1")), {"a": 1}),
    "a root": (tar(("./", DIRECTORY), ("a", b"1")), {"a": 1}),
    "a name with and without a slash": (tar(("a", b"1"), ("/a", b"22")), {"a": 2}),
    "whiteout and then the file": (tar((".wh.a", b""), ("a", b"1")), {"a": 1}),
    "whiteout that is a directory": (tar((".wh.etc", DIRECTORY)), {}),
    "whiteout with content": (tar((".wh.q", b"123")), {}),
    "opaque mark that is a directory": (tar(("d/.wh..wh..opq", DIRECTORY), ("d/a", b"1")), {"d/a": 1}),
    "what aufs moved aside": (
        tar((".wh..wh.aufs", b""), (".wh..wh.plnk", DIRECTORY), MOVED, ("usr/bin", DIRECTORY),
            link("usr/bin/a", MOVED[0], hard=True), link("usr/bin/b", "./" + MOVED[0], hard=True)),
        {"usr/bin/a": 7000, "usr/bin/b": 7000},
    ),
    "aufs' own names": (tar((".wh..wh.orph", DIRECTORY), ("t/.wh..wh.foo", b""), ("t/a", b"1")), {"t/a": 1}),
    "hard link with a slash": (tar(("a", b"1"), link("b", "/a", hard=True)), {"a": 1, "b": 1}),
    "owner below 0": (tar(member("f", b"1", pax_headers={"uid": "-3"})), {"f": 1}),
}  # fmt: skip
REFUSED = {
    "path twice": tar(("a", b"1"), ("./a", b"2")),
    "directory twice": tar(("d", DIRECTORY), ("d", DIRECTORY)),
    "link to what aufs moved aside, before it": tar(link("a", MOVED[0], hard=True), MOVED),
    "contiguous file": tar(member("f", b"1", type=tarfile.CONTTYPE)),
    "less than a header": bytes(100),
    "an attribute whose name is too long": tar(member("f", b"1", pax_headers={"SCHILY.xattr.user." + "n" * 251: "1"})),
    "an attribute whose name has no end": tar(member("f", b"1", pax_headers={"SCHILY.xattr.user.": "1"})),
    "an attribute of more than 64 KiB": tar(member("f", b"1", pax_headers={"SCHILY.xattr.user.a": "x" * 65537})),
}
CAPABILITY = b"\x01\0\0\x02\x80\x20\0\0" + bytes(12)  # cap_setuid, cap_net_raw: bytes that are no UTF-8


def attributes(**values):
    """The pax records of extended attributes; ``user_note`` stands for ``user.note``."""
    return {f"SCHILY.xattr.{name.replace('_', '.')}": os.fsdecode(value) for name, value in values.items()}


ATTRIBUTES = tar(
    member("ping", b"1" * 5000, uid=7, mode=0o4755, pax_headers=attributes(security_capability=CAPABILITY)),
    member("noted", b"1", pax_headers=attributes(user_note=b"x", trusted_note=b"y" * 3000, security_note=b"z")),
    member("classless", b"1", pax_headers=attributes(note=b"x", other_note=b"x")),
    member("empty", b"1", pax_headers=attributes(user_note=b"")),
    member("foreign", b"1", pax_headers={"LIBARCHIVE.xattr.user.note": "eA", "comment": "x"}),
    member("folder", DIRECTORY, pax_headers=attributes(user_note=b"x")),
    member("way", type=tarfile.SYMTYPE, linkname="ping", pax_headers=attributes(user_note=b"x", trusted_note=b"y")),
    member("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, pax_headers=attributes(user_note=b"x")),
)
SET = {
    "ping": {"security.capability": CAPABILITY},
    "noted": {"user.note": b"x", "trusted.note": b"y" * 3000, "security.note": b"z"},
    "classless": {},
    "empty": {},
    "foreign": {},
    "folder": {"user.note": b"x"},
    "way": {"trusted.note": b"y"},
    "dev/null": {},
}
PACKED = {  # how it was packed, and what Docker takes since when
    "gzip": gzip.compress,
    "gzip in two members": lambda raw: gzip.compress(raw[:700]) + gzip.compress(raw[700:]),
    "bzip2": bz2.compress,
    "bzip2 in two streams": lambda raw: bz2.compress(raw[:700]) + bz2.compress(raw[700:]),
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "zstd behind a frame to be skipped": lambda raw: SKIPPED + zstandard.compress(raw),
    "zstd before one": lambda raw: zstandard.compress(raw) + SKIPPED,
    "zstd around one": lambda raw: zstandard.compress(raw[:700]) + SKIPPED + zstandard.compress(raw[700:]),
}


def read(parts, tmp_path):
    (image,) = read_images(written(tmp_path / "a.tar", as_tar(parts)))
    return image


def shown(image):
    """The files that a container of the image sees, without BASE's."""
    engine = Engine(lambda driver, options: DRIVERS["overlay2"](), DaemonConfig("overlay2"))
    load(engine, image)
    with engine.running("base:1", "box") as mount:
        return {
            path[1:]: inode.size
            for path, inode in mount.files()
            if inode.kind == "file" and path.split("/")[1] not in ("etc", "dev", "proc", "sys", ".dockerenv")
        }


@pytest.mark.parametrize(("raw", "files"), TAKEN.values(), ids=TAKEN)
def test_what_docker_takes(raw, files, tmp_path):
    image = read(docker([BASE, raw]), tmp_path)
    assert shown(image) == files
    assert image.layers[1].diff.digest == f"sha256:{sha256(raw)}"


@pytest.mark.parametrize("driver", DRIVERS)
def test_extended_attributes(driver, tmp_path):
    """As createTarFile sets them, on every driver, and as the last test has seen a daemon do it."""
    engine = Engine(lambda name, options: DRIVERS[driver](), DaemonConfig(driver))
    load(engine, read(docker([BASE, ATTRIBUTES]), tmp_path))
    with engine.running("base:1", "box") as mount:
        for name, wanted in SET.items():
            names = mount.listxattr(f"/{name}", follow=False)
            found = {each: os.fsencode(mount.getxattr(f"/{name}", each, follow=False)) for each in names}
            assert found == wanted, name


def test_a_global_header_says_nothing_about_a_member(tmp_path):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", pax_headers=attributes(user_all=b"x")) as archive:
        info, content = member("f", b"1", pax_headers=attributes(user_own=b"y"))
        archive.addfile(info, io.BytesIO(content))
    (entry,) = read(docker([BASE, raw.getvalue()]), tmp_path).layers[1].diff.entries
    assert entry.xattrs == {"user.own": "y"}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_what_docker_refuses(raw, tmp_path):
    with pytest.raises(InvalidInput):
        read(docker([BASE, raw]), tmp_path)


@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)
def test_compressions_of_layers(pack, tmp_path):
    """And of the whole archive."""
    parts = docker([BASE, TWO])
    packed = {**parts, f"{sha256(TWO)[:12]}/layer.tar": pack(TWO)}
    assert shown(read(packed, tmp_path)) == {"a": 1, "b": 3000}
    (image,) = read_images(written(tmp_path / "b.tar", pack(as_tar(parts))))
    assert image.id == read(parts, tmp_path).id


def test_a_file_that_aufs_moved_aside_is_stored_once(tmp_path):
    image = read(docker([BASE, TAKEN["what aufs moved aside"][0]]), tmp_path)
    assert image.layers[1].diff.tar_size == 7000


@pytest.mark.parametrize("depth", [1, 2])
def test_a_name_on_an_outer_index(depth, tmp_path):
    """It is the name of the images in it that have none."""
    parts = oci([BASE], tag="inner:1")
    inner = parts.pop("index.json").replace(b"org.opencontainers.image.ref.name", b"other")
    inner = inner.replace(b"io.containerd.image.name", b"another")
    kind = "application/vnd.oci.image.index.v1+json"
    for number in range(depth):
        name = ', "annotations": {"io.containerd.image.name": "outer:1"}' if number == depth - 1 else ""
        parts[f"blobs/sha256/{sha256(inner)}"] = inner
        row = f'{{"mediaType": "{kind}", "digest": "sha256:{sha256(inner)}", "size": {len(inner)}{name}}}'
        inner = f'{{"schemaVersion": 2, "manifests": [{row}]}}'.encode()
    assert read({**parts, "index.json": inner}, tmp_path).names == ("outer:1",)
    own = oci([BASE], tag="inner:1")
    assert read(own, tmp_path).names == ("inner:1",)


def test_a_daemon_says_the_same(tmp_path):
    """Every layer above, with `docker load`; of what it took, the files that `docker export` gives."""
    with daemon("overlay2") as asked:
        for name, raw, files in [*((name, *case) for name, case in TAKEN.items()),
                                 *((name, raw, None) for name, raw in REFUSED.items())]:  # fmt: skip
            archive = written(tmp_path / "a.tar", as_tar(docker([BASE, raw])))
            try:
                asked("load", "-q", "-i", archive)
            except RuntimeError:
                assert files is None, name
                continue
            assert files is not None, name
            box = asked("create", "base:1", "x").strip()
            command = ["docker", "-H", asked.url, "export", box]
            out = subprocess.run(command, capture_output=True, check=True).stdout
            with tarfile.open(fileobj=io.BytesIO(out)) as exported:
                found = {
                    each.name: exported.getmember(each.linkname).size if each.islnk() else each.size
                    for each in exported
                    if not each.isdir() and each.name.split("/")[0] not in ("etc", "dev", "proc", "sys", ".dockerenv")
                }
            assert {path: size for path, size in found.items() if not path.startswith(".wh.")} == files, name
            asked("rm", box)
            asked("rmi", "base:1")
        asked("load", "-q", "-i", written(tmp_path / "a.tar", as_tar(docker([BASE, ATTRIBUTES]))))
        top = asked("inspect", "--format={{.GraphDriver.Data.UpperDir}}", "base:1").strip()
        for name, wanted in SET.items():
            path = os.path.join(top, name)
            names = os.listxattr(path, follow_symlinks=False)
            assert {each: os.getxattr(path, each, follow_symlinks=False) for each in names} == wanted, name
