"""An engine on a stack or a driver: the daemon's configuration meets the simulated drivers.

What `daemon.json` gives as options becomes arguments of the drivers; a stack says what a driver stands on.

>>> start({"storage-driver": "devicemapper", "storage-opts": ["dm.basesize=20G"]}).info()["DriverStatus"][2]
['Base Device Size', '21.47GB']
>>> start(stack="overlay2-xfs", version="23.0").info()["DriverStatus"][:3]
[['Backing Filesystem', 'xfs'], ['Supports d_type', 'true'], ['Using metacopy', 'false']]
>>> start({"storage-driver": "zfs", "storage-opts": ["zfs.mountopt=x"]})
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: storage-opts: 'zfs.mountopt' is not allowed: zfs takes zfs.fsname

What it leaves out: options of drivers that the model does not have (see each driver).
"""

from collections.abc import Callable, Mapping
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.docker.daemon_config import DaemonConfig, read
from snapsim.docker.engine import Engine
from snapsim.docker.figures import parse_version
from snapsim.drivers.driver import Driver
from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.lab.stacks import FIRST, STACKS, Stack

_OPTIONS = {
    "overlay2": {"overlay2.size": "size"},
    "btrfs": {"btrfs.min_space": "min_space"},
    "zfs": {"zfs.fsname": "fsname"},
}
"""Options of `daemon.json` and the driver's argument; devicemapper takes all of its own as they are."""


def start(
    config: Mapping[str, Any] | None = None,
    stack: str = "",
    version: str = "20.10",
    now: Callable[[], int] = lambda: 0,
) -> Engine:
    """A daemon with nothing in it.

    Parameters
    ----------
    config : mapping, optional
        Of `daemon.json`: ``storage-driver``, ``data-root``, ``storage-opts``.
    stack : str, optional
        One of `STACKS`; its driver stands on what the stack says, others on their first stack's.
    version : str
        Of Docker: which drivers there are, and whose figures hold.
    now : callable, optional
        The clock of its events: nanoseconds since 1970.

    Raises
    ------
    InvalidInput
        Anything that is not allowed.
    """
    release = parse_version(version)
    if stack and stack not in STACKS:
        raise InvalidInput(f"{stack!r} is no stack: one of {', '.join(STACKS)}", "stack")
    wanted = {**(config or {})}
    if stack:
        wanted.setdefault("storage-driver", STACKS[stack].driver)
    return Engine(_maker(STACKS.get(stack), release), read(wanted), release, now)


def _maker(stack: Stack | None, release: tuple[int, ...]) -> Callable[[str, Mapping[str, str]], Driver]:
    def make(name: str, options: Mapping[str, str]) -> Driver:
        if name not in DRIVERS:
            raise InvalidInput(f"{name!r} is no driver: one of {', '.join(DRIVERS)}", "storage-driver")
        chosen = stack if stack is not None and stack.driver == name else FIRST[name]
        return chosen.make(**_of_release(name, release), **_arguments(name, options, chosen))

    return make


def _of_release(driver: str, release: tuple[int, ...]) -> dict[str, Any]:
    """What `docker info` prints for the driver changed with 23.0."""
    if driver == "overlay2" and release >= (23,):
        return {"release": ".".join(map(str, release[:2]))}
    return {"versions": None} if driver == "btrfs" and release >= (23,) else {}


def _arguments(driver: str, options: Mapping[str, str], stack: Stack) -> dict[str, Any]:
    if driver == "devicemapper":
        return {"options": {**stack.options.get("options", {}), **options}}
    known = _OPTIONS.get(driver, {})
    for option in options:
        if option not in known:
            allowed = ", ".join(known) or "no option"
            raise InvalidInput(f"{option!r} is not allowed: {driver} takes {allowed}", "storage-opts")
    return {known[option]: value for option, value in options.items()}


def config_of(driver: str, root: str = "") -> DaemonConfig:
    """The shortest configuration that asks for a driver.

    Examples
    --------
    >>> config_of("vfs", "/srv/docker").root
    '/srv/docker'
    """
    return read({"storage-driver": driver, **({"data-root": root} if root else {})})
