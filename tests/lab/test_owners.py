"""Owners, extended attributes and nodes in a workload: what they cost on drivers, and what is refused."""

import pytest

from snapsim.base.errors import InvalidInput
from snapsim.block.device import counting
from snapsim.drivers.graphdrivers import Btrfs, Overlay2, Vfs
from snapsim.lab.executor import Executor
from snapsim.lab.workload import parse

LAYER = [
    {"path": "app/lib/%d", "size": 65536, "count": 4},
    {"path": "app/run", "size": 4096},
    {"path": "e/x", "size": 1},
]


def played(driver, *ops):
    """The container of a workload after these operations, all on the disk, and what they cost."""
    (workload,) = parse({"id": "w", "layers": [LAYER], "ops": list(ops)})
    run = Executor(driver)
    for op in workload.image_ops():
        run.run(op, "image")
    driver.sync()
    driver.drop_caches()
    with counting(*driver.devices) as io:
        for number, op in enumerate(workload.ops):
            run.run(op, f"ops[{number}]")
        driver.sync()
    return run.mounts["s0"], io.counts


CHOWN = {"op": "chown", "path": "app", "uid": 1000, "gid": 1000, "recursive": True}


def test_chown_of_a_tree_copies_every_file_on_overlay2():
    """4 files of 64 KiB and one of 4 KiB: 266,240 bytes are copied, and the image has them twice."""
    driver = Overlay2()
    mount, counts = played(driver, CHOWN)
    assert counts.bytes("write", "copy") == 4 * 65536 + 4096
    assert {mount.stat(path).uid for path in ("/app", "/app/lib", "/app/lib/3", "/app/run")} == {1000}
    assert mount.stat("/e/x").uid == 0


@pytest.mark.parametrize("driver", [lambda: Overlay2(metacopy=True), Btrfs, Vfs])
def test_chown_of_a_tree_copies_no_data_elsewhere(driver):
    _, counts = played(driver(), CHOWN)
    assert counts.bytes("write", "copy") == counts.bytes("write", "data") == 0


def test_chown_of_one_directory_leaves_what_is_in_it():
    mount, _ = played(Overlay2(), {**CHOWN, "recursive": False})
    assert (mount.stat("/app").uid, mount.stat("/app/run").uid) == (1000, 0)


def test_an_attribute_is_set_and_taken_away():
    name = {"path": "app/run", "attribute": "user.note"}
    mount, _ = played(Overlay2(), {"op": "setxattr", "value": "1", **name}, {"op": "setxattr", "value": "22", **name})
    assert mount.getxattr("/app/run", "user.note") == "22"
    mount, _ = played(Overlay2(), {"op": "setxattr", "value": "1", **name}, {"op": "removexattr", **name})
    assert mount.listxattr("/app/run") == []
    with pytest.raises(InvalidInput, match="removexattr app/run: No data available"):
        played(Overlay2(), {"op": "removexattr", **name})


@pytest.mark.parametrize("kind", ["device", "block", "fifo", "socket", "file"])
def test_nodes_of_all_kinds(kind):
    mount, _ = played(Overlay2(), {"op": "mknod", "path": "n", "kind": kind, "major": 1, "minor": 3})
    found = mount.stat("/n")
    assert (found.kind, found.rdev) == (kind, (1, 3) if kind in ("device", "block") else (0, 0))


def test_a_file_moves_into_any_directory():
    mount, _ = played(
        Overlay2(), {"op": "mv", "path": "app/lib/0", "to": "/e/y"}, {"op": "link", "path": "e/x", "to": "/z"}
    )
    assert (mount.listdir("/e"), mount.listdir("/")) == (["x", "y"], ["app", "e", "z"])
