"""Containers: what `docker create`, start, run, stop, diff and rm do to layers.

A container is two layers of the driver (`layer_store`), a state, and the image that it was made from. The
events, and their order, are those of a real daemon (20.10.24).

What it leaves out: processes (a ``with`` block stands in for them), restart policies, health checks, networks but for
their events.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound
from snapsim.docker.events import EventLog
from snapsim.docker.images import Image, ImageStore
from snapsim.docker.layer_store import LayerStore
from snapsim.drivers.diff import Change
from snapsim.drivers.driver import Driver
from snapsim.files.mounts.mount import Mount

ACTIVE = ("running", "paused", "restarting")
_NETWORK = {"name": "none", "type": "null"}


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


@dataclass
class Home:
    """What the daemon keeps for one storage driver."""

    layers: LayerStore
    options: Mapping[str, str]
    images: ImageStore = field(default_factory=ImageStore)
    containers: dict[str, Container] = field(default_factory=dict)


class ContainerVerbs(ABC):
    """The verbs for containers; an engine gives the home, the images and the log.

    Attributes
    ----------
    home : Home
        Of the driver that is in use.
    events : EventLog
        All events so far.
    volumes : dict of str to int
        Bytes of each volume; nobody looks into them.
    """

    home: Home
    events: EventLog
    volumes: dict[str, int]

    @abstractmethod
    def image(self, name: str) -> Image:
        """The image of a tag or an id; `NotFound` if there is none."""

    @abstractmethod
    def _next(self) -> int:
        """The next number in the order of creation."""

    @property
    def driver(self) -> Driver:
        """The storage driver."""
        return self.home.layers.driver

    def containers(self) -> list[Container]:
        """All containers, newest first."""
        return sorted(self.home.containers.values(), key=lambda container: -container.created)

    def container(self, name: str) -> Container:
        """By name or id; `NotFound`."""
        for container in self.home.containers.values():
            if name and (name == container.name or container.id.startswith(name)):
                return container
        raise NotFound(f"No such container: {name}")

    def create(
        self,
        image: str,
        name: str,
        command: str = "",
        options: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
    ) -> Container:
        """`docker create`: the two layers of a container.

        Raises
        ------
        NotFound, AlreadyExists, InvalidInput
            No such image; the name is taken; the driver refuses a storage option.
        """
        found, layers = self.image(image), self.home.layers
        if name in self.home.containers:
            raise AlreadyExists(f'Conflict. The container name "/{name}" is already in use')
        box = Container(
            layers.fresh_id("container"), name, image, found.id, self._next(), command, volumes=tuple(volumes)
        )
        layers.create_read_write(box.id, found.layer, options)
        self.home.containers[name] = box
        for volume in volumes:
            self.volumes.setdefault(volume, 0)
        self._note(box, "create")
        return box

    def start(self, name: str, attach: bool = False) -> Mount[Any]:
        """`docker start`: mount it; gives what its processes see."""
        box = self.container(name)
        if box.state in ACTIVE:
            raise InUse(f"{box.name} is {box.state} already")
        mount = self.driver.get(box.id)
        if attach:
            self._note(box, "attach")
        self.events.note("network", "connect", container=box.id, **_NETWORK)
        self._note(box, "start")
        box.state = "running"
        return mount

    def finish(self, name: str, exit_code: int = 0) -> None:
        """Its process ends by itself."""
        box = self.container(name)
        if box.state not in ACTIVE:
            raise InvalidInput(f"{box.name} is {box.state}: only a running container can end")
        self.driver.put(box.id)
        box.state, box.exit_code = "exited", exit_code
        self._note(box, "die", exitCode=str(exit_code))
        self.events.note("network", "disconnect", container=box.id, **_NETWORK)

    def pause(self, name: str) -> None:
        """`docker pause`: its processes are frozen."""
        self._turn(name, "running", "paused", "pause")

    def unpause(self, name: str) -> None:
        """`docker unpause`: they go on."""
        self._turn(name, "paused", "running", "unpause")

    def _turn(self, name: str, old: str, new: str, action: str) -> None:
        box = self.container(name)
        if box.state != old:
            raise InvalidInput(f"{box.name} is {box.state}: only a {old} container can {action}")
        box.state = new
        self._note(box, action)

    def stop(self, name: str) -> None:
        """`docker stop`; a container that does not run stays as it is."""
        box = self.container(name)
        if box.state in ACTIVE:
            self._note(box, "kill", signal="15")
            self.finish(name, 143)
            self._note(box, "stop")

    @contextmanager
    def running(self, image: str, name: str, **arguments: Any) -> Iterator[Mount[Any]]:
        """`docker run`: create, start, do what the ``with`` block does, end; takes what `create` takes."""
        self.create(image, name, **arguments)
        mount = self.start(name, attach=True)
        try:
            yield mount
        finally:
            self.finish(name)

    def diff(self, name: str) -> list[Change]:
        """`docker diff`, sorted (Docker's own order is not defined)."""
        box = self.container(name)
        return self.driver.changes(box.id, self.driver.parent(box.id))

    def size_rw(self, name: str) -> int:
        """SizeRw of a container."""
        return self.home.layers.size(self.container(name).id)

    def rm(self, name: str, force: bool = False) -> None:
        """`docker rm`; with `force` a running container is killed first."""
        box = self.container(name)
        if box.state in ACTIVE and not force:
            raise InUse(
                f"You cannot remove a running container {box.id}. Stop the container before attempting removal "
                "or force remove"
            )
        if box.state in ACTIVE:
            self._note(box, "kill", signal="9")
            self.finish(name, 137)
        self.home.layers.remove_read_write(box.id)
        del self.home.containers[box.name]
        self._note(box, "destroy")

    def _note(self, box: Container, action: str, **more: str) -> None:
        self.events.note("container", action, box.id, **self._of(box), **more)

    def _of(self, box: Container) -> dict[str, str]:
        return {"image": box.image, "name": box.name}
