"""Archives of images that are damaged, hostile or not what they say: one line that names archive and member."""

import gzip
import io
import json
import os
import struct
import sys
import tarfile

import pytest
from images import DIRECTORY, as_folder, as_tar, config, docker, link, member, oci, sha256, tar, written

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.images.archive import read_images
from snapsim.images.archives.limits import Limits
from snapsim.images.archives.stream import Stream

BASE = tar(("etc", DIRECTORY), ("etc/motd", b"hello"))
UPPER = tar(("etc/.wh.motd", b""), ("var/log", b"y" * 10))


def refused(path, **limits):
    """One line that names the archive."""
    with pytest.raises(InvalidInput) as error:
        read_images(str(path), Limits(**limits))
    line = str(error.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line.removeprefix(str(path))


def changed(raw, at, new):
    return raw[:at] + new + raw[at + len(new) :]


def gnu_sparse(offset, size, real):
    """A header of type S whose one part, of no bytes more than that, lies at `offset` in a file of `real` bytes."""
    header = bytearray(tar(("s", b"x" * size), format=tarfile.GNU_FORMAT)[:512])
    header[156:157] = b"S"
    for at, value in ((386, offset), (398, size), (483, real)):
        header[at : at + 12] = b"\x80" + struct.pack(">3xQ", value)
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * 32)
    return bytes(header) + b"x" * size + bytes(-size % 512) + bytes(1024)


LAYERS = {  # a layer: what is said of it, and in which member
    "climbs": (tar(("../f", b"1")), '"../f" climbs out of the tree'),
    "climbs in the middle": (tar(("a/../../f", b"1")), '"a/../../f" climbs'),
    "whiteout that climbs": (tar(("a/.wh...", b"")), '"a/.wh...": no whiteout'),
    "whiteout of nothing": (tar((".wh.", b"")), '".wh.": no whiteout'),
    "whiteout with names in it": (tar((".wh.d/f", b"")), '".wh.d/f": no whiteout'),
    "below a symbolic link": (tar(link("a", "../../etc"), ("a/passwd", b"1")), '"/a" above it is a symlink in this'),
    "below a link to /": (tar(link("a", "/"), ("a/etc/f", b"1")), '"a/etc/f": "/a" above it is a symlink'),
    "below a file": (tar(("a", b"1"), ("a/f", b"1")), '"a/f": "/a" above it is a file'),
    "hard link that climbs": (tar(link("f", "../../etc/shadow", hard=True)), '"f": "../../etc/shadow" climbs'),
    "hard link to nothing": (tar(link("f", "g", hard=True)), '"f": a hard link to "g": a file before it'),
    "hard link to itself": (tar(link("f", "f", hard=True)), '"f": a hard link to "f"'),
    "hard link to what aufs moved aside": (
        tar(link("f", ".wh..wh.plnk/5.1", hard=True)),
        "a file before it is allowed",
    ),
    "hard link to a directory": (tar(("d", DIRECTORY), link("f", "d", hard=True)), '"f": a hard link to "d"'),
    "file over directory": (tar(("d", DIRECTORY), ("/d", b"1")), '"/d": a directory and a file of one name'),
    "path twice": (tar(("f", b"1"), ("f", b"2")), '"f": stands twice in one layer'),
    "path twice, otherwise": (tar(("f", b"1"), ("x/.././f", b"2")), '"x/.././f": stands twice in one layer'),
    "directory twice": (tar(("d", DIRECTORY), ("./d/", DIRECTORY)), '"./d": stands twice in one layer'),
    "root twice": (tar((".", DIRECTORY), ("./", DIRECTORY)), "stands twice in one layer"),
    "whiteout twice": (tar((".wh.f", b""), (".wh.f", b"")), '".wh.f": stands twice in one layer'),
    "contiguous file": (tar(member("f", b"1", type=tarfile.CONTTYPE)), "b'7' is no type of a member"),
    "less than a header": (bytes(100), "no tar archive that can be read"),
    "file below aufs' name": (tar(("d/.wh..wh.plnk/5.1", b"1")), "no whiteout"),
    "symbolic link to nothing": (tar(link("f", "")), '"f": a symbolic link to ""'),
    "too deep": (tar(("d/" * 129 + "f", b"1")), "is 129 directories deep: at most 128"),
    "long part": (tar(("f" * 256, b"1")), "at most 255 bytes a part"),
    "long path": (tar(("/".join(["f" * 200] * 21), b"1")), "4095 in all"),
    "unknown type": (tar(member("f", type=b"Z")), "b'Z' is no type of a member"),
    "time that is none": (tar(member("f", pax_headers={"mtime": "nan"})), '"f": nan as mtime'),
    "time without end": (tar(member("f", pax_headers={"mtime": "1e400"})), '"f": inf as mtime'),
    "truncated": (tar(("f", b"x" * 3000))[:2048], "ends at 2,048, 1,464 bytes too early"),
    "truncated in a header": (tar(("f", b"x"), ("g", b"y"))[:1200], "no tar header at 1,024"),
    "damaged header": (changed(tar(("f", b"x"), ("g", b"y")), 1030, b"!!"), "no tar header at 1,024"),
    "no tar": (b"hello, world" * 100, "no tar archive that can be read, at 512"),
    "header without end": (tar(member("f", pax_headers={"comment": "x" * 300_000})), "a header of 300,"),
    "digits without end": (tar(member("f", pax_headers={"comment": "1" * 9000})), "more than 255 digits in a row"),
    "size below 0": (tar(member("f", pax_headers={"size": "-4096"})), "the member before 1,536 has no sensible size"),
    "sparse map out of the file": (gnu_sparse(1 << 40, 512, 600), "a sparse map up to"),
    "sparse map without data": (gnu_sparse(0, 512, 600)[:700], "ends at 700"),
}


