"""What a stack does with a byte, as small probes on its simulated driver show it: the rules of `what_if`.

No driver is asked for by name: each is given one image of two files of 1 MiB and two containers, and what it
allocates, copies and caches then is looked up in its books. A driver that a student adds has its traits from the start.

>>> from snapsim.lab.stacks import STACKS
>>> traits(STACKS["overlay2-ext4"])
Traits(copies_trees=False, holds_whole=True, caches_once=True, unit=4096)
>>> traits(STACKS["devicemapper-loop-lvm"])
Traits(copies_trees=False, holds_whole=False, caches_once=False, unit=65536)
>>> first_write(STACKS["overlay2-ext4"], 1 << 20), first_write(STACKS["btrfs"], 1 << 20)
(FirstWrite(read=1048576, written=1052672), FirstWrite(read=4096, written=4096))

What it leaves out: metadata, and drivers that would treat one file unlike another of its size.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB, MiB
from snapsim.block.device import counting
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.driver import Driver
from snapsim.lab.stacks import Stack

LARGEST_FILE = 16 * GiB
_PROBE = MiB


@dataclass(frozen=True)
class Traits:
    """What decides about space and memory.

    Attributes
    ----------
    copies_trees : bool
        Each layer is a copy of all that lies below it.
    holds_whole : bool
        A container holds the whole of each file that it changes, be it one byte or the mode.
    caches_once : bool
        Containers that read a file of their image share its pages.
    unit : int
        Bytes of a place, the least that is allocated: a block, or a block of the thin pool.
    """

    copies_trees: bool
    holds_whole: bool
    caches_once: bool
    unit: int


class FirstWrite(NamedTuple):
    """Bytes that the first write of one byte to a file of the image reads, and writes with the byte's own block."""

    read: int
    written: int


@cache
def traits(stack: Stack) -> Traits:
    """The traits of a stack, found out by probes."""
    driver = _with_image(stack, _PROBE)
    before = driver.space()
    driver.create("layer", "image")
    driver.sync()
    copied = driver.space() - before
    driver.create_read_write("reader", "layer")
    driver.create_read_write("writer", "layer")
    driver.sync()
    return Traits(copied == 2 * _PROBE, _holds_whole(driver), _caches_once(driver), driver.place_size)


def _with_image(stack: Stack, size: int) -> Driver:
    driver = stack.make()
    driver.create("image")
    try:
        driver.apply_diff("image", None, Diff((Entry("/f", size=size), Entry("/g", size=min(size, _PROBE)))))
    except OSError as error:
        raise InvalidInput(f"a file of {size} bytes has no room on {stack.name}: {error.strerror}") from None
    driver.sync()
    driver.drop_caches()
    return driver


def _holds_whole(driver: Driver) -> bool:
    """One byte of one file, the mode of another: does each then take the whole file's room?"""
    grown = [driver.space()]
    with driver.mounted("writer") as mount:
        mount.write("/f", 0, 1)
        driver.sync()
        grown.append(driver.space())
        mount.chmod("/g", 0o600)
        driver.sync()
        grown.append(driver.space())
    return grown[1] - grown[0] == grown[2] - grown[1] == _PROBE


def _caches_once(driver: Driver) -> bool:
    driver.create_read_write("another", "layer")
    driver.sync()
    driver.drop_caches()
    with driver.mounted("reader") as one, driver.mounted("another") as two:
        one.read("/f")
        alone = driver.page_cache_bytes()
        two.read("/f")
        return driver.page_cache_bytes() == alone


@cache
def first_write(stack: Stack, size: int) -> FirstWrite:
    """What the first write of one byte in the middle of a file of `size` bytes costs a container, without metadata.

    Raises
    ------
    InvalidInput
        No such file can be: from 1 byte to 16 GiB.
    """
    if not 1 <= size <= LARGEST_FILE:
        raise InvalidInput(f"a file of {size} bytes is not allowed: from 1 byte to 16 GiB")
    driver = _with_image(stack, size)
    driver.create_read_write("writer", "image")
    driver.sync()
    driver.drop_caches()
    with driver.mounted("writer") as mount, counting(*driver.devices) as bill:
        mount.write("/f", size // 2, 1)
        driver.sync()
    counts = bill.counts
    written = sum(counts.bytes("write", purpose) for purpose in ("copy", "data", "zero"))
    return FirstWrite(counts.bytes("read", "copy") + counts.bytes("read", "data"), written)
