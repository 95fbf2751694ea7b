"""What `docker info` says of storage: counts of containers and images, the driver's own lines, and the warnings.

>>> from snapsim.drivers.graphdrivers import Vfs
>>> from snapsim.docker.layer_store import LayerStore
>>> info(Home(LayerStore(Vfs()), {}), DaemonConfig(), (20, 10))["ContainersStopped"]
0

What it leaves out: all that does not concern storage.
"""

from typing import Any

from snapsim.docker.containers import Home
from snapsim.docker.daemon_config import HOME, DaemonConfig

_DEPRECATED = "WARNING: the {} storage-driver is deprecated, and will be removed in a future release."
_LOOP = (
    "WARNING: {}: usage of loopback devices is strongly discouraged for production use.\n"
    "         Use `--storage-opt dm.thinpooldev` to specify a custom block storage device."
)


def info(home: Home, config: DaemonConfig, version: tuple[int, ...]) -> dict[str, Any]:
    """The storage part of ``GET /info``; Images counts intermediate images too.

    Returns
    -------
    dict
        Containers, ContainersRunning, ..., Images, Driver, DriverStatus (pairs of text), DockerRootDir, Warnings.
    """
    driver, root = home.layers.driver, config.root
    states = [container.state for container in home.containers.values()]
    counts = {f"Containers{state.title()}": states.count(state) for state in ("running", "paused")}
    status = [
        [key, root + value.removeprefix(HOME) if value.startswith(HOME) else value] for key, value in driver.status()
    ]
    return {
        "Containers": len(states),
        **counts,
        "ContainersStopped": len(states) - sum(counts.values()),
        "Images": len(home.images.images),
        "Driver": driver.name,
        "DriverStatus": status,
        "DockerRootDir": root,
        "ServerVersion": ".".join(map(str, version)),
        "Warnings": warnings(driver.name, "Data loop file" in dict(driver.status())),
    }


def warnings(driver: str, loop: bool) -> list[str]:
    """Those of 20.10 that concern storage.

    Examples
    --------
    >>> len(warnings("devicemapper", True)), warnings("btrfs", False)
    (2, [])
    """
    found = [_DEPRECATED.format(driver)] if driver in ("aufs", "devicemapper") else []
    return found + ([_LOOP.format(driver)] if loop else [])
