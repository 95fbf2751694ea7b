"""Layers as they travel: names, sizes, the archive and the ids that are made from it."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.drivers.diff import Change, Diff, Entry, chain_id, diff_id, tar_bytes
from snapsim.files.mounts.marks import hidden, whiteout

LETTERS = {
    "A": "559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd",
    "B": "df7e70e5021544f4834bbee64a9e3789febc4be81470df629cad6ddb03320a5c",
    "C": "6b23c0d5f35d1b11f9b683f0b0a617355deb11277d91ae091d399c655b87940d",
}


def test_chain_id():
    """ChainID of one is its DiffID; of two SHA-256("sha256:A sha256:B"), of three SHA-256("chain2 sha256:C")."""
    ids = [f"sha256:{digest}" for digest in LETTERS.values()]
    assert [hashlib.sha256(letter.encode()).hexdigest() for letter in LETTERS] == list(LETTERS.values())
    assert chain_id(ids[:1]) == ids[0]
    assert chain_id(ids[:2]) == "sha256:ac8b22cdada705e17d1f88efc2e0c626641566d29fd8d3b99ca5eee913782d01"
    assert chain_id(ids) == "sha256:328be8fe76954e2f466f05ea4eedba2c62ea0e0d4a9a43f54db2bcc660e284e0"
    assert chain_id(ids[::-1]) != chain_id(ids)


def test_no_layers_no_chain():
    with pytest.raises(InvalidInput, match="no layers"):
        chain_id([])


def test_change_prints_as_docker_diff():
    assert [str(Change(*pair)) for pair in (("A", "/a"), ("C", "/etc"), ("D", "/x y"))] == ["A /a", "C /etc", "D /x y"]


@pytest.mark.parametrize("path", ["/f", "/a/b/c", "/.wh", "/a.wh.b/c"])
def test_whiteout_names_go_back_and_forth(path):
    assert hidden(whiteout(path)) == path
    assert hidden(path) is None


def test_reserved_names_are_no_whiteouts():
    assert hidden("/d/.wh..wh..opq") is None
    assert hidden("/d/.wh..wh.plnk") is None


FULL = Diff(
    (
        Entry("/d", "directory", 0o700, uid=1, gid=2, mtime=7),
        Entry("/d/f", mode=0o4755, mtime=8, content=b"x" * 513),
        Entry("/d/g", link="/d/f"),
        Entry("/d/l", "symlink", target="f"),
        Entry("/d/t", "device", rdev=(1, 3)),
        Entry("/" + "n" * 150, content=b"a name longer than a plain header holds"),
        Entry(whiteout("/gone"), mode=0),
    )
)


def test_the_archive_is_a_tar():
    """What Python's own reader finds in it: kinds, names without the first slash, owners, sizes, bytes."""
    with tarfile.open(fileobj=io.BytesIO(tar_bytes(FULL.entries))) as archive:
        members = archive.getmembers()
        assert [m.name for m in members] == ["d", "d/f", "d/g", "d/l", "d/t", "n" * 150, ".wh.gone"]
        assert [(m.isdir(), m.isreg(), m.islnk(), m.issym(), m.ischr()).index(True) for m in members] == [
            0,
            1,
            2,
            3,
            4,
            1,
            1,
        ]
        directory, file, second, link, device = members[:5]
        assert (directory.mode, directory.uid, directory.gid, directory.mtime) == (0o700, 1, 2, 7)
        assert (file.mode, file.size, archive.extractfile(file).read()) == (0o4755, 513, b"x" * 513)
        assert (second.linkname, second.size, link.linkname) == ("d/f", 0, "f")
        assert (device.devmajor, device.devminor) == (1, 3)


def test_length_of_the_archive():
    """One file of 513 bytes: header 512, content 2 * 512, end 2 * 512."""
    assert len(tar_bytes([Entry("/f", content=b"x" * 513)])) == 5 * 512


def test_diff_id_is_of_the_archive_and_repeats():
    assert diff_id(FULL) == "sha256:" + hashlib.sha256(tar_bytes(FULL.entries)).hexdigest()
    assert diff_id(Diff(FULL.entries[:-1])) != diff_id(FULL)
    assert diff_id(Diff()) == "sha256:" + hashlib.sha256(bytes(1024)).hexdigest()


def test_no_diff_id_without_real_bytes():
    """Stamps say which blocks are equal, not what is in them; an empty file needs no bytes."""
    assert diff_id(Diff((Entry("/f", size=4096, stamps=np.array([1], np.uint64)),))) is None
    assert diff_id(Diff((Entry("/f"),))) is not None


def test_sizes_of_links():
    """14 symbolic links of 7 bytes: 98 in a container's size, 0 in the tar headers; a second name is 0 in both.

    So is the second name of a symbolic link: moby counts each inode once.
    """
    links = tuple(Entry(f"/bin/{number:02d}", "symlink", target="busybox") for number in range(14))
    diff = Diff(
        (
            *links,
            Entry("/bin/busybox", size=1_982_256),
            Entry("/bin/sh", size=1_982_256, link="/bin/busybox"),
            Entry("/bin/vi", "symlink", target="busybox", link="/bin/00"),
        )
    )
    assert diff.tar_size == 1_982_256
    assert diff.apparent_size == 1_982_256 + 98


@pytest.mark.parametrize("path", ["etc/motd", "", "/a/../b", "/a/./b", "/a\0b"])
def test_paths_that_climb_are_refused(path):
    with pytest.raises(InvalidInput, match="no path of a layer"):
        Entry(path)
    with pytest.raises(InvalidInput, match="no path of a layer"):
        Entry("/f", link=path)


def test_unknown_kinds_are_refused():
    with pytest.raises(InvalidInput, match="socket"):
        Entry("/s", "socket")


def test_defaults_of_an_entry():
    kinds = ("file", "directory", "symlink", "device")
    assert [Entry("/x", kind).mode for kind in kinds] == [0o644, 0o755, 0o777, 0o644]
    assert (Entry("/x").size, Entry("/x", content=b"abc").size, Entry("/x", size=9).size) == (0, 3, 9)
