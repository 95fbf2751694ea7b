"""Containers: what `docker create`, start, run, stop, diff and rm do to layers.

A container is two layers of the driver (`layer_store`), a state, and the image that it was made from. The
events, and their order, are those of a real daemon (20.10.24).

What it leaves out: processes (a ``with`` block stands in for them), restart policies, health checks, networks but for
their events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.errors import InvalidInput, NotFound
from snapsim.docker.images import ImageStore
from snapsim.docker.layer_store import LayerStore

ACTIVE = ("running", "paused", "restarting")
NETWORKS = {"none": "null", "host": "host", "bridge": "bridge"}
"""Networks that every daemon has, and their drivers; one that a user made is a bridge."""


@dataclass
class Container:
    """A container: two layers of the driver, and a state.

    Attributes
    ----------
    image : str
        As it was called at `create`; `image_id` is what that meant then.
    state : str
        created, running, paused or exited.
    volumes : tuple of str
        Names of volumes that it mounts.
    network : str
        The network that it is connected to while it runs, empty for none; the engine has events of it and no more.
    asked : mapping
        What the client asked for at `create`, in the words of the Engine API; the engine does not look into it.
    made, started, finished : int
        Nanoseconds since 1970 by the clock of the event log; 0 for never.
    """

    id: str
    name: str
    image: str
    image_id: str
    created: int
    command: str = ""
    state: str = "created"
    exit_code: int = 0
    volumes: tuple[str, ...] = ()
    network: str = "none"
    asked: Mapping[str, Any] = field(default_factory=dict)
    made: int = 0
    started: int = 0
    finished: int = 0


@dataclass
class Home:
    """What the daemon keeps for one storage driver."""

    layers: LayerStore
    options: Mapping[str, str]
    images: ImageStore = field(default_factory=ImageStore)
    containers: dict[str, Container] = field(default_factory=dict)

    def container(self, name: str) -> Container:
        """By name, id, or the start of an id, in this order; `NotFound`."""
        named = self.containers.get(name.removeprefix("/"))
        if named is not None:
            return named
        found = [box for box in self.containers.values() if name and box.id.startswith(name)]
        if not found:
            raise NotFound(f"No such container: {name}")
        if len(found) > 1:
            raise InvalidInput(f"Multiple IDs found with provided prefix: {name}")
        return found[0]
