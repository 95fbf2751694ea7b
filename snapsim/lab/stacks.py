"""The stacks: a storage driver, what lies below it, and which measurement and capture there is of the same combination.

Each is one line; its name is that of the measurements and of the command line.

What it leaves out: combinations that nobody runs (aufs on btrfs, devicemapper's loop files on anything but a
sparse file).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from snapsim.base.units import format_size
from snapsim.drivers.driver import Driver
from snapsim.drivers.graphdrivers import DRIVERS


class Assumed(NamedTuple):
    """What is assumed of a host where nothing was measured.

    Attributes
    ----------
    disk_bytes : int, optional
        Size of the disk; that of the driver when left out: 64 GiB, and 100 GiB for devicemapper.
    notes : bool
        Whether Docker's own files lie beside the layers of overlay2.
    fsync_ms : float, optional
        Milliseconds from a write with an fsync to the next; an SSD's when left out.
    """

    disk_bytes: int | None = None
    notes: bool = True
    fsync_ms: float | None = None

    @property
    def words(self) -> str:
        """The assumptions as a phrase.

        Examples
        --------
        >>> Assumed().words
        "a disk of 64 GiB (devicemapper: 100 GiB), Docker's own notes beside the layers, the pace of an SSD"
        >>> Assumed(2 << 30, notes=False, fsync_ms=4.5).words
        'a disk of 2 GiB, no notes of Docker, 4.5 ms from an fsync to the next'
        """
        size = "64 GiB (devicemapper: 100 GiB)" if self.disk_bytes is None else format_size(self.disk_bytes)
        notes = "Docker's own notes beside the layers" if self.notes else "no notes of Docker"
        pace = "the pace of an SSD" if self.fsync_ms is None else f"{self.fsync_ms:g} ms from an fsync to the next"
        return f"a disk of {size}, {notes}, {pace}"


USUAL = Assumed()


@dataclass(frozen=True)
class Stack:
    """A storage driver and what lies below it.

    Attributes
    ----------
    name : str
        As the command line and the measurements call it.
    driver : str
        As Docker calls it; "none" where there is none.
    below : str
        What lies below it, in words.
    make : callable
        Makes a fresh `Driver` on devices of its own.
    options : mapping
        The arguments with which `make` calls the driver, unless the caller gives others.
    measured : str
        The file of measurements of the same stack, "" where there is none.
    captured : str
        The shipped capture of a real daemon with this driver, "" where there is none.
    """

    name: str
    driver: str
    below: str
    make: Callable[..., Driver]
    measured: str = ""
    captured: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def on(self, assumed: "Assumed") -> Driver:
        """A fresh driver on the disk that is assumed.

        Examples
        --------
        >>> STACKS["overlay2-ext4"].on(Assumed(disk_bytes=2 << 30)).devices[0].size * 4096 >> 30
        2
        """
        options: dict[str, Any] = {}
        if assumed.disk_bytes is not None:  # the loop files of devicemapper have sizes of their own
            options["disk_bytes" if self.driver == "devicemapper" else "device_bytes"] = assumed.disk_bytes
        if self.driver == "overlay2":
            options["notes"] = assumed.notes
        return self.make(**options)


def _maker(kind: Callable[..., Driver], options: dict[str, Any]) -> Callable[..., Driver]:
    return partial(kind, **options)


def _stack(
    name: str, driver: str, below: str, captured: str = "", measured: str | None = None, **options: Any
) -> Stack:
    make = _maker(DRIVERS[driver], options)
    return Stack(name, driver, below, make, name if measured is None else measured, captured, options)


STACKS: dict[str, Stack] = {
    stack.name: stack
    for stack in (
        _stack("overlay2-ext4", "overlay2", "ext4", "overlay2", fs="ext4"),
        _stack("overlay2-ext4-metacopy", "overlay2", "ext4, metacopy=on", fs="ext4", metacopy=True),
        _stack("overlay2-xfs", "overlay2", "xfs", "overlay2-xfs", fs="xfs"),
        _stack("overlay2-xfs-noreflink", "overlay2", "xfs without reflink", fs="xfs-noreflink"),
        _stack("fuse-overlayfs", "fuse-overlayfs", "ext4", "fuse-overlayfs", "", fs="ext4"),
        _stack("aufs-ext4", "aufs", "ext4", "aufs", fs="ext4"),
        _stack("vfs-ext4", "vfs", "ext4", "vfs", fs="ext4"),
        _stack("vfs-xfs", "vfs", "xfs (clones)", "vfs-xfs", "xfs-reflink", fs="xfs"),
        _stack("devicemapper-loop-lvm", "devicemapper", "xfs on dm-thin, 64 KiB blocks", "devicemapper", "dm-thin"),
        _stack(
            "devicemapper-direct-lvm",
            "devicemapper",
            "xfs on dm-thin, 512 KiB blocks",
            "devicemapper-direct-lvm",
            "dm-thin",
            options={"dm.directlvm_device": "/dev/vdb"},
        ),
        _stack("btrfs", "btrfs", "btrfs", "btrfs"),
        _stack("zfs", "zfs", "zfs, 128 KiB records", "zfs"),
        _stack("xfs-reflink", "vfs", "xfs; cp --reflink is the snapshot", fs="xfs"),
        _stack("ext4-plain", "plain", "ext4, in place: the ideal", fs="ext4"),
    )
}

FIRST = {stack.driver: stack for stack in reversed(STACKS.values())}
"""The first stack of each driver: what a driver stands on where nothing else is said."""
