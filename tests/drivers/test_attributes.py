"""Extended attributes and nodes through drivers: layers as archives, and what a diff says."""

import tarfile
from io import BytesIO

import pytest

from snapsim.drivers.diff import Diff, Entry, tar_bytes
from snapsim.drivers.graphdrivers import DRIVERS

CAPABILITY = "\x01\x00\x00\x02\x00\x20" + 14 * "\x00"
NAMES = [name for name in DRIVERS if name not in ("plain",)]


def test_an_archive_carries_attributes_as_pax_records():
    """Any tar reads them back, bytes that are no text too; a second name has none."""
    binary = CAPABILITY + "\udcff"
    entries = [
        Entry("/f", xattrs={"user.note": "ü", "security.capability": binary}),
        Entry("/g", link="/f"),
    ]
    with tarfile.open(fileobj=BytesIO(tar_bytes(entries))) as archive:
        first, second = archive.getmembers()
    assert first.pax_headers["SCHILY.xattr.user.note"] == "ü"
    assert first.pax_headers["SCHILY.xattr.security.capability"] == binary
    assert not second.pax_headers


@pytest.mark.parametrize("name", NAMES)
def test_a_capability_travels_and_other_attributes_stay(name):
    """As moby's archives: setcap in one layer is seen by who unpacks it; user.note is not."""
    driver = DRIVERS[name]()
    driver.create("base")
    driver.apply_diff("base", None, Diff((Entry("/ping", size=4096), Entry("/note", size=1))))
    driver.create_read_write("box", "base")
    with driver.mounted("box") as mount:
        mount.setxattr("/ping", "security.capability", CAPABILITY)
        mount.setxattr("/note", "user.note", "1")
        mount.mknod("/fifo", 0o600, kind="fifo")
        mount.mknod("/sda", 0o600, (8, 0), "block")
        mount.mknod("/socket", kind="socket")
    diff = driver.diff("box", "base")
    entries = {entry.path: entry for entry in diff.entries}
    assert entries["/ping"].xattrs == {"security.capability": CAPABILITY}
    assert (entries["/fifo"].kind, entries["/sda"].rdev) == ("fifo", (8, 0))
    assert "/socket" not in entries
    assert "C /ping" in [str(change) for change in driver.changes("box", "base")]
    driver.create("copy", "base")
    driver.apply_diff("copy", "base", diff)
    with driver.mounted("copy") as mount:
        assert mount.getxattr("/ping", "security.capability") == CAPABILITY
        assert mount.listxattr("/note") == []
        assert (mount.stat("/fifo").kind, mount.stat("/sda").kind) == ("fifo", "block")
