"""The daemon's ``dm.*`` options: names, defaults, and how each is read.

For `snapsim.drivers.graphdrivers.devicemapper`. Source: moby 24.0 `daemon/graphdriver/devmapper/deviceset.go`;
deferred removal and deletion are on where the kernel has them, as a daemon of 20.10 reports.

What it leaves out: that some options cannot be given together.
"""

from collections.abc import Callable, Mapping
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import parse_size

_SMALLEST, _LARGEST = 1 << 16, 1 << 30  # bytes of a pool block


def _text(value: str, place: str) -> str:
    return value


def _choice(*allowed: str) -> Callable[[str, str], str]:
    def read(value: str, place: str) -> str:
        if value not in allowed:
            raise InvalidInput(f"{value!r} is not allowed: {' or '.join(allowed)}", place)
        return value

    return read


def _truth(value: str, place: str) -> bool:
    return _choice("true", "false")(value, place) == "true"


def _percent(value: str, place: str) -> int:
    number = value.removesuffix("%")
    if not (number.isascii() and number.isdigit() and int(number) < 100):
        raise InvalidInput(f"{value!r} is no percentage: 0% to 99%", place)
    return int(number)


def _pool_block(value: str, place: str) -> int:
    size = parse_size(value, place)
    if not _SMALLEST <= size <= _LARGEST or size % _SMALLEST:
        raise InvalidInput(f"{value!r} is no size of a pool block: a multiple of 64K, up to 1G", place)
    return size


OPTIONS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "dm.basesize": ("10G", parse_size),
    "dm.loopdatasize": ("100G", parse_size),
    "dm.loopmetadatasize": ("2G", parse_size),
    "dm.fs": ("xfs", _choice("xfs", "ext4")),
    "dm.mkfsarg": ("", _text),
    "dm.mountopt": ("", _text),
    "dm.metadatadev": ("", _text),
    "dm.datadev": ("", _text),
    "dm.thinpooldev": ("", _text),
    "dm.blkdiscard": ("", _choice("", "true", "false")),  # left out: true with loop files
    "dm.blocksize": ("", _pool_block),  # left out: 64 KiB, or 512 KiB with direct-lvm
    "dm.override_udev_sync_check": ("false", _truth),
    "dm.use_deferred_removal": ("true", _truth),
    "dm.use_deferred_deletion": ("true", _truth),
    "dm.min_free_space": ("10%", _percent),
    "dm.xfs_nospace_max_retries": ("", _text),
    "dm.libdm_log_level": ("2", _choice(*"234567")),
    "dm.directlvm_device": ("", _text),
    "dm.directlvm_device_force": ("false", _truth),
    "dm.thinp_percent": ("95", _percent),
    "dm.thinp_metapercent": ("1", _percent),
    "dm.thinp_autoextend_percent": ("20", _percent),
    "dm.thinp_autoextend_threshold": ("80", _percent),
}


def read_options(options: Mapping[str, str]) -> dict[str, Any]:
    """The daemon's ``dm.*`` options, all of them, those left out with their defaults.

    Examples
    --------
    >>> read_options({"dm.basesize": "20G"})["dm.basesize"]
    21474836480
    >>> read_options({"dm.colour": "red"})
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: devicemapper: storage-opt: devmapper: Unknown option dm.colour
    """
    for key in options:
        if key not in OPTIONS:
            raise InvalidInput(f"devmapper: Unknown option {key}", "devicemapper: storage-opt")
    values = {key: options.get(key, default) for key, (default, _) in OPTIONS.items()}
    values["dm.blocksize"] = values["dm.blocksize"] or ("512K" if values["dm.directlvm_device"] else "64K")
    return {key: OPTIONS[key][1](str(value), f"devicemapper: {key}") for key, value in values.items()}
