"""Sequences of calls on the kernel's file systems and unions, and on the model of them: every errno, every tree.

The corpus (tests/data/differential.jsonl) holds what was found once, with what the kernel of Linux 6.18 answered, so
that the model is held against it everywhere; where the kernel can be asked (root, loop devices, overlayfs), it is asked
anew, and with some hundred sequences that nobody has seen.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from differential import calls
from differential.comparison import Kernel, compare, difference, predicted
from differential.search import kind, reduced, search
from places import DATA

CORPUS = [json.loads(line) for line in (DATA / "differential.jsonl").read_text().splitlines()]
TOOLS = ("mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "losetup")


def missing():
    """Why the kernel cannot be asked here, or nothing."""
    if os.geteuid():
        return "only root may mount"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if not Path("/dev/loop-control").exists() or "overlay" not in Path("/proc/filesystems").read_text():
        return "no loop devices, or no overlayfs in this kernel"
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 15):
        return f"Linux {os.uname().release} orders some errors in another way than 6.18"
    return ""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    if missing():
        pytest.skip(f"the kernel is not asked: {missing()}")
    found = Kernel(str(tmp_path_factory.mktemp("images")))
    yield found
    found.close()


@pytest.mark.parametrize("line", CORPUS, ids=[line["why"] for line in CORPUS])
def test_the_model_answers_as_the_kernel_did(line):
    mine = predicted(line["stack"], line["layers"], line["calls"])
    assert difference(line["kernel"], mine, line["calls"]) is None


def test_the_kernel_still_answers_so(kernel):
    for line in CORPUS:
        assert (
            difference(kernel.run(line["stack"], line["layers"], line["calls"]), line["kernel"], line["calls"]) is None
        )


@pytest.mark.parametrize("how", ["closed", "killed", "killed in a sequence"])
def test_no_loop_device_is_left(how, tmp_path):
    """The kernel takes loop devices and mounts back with the process, whenever that ends."""
    if missing():
        pytest.skip(f"the kernel is not asked: {missing()}")
    found = Kernel(str(tmp_path))
    for stack in ("ext4", "overlay-xfs", "btrfs"):
        found.run(stack, [[]], [["mkdir", "/d"], ["open", 0, "/d/f", ["O_RDWR", "O_CREAT"]]])
    assert loop_devices(tmp_path) == 3
    if how == "killed in a sequence":
        long = {"stack": "overlay", "layers": [[]], "calls": [["mkdir", "/d"]] + [["sync"]] * 2000}
        found.process.stdin.write(json.dumps(long) + "\n")
        found.process.stdin.flush()
    if how != "closed":
        found.process.kill()
    found.close()
    until = time.monotonic() + 20
    while loop_devices(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)  # the kernel needs a moment after a kill
    assert loop_devices(tmp_path) == 0


def loop_devices(directory):
    """How many there are over files of a directory."""
    told = subprocess.run(["losetup", "--list", "--noheadings"], capture_output=True, text=True, check=True).stdout
    return told.count(str(directory))


@pytest.mark.parametrize(("stacks", "count"), [(calls.UNIONS, 240), (calls.PLAIN, 120)], ids=["unions", "plain"])
def test_sequences_that_nobody_has_seen(kernel, stacks, count):
    done, found = search(kernel, count, stacks, int.from_bytes(os.urandom(4)))
    lines = []
    for _, case, _ in found.values():
        stack, layers, steps = reduced(kernel, case)
        said = compare(kernel, (stack, layers, steps))
        lines.append(f"{said}\n{json.dumps({'why': '', 'stack': stack, 'layers': layers, 'calls': steps})}")
    assert done >= count
    assert not found, "into the corpus, when it is mended:\n" + "\n".join(lines)


def test_a_difference_is_found_and_made_small(kernel, monkeypatch):
    """A model that forgets whiteouts: 40 sequences show it, and few calls are left of the one that shows it."""
    from snapsim.files.mounts.overlayfs import OverlayTree

    monkeypatch.setattr(OverlayTree, "_cover", lambda self, directory, name: None)
    _, found = search(kernel, 40, ("overlay",), 1)
    stack, layers, steps = reduced(kernel, min((case for _, case, _ in found.values()), key=lambda case: len(case[2])))
    assert kind(compare(kernel, (stack, layers, steps)))
    assert len(steps) + sum(map(len, layers)) <= 4