@pytest.mark.parametrize(("raw", "said"), LAYERS.values(), ids=LAYERS)
def test_bad_layers(raw, said, tmp_path):
    line = refused(written(tmp_path / "a.tar", as_tar(docker([raw]))))
    assert line.startswith(f": {sha256(raw)[:12]}/layer.tar: ")
    assert said in line


def without(parts, word):
    return {name: raw for name, raw in parts.items() if word not in name}


def edited(parts, name, old, new):
    assert old in parts[name]
    return {**parts, name: parts[name].replace(old, new)}


def first(parts, word):
    return next(name for name in parts if word in name)


def named(manifest, digest):
    manifest["layers"][0]["digest"] = digest
    return manifest


DOCKER, OCI = docker([BASE, UPPER]), oci([BASE, UPPER])
BLOB = f"blobs/sha256/{sha256(gzip.compress(BASE, mtime=0))}"
CONFIG = f"{sha256(config([BASE, UPPER]))}.json"
ZEROS = "sha256:" + "0" * 64
ARCHIVES = {
    "no manifest": ({"a": b"1"}, ": neither manifest.json nor index.json"),
    "no images": ({"manifest.json": b"[]"}, ": names no image"),
    "manifest is no JSON": ({"manifest.json": b"[{"}, ": manifest.json: not JSON"),
    "manifest is another thing": ({"manifest.json": b'{"a": 1}'}, ": manifest.json: images: an object is not a list"),
    "manifest without layers' names": (
        {"manifest.json": b'[{"Config": "c", "Layers": [1]}]'},
        ": manifest.json: images[0].Layers[0]: 1 is not the name of a part",
    ),
    "layer that climbs": ({"manifest.json": b'[{"Config": "c", "Layers": ["../../etc/shadow"]}]'}, "climbs out of the"),
    "missing layer": (without(DOCKER, f"{sha256(UPPER)[:12]}/"), f"{sha256(UPPER)[:12]}/layer.tar: not in the archive"),
    "missing configuration": (without(DOCKER, CONFIG), f": {CONFIG}: not in the archive"),
    "edited configuration": (edited(DOCKER, CONFIG, b"amd64", b"arm64"), f": {CONFIG}: its digest is sha256:"),
    "edited layer": (
        edited(DOCKER, first(DOCKER, "layer.tar"), b"hello", b"HELLO"),
        "/layer.tar: its DiffID is sha256:",
    ),
    "one DiffID too few": (docker([BASE, UPPER], raw_config=config([BASE])), "1 DiffIDs for 2 layers"),
    "a DiffID that is none": (docker([BASE], raw_config=config([BASE], diff_ids=[{"a": 1}])), "its DiffID is sha256:"),
    "a DiffID that does not print": (
        docker([BASE], raw_config=config([BASE], diff_ids=["sha\u202e256:1"])),
        r'and "sha\u202e256:1" by ',
    ),
    "missing blob": (without(OCI, BLOB), f": {BLOB}: not in the archive"),
    "edited blob": (edited(OCI, BLOB, b"\x1f\x8b\x08\x00\x00", b"\x1f\x8b\x08\x00\x07"), f": {BLOB}: its digest is"),
    "cut blob": ({**OCI, BLOB: OCI[BLOB][:-20]}, f": {BLOB}: "),
    "blob of another size": (
        oci([BASE], manifest=lambda found: found["layers"][0].update(size=7) or found),
        f": {BLOB}: has {len(OCI[BLOB]):,} bytes, and 7 by its descriptor",
    ),
    "digest that climbs": (oci([BASE], manifest=lambda found: named(found, "sha256:../..")), "is not a digest"),
    "digest by a broken hash": (
        oci([BASE], manifest=lambda found: named(found, "md5:" + "0" * 64)),
        "is not a digest: sha256 or sha512",
    ),
    "missing manifest": ({"index.json": json.dumps({"manifests": [{"digest": ZEROS}]}).encode()}, "not in the archive"),
    "index of itself": (
        oci([BASE], index=lambda top, blob: {"manifests": [blob(b"{}", "index.v1+json")]}),
        ": names no image",
    ),
    "bzip2": ({**OCI, BLOB: b"BZh91AY"}, f": {BLOB}: cannot be read: it ends too early"),
    "xz": ({**OCI, BLOB: b"\xfd7zXZ\x00" + b"no xz" * 9}, f": {BLOB}: cannot be read"),
    "gzip that ends too early": ({**OCI, BLOB: gzip.compress(BASE)[:-9]}, f": {BLOB}: cannot be read: it ends too"),
    "zeros behind gzip": ({**OCI, BLOB: gzip.compress(BASE) + bytes(9)}, f": {BLOB}: cannot be read"),
    "no gzip": ({**OCI, BLOB: b"\x1f\x8b" + b"no gzip" * 9}, f": {BLOB}: cannot be read"),
    "no zstd": ({**OCI, BLOB: b"\x28\xb5\x2f\xfd" + b"no zstd" * 9}, f": {BLOB}: cannot be read"),
}


