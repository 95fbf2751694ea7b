"""Networks, as far as they have names: a container is in one, and no packet is simulated.

>>> networks = Networks(lambda: 7)
>>> networks.of_mode("default").name, networks.find("none").driver
('bridge', 'null')
>>> networks.find("nope")
Traceback (most recent call last):
snapsim.base.errors.NotFound: network nope not found

What it leaves out: addresses, drivers, a second network of a container, and everything else that a network does.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from snapsim.base.errors import AlreadyExists, NotFound
from snapsim.docker.containers import NETWORKS
from snapsim.serve.errors import Refused, unsupported


@dataclass
class Network:
    """A network that containers can name."""

    name: str
    id: str
    driver: str
    made: int
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


class Networks:
    """All networks: the three that every daemon has, and those that were made."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now, self._made = now, 0
        self.all: dict[str, Network] = {}
        for name, driver in NETWORKS.items():
            self._add(name, driver)

    def _add(self, name: str, driver: str, labels: Mapping[str, str] | None = None,
             options: Mapping[str, str] | None = None) -> Network:  # fmt: skip
        self._made += 1
        id = hashlib.sha256(f"network {self._made} {name}".encode()).hexdigest()
        self.all[name] = Network(name, id, driver, self._now(), labels or {}, options or {})
        return self.all[name]

    @property
    def ids(self) -> dict[str, str]:
        """The id of each name."""
        return {network.name: network.id for network in self.all.values()}

    def find(self, name: str) -> Network:
        """By name, id, or the start of an id; `NotFound`."""
        if name in self.all:
            return self.all[name]
        for network in self.all.values():
            if name and network.id.startswith(name):
                return network
        raise NotFound(f"network {name} not found")

    def of_mode(self, mode: str) -> Network:
        """The network of a NetworkMode: ``default`` is the bridge."""
        if mode.startswith("container:"):
            raise unsupported("the network of another container")
        return self.find("bridge" if mode in ("default", "") else mode)

    def create(self, name: str, driver: str, labels: Mapping[str, str], options: Mapping[str, str]) -> Network:
        """`docker network create`, of driver bridge; `AlreadyExists`."""
        if name in self.all:
            raise AlreadyExists(f"network with name {name} already exists")
        if driver not in ("", "bridge"):
            raise Refused(404, f'plugin "{driver}" not found')
        return self._add(name, "bridge", labels, options)

    def remove(self, name: str, users: int) -> Network:
        """`docker network rm`; `Refused` (403) for one that is predefined or in use."""
        network = self.find(name)
        if network.name in NETWORKS:
            raise Refused(403, f"{network.name} is a pre-defined network and cannot be removed")
        if users:
            raise Refused(403, f"error while removing network: network {network.name} id {network.id} has active "
                               "endpoints")  # fmt: skip
        return self.all.pop(network.name)
