"""The daemon's configuration, as far as it concerns storage: the keys that `daemon.json` has for it.

Source: moby `daemon/config`, `daemon/graphdriver/driver.go`.

>>> read({"storage-driver": "devicemapper", "storage-opts": ["dm.basesize=20G"]}).options
{'dm.basesize': '20G'}
>>> read({"storage-driver": "zfs", "storage-opts": ["dm.basesize"]})
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: storage-opts[0]: "dm.basesize" is not allowed: KEY=VALUE

What it leaves out: all other keys of `daemon.json`; they are refused, so that a misspelt one is not overlooked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import ListOf, Record, Text

HOME = "/var/lib/docker"
PRIORITY = {
    (20, 10): ("btrfs", "zfs", "overlay2", "fuse-overlayfs", "aufs", "devicemapper", "vfs"),
    (23, 0): ("overlay2", "fuse-overlayfs", "btrfs", "zfs", "aufs", "devicemapper", "vfs"),
    (24, 0): ("overlay2", "fuse-overlayfs", "btrfs", "zfs", "devicemapper", "vfs"),
    (25, 0): ("overlay2", "fuse-overlayfs", "btrfs", "zfs", "vfs"),
}
"""Drivers by the first release that tried them in this order."""


@dataclass(frozen=True)
class DaemonConfig:
    """What `daemon.json` says about storage.

    Attributes
    ----------
    driver : str
        ``storage-driver``; empty where the daemon is to choose.
    root : str
        ``data-root``.
    options : mapping of str to str
        ``storage-opts``, each ``KEY=VALUE``.
    """

    driver: str = ""
    root: str = HOME
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


_TEXT = Text(r"[a-z0-9\-]{1,32}", 32, "the name of a storage driver")
_CONFIG = Record(
    "daemon.json",
    {},
    {
        "storage-driver": _TEXT,
        "data-root": Text(r"/[^\0\n]*", 4095, "an absolute path"),
        "storage-opts": ListOf(Text(r"[a-z0-9_.]+=[^\0\n]*", 4095, "KEY=VALUE"), 100),
    },
)


def read(data: object, place: str = "") -> DaemonConfig:
    """The configuration that the JSON values describe; `place` is the file that they come from, named in errors.

    Raises
    ------
    InvalidInput
        Another key, or a value that is not allowed.
    """
    try:
        keys: dict[str, Any] = _CONFIG.read(data)
    except InvalidInput as error:
        raise InvalidInput(error.problem, ": ".join(part for part in (place, error.place) if part)) from None
    options = dict(option.split("=", 1) for option in keys.get("storage-opts", ()))
    return DaemonConfig(keys.get("storage-driver", ""), keys.get("data-root", HOME), options)


def choose_driver(config: DaemonConfig, prior: Collection[str], version: tuple[int, ...] = (20, 10)) -> str:
    """The driver that the daemon starts with.

    A name that was given wins. Else drivers that have left layers in the data root are looked for (vfs does not
    count): exactly one is taken, and with more the user has to say. Else the first one by priority.

    Raises
    ------
    InvalidInput
        More than one driver has layers there; or this release does not have the driver.

    Examples
    --------
    >>> choose_driver(DaemonConfig(), [], (28, 5)), choose_driver(DaemonConfig(), ["zfs", "vfs"], (28, 5))
    ('overlay2', 'zfs')
    """
    known = next(drivers for first, drivers in reversed(PRIORITY.items()) if version >= first)
    left = [driver for driver in prior if driver != "vfs"]
    if config.driver:
        return _supported(config.driver, known, version)
    if len(left) > 1:
        raise InvalidInput(
            f"{config.root} contains several valid graphdrivers: {', '.join(sorted(left))}; Please "
            "cleanup or explicitly choose storage driver",
            "storage-driver",
        )
    return _supported(left[0], known, version) if left else known[0]


def known(driver: str, version: tuple[int, ...]) -> bool:
    """Does a release of Docker have this driver?

    Examples
    --------
    >>> known("aufs", (20, 10)), known("aufs", (28, 5))
    (True, False)
    """
    return driver in next(drivers for first, drivers in reversed(PRIORITY.items()) if version >= first)


def _supported(driver: str, known: Collection[str], version: tuple[int, ...]) -> str:
    everywhere = {each for drivers in PRIORITY.values() for each in drivers}
    if driver in everywhere and driver not in known:
        first = next(first for first, drivers in PRIORITY.items() if driver not in drivers)
        raise InvalidInput(
            f"{driver} is not in Docker {'.'.join(map(str, version))}: it was removed in {'.'.join(map(str, first))}",
            "storage-driver",
        )
    return driver