@pytest.mark.parametrize(("parts", "said"), ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize("form", ["tar", "folder"])
def test_bad_archives(parts, said, form, tmp_path):
    path = as_folder(parts, tmp_path) if form == "folder" else written(tmp_path / "a.tar", as_tar(parts))
    if form == "folder":
        said = said.replace("not in the archive", "No such file or directory")
    assert said in refused(path)


def test_one_chain_id_and_two_sizes(tmp_path):
    """Two images that claim one DiffID for layers of other bytes: one of them lies, and its digest shows it."""
    larger = tar(("etc/motd", b"hello, all of you"))
    liar = docker([larger], ("liar:1",), raw_config=config([BASE]))
    honest = docker([BASE])
    manifest = json.loads(honest["manifest.json"]) + json.loads(liar["manifest.json"])
    parts = {**honest, **liar, "manifest.json": json.dumps(manifest).encode()}
    said = f': {sha256(larger)[:12]}/layer.tar: its DiffID is sha256:{sha256(larger)}, and "sha256:{sha256(BASE)[:40]}'
    assert said in refused(written(tmp_path / "a.tar", as_tar(parts)))


def test_bombs(tmp_path):
    """64 MiB of zeros in 64 KB of gzip; 8 EiB in a sparse header; more members, more JSON than allowed."""
    bomb = written(tmp_path / "a.tar", as_tar(docker([tar(("zeros", bytes(64 << 20)))], pack="gzip")))
    assert os.path.getsize(bomb) < 1 << 20
    assert "unpacks to more than the 10 MiB that are allowed" in refused(bomb, unpacked=10 << 20)
    packed = written(tmp_path / "b.tar.gz", gzip.compress(bytes(64 << 20)))
    assert "unpacks to more than the 10 MiB that are allowed" in refused(packed, unpacked=10 << 20)
    sparse = written(tmp_path / "c.tar", as_tar(docker([gnu_sparse(0, 512, (1 << 63) - 1)])))
    assert "unpacks to more than the 32 GiB that are allowed" in refused(sparse)
    many = written(tmp_path / "d.tar", as_tar(docker([tar(*[(f"f{number}", b"") for number in range(101)])])))
    assert "more than the 100 members" in refused(many, members=100)
    long = written(tmp_path / "e.tar", as_tar({"manifest.json": b"[" * 2000}))
    assert "larger than the 1 KiB that are allowed" in refused(long, json=1024)


def test_a_zstd_frame_may_not_ask_for_gigabytes(tmp_path):
    """A window of 2 GiB (descriptor 0xa8: 2 ** 31): refused before any memory is taken."""
    parts = {**OCI, BLOB: b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(20)}
    assert "Frame requires too much memory" in refused(written(tmp_path / "a.tar", as_tar(parts)))


def test_zstd_needs_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    path = written(tmp_path / "a.tar", as_tar(oci([BASE], pack="zstd")))
    assert "zstd compression needs a package more: pip install zstandard" in refused(path)


def test_links_out_of_the_folder_and_the_archive(tmp_path):
    folder = as_folder(DOCKER, tmp_path / "folder")
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("/etc/passwd")
    assert ": manifest.json: a link that leads out of the folder" in refused(folder)
    raw = tar(link("manifest.json", "../../etc/passwd"))
    assert '"manifest.json": "/../../etc/passwd" climbs' in refused(written(tmp_path / "a.tar", raw))
    raw = tar(link("manifest.json", "other"), link("other", "manifest.json"))
    assert ": manifest.json: not in the archive" in refused(written(tmp_path / "b.tar", raw))


def test_what_is_no_file(tmp_path):
    (tmp_path / "manifest.json").mkdir()
    assert ": manifest.json: no file" in refused(tmp_path)
    os.mkfifo(tmp_path / "index.json")
    (tmp_path / "manifest.json").rmdir()
    assert ": index.json: no file" in refused(tmp_path)
    assert "No such file or directory" in refused(tmp_path / "nothing")
    assert "a device or socket" in refused("/dev/null")


def test_what_an_engine_cannot_hold_is_one_line(tmp_path, capsys):
    """vfs follows a link of a layer below, as Docker does there: b is a file, so b/d is none (ENOTDIR)."""
    layers = [tar(("a", DIRECTORY)), tar((".wh.a", b""), ("b", b"1")), tar(link("c", "b/d/e")), tar(("c/f", b"1"))]
    path = written(tmp_path / "a.tar", as_tar(docker(layers)))
    assert main(["why", "--image", path, "--driver", "vfs"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("snapsim: base:1: vfs cannot hold it: ")


def test_commands_say_no_in_one_line(tmp_path, capsys):
    for command in (["image", "nowhere.tar"], ["image", "--most", "x", "a"], ["why", "--image", str(tmp_path)]):
        assert main(command) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n"), err.startswith("snapsim: ")) == ("", 1, True)


def test_a_stream_goes_forwards_only():
    stream = Stream(io.BytesIO(b"0123456789"), "a.tar")
    stream.seek(4)
    assert stream.read(2) == b"45"
    with pytest.raises(InvalidInput, match="leads back to 3"):
        stream.seek(3)
    with pytest.raises(InvalidInput, match=r"ends at 10, 1 bytes too early"):
        list(stream.pieces(5))
