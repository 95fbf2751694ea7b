"""vfs against what was measured on Linux 6.18 (snapsim/data/measured), in figures that can be had by hand."""

import pytest
import rows

from snapsim.block.device import counting
from snapsim.drivers.graphdrivers import Vfs


@pytest.mark.parametrize("layers", [8, 32])
def test_space_of_an_image_on_vfs(layers):
    """Blocks of all files, each copied into each later layer, and one block for each directory: df's figure exactly.

    8 layers: 125 * (1 + 2 + ... + 8) = 4500 files, 8 roots and 1 + 2 + ... + 8 = 36 directories: 4544 blocks.
    (1000 names in one directory, the row with one layer, take more than a block.)
    """
    (row,) = (row for name, row in rows.figures("vfs-ext4") if name == f"l-build-image-{layers}-1000-4")
    played = rows.replay("vfs-ext4", row)
    directories = layers + layers * (layers + 1) // 2
    assert played.space + 4096 * directories == row["figures"]["space_delta"]
    assert played.counts.bytes("write", "data") == 1000 * 4096
    assert played.moved("read") == 0  # what is copied is still in the page cache


def test_a_copy_is_read_once_and_written_once():
    """l-make-snapshot-big: 256 MiB cold; measured 268,464,128 read and 268,550,144 written."""
    driver = Vfs()
    driver.create("layer0")
    with driver.mounted("layer0") as mount:
        mount.write("/f", 0, 256 << 20)
    driver.sync()
    driver.drop_caches()
    with counting(*driver.devices) as io:
        driver.create("s0", "layer0")
        driver.sync()
    ((_, row),) = (found for found in rows.figures("vfs-ext4") if found[0].startswith("l-make-snapshot-big"))
    for operation, key in (("read", "bytes_read"), ("write", "bytes_written")):
        assert io.counts.bytes(operation, "copy") == 256 << 20
        assert io.counts.bytes(operation, "data") == 0
        assert row["figures"][key] - (256 << 20) < 128 * 1024
