"""The engine: images, containers and the verbs of the `docker` command, on any storage driver.

The engine knows images and containers, the layer store (`layer_store`) knows layers, the driver knows files.
What verbs do is here; how an image is built is in `build`, what may be removed, and what goes with it, in `removal`,
what Docker's figures say in `disk_usage`. Every verb writes Docker's own events into a log, in the order of a real
daemon (20.10.24).

For each storage driver there is a `Home` of images and containers: change the driver in the configuration, and the old
ones are hidden, not gone. Volumes do not care.

>>> from snapsim.drivers.graphdrivers import DRIVERS
>>> from snapsim.drivers.diff import Diff, Entry
>>> engine = Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig("overlay2"))
>>> image = engine.pull("base:1", [Diff((Entry("/etc/motd", content=b"hello"),))])
>>> with engine.running("base:1", "box") as mount:
...     mount.write("/etc/motd", 0, data=b"HELLO")
5
>>> [str(change) for change in engine.diff("box")], engine.size_rw("box"), image.size
(['C /etc', 'C /etc/motd'], 5, 5)
>>> engine.events.kinds()[:3]
['image pull', 'container create', 'container attach']

What it leaves out: processes, networks (their events are there), registries, restart policies, and time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput
from snapsim.docker import removal
from snapsim.docker.containers import ACTIVE, NETWORKS, Container, Home
from snapsim.docker.daemon_config import DaemonConfig, choose_driver
from snapsim.docker.engine_labels import labels_of
from snapsim.docker.events import EventLog
from snapsim.docker.image_name import full_name
from snapsim.docker.images import Image, image_id
from snapsim.docker.info import info
from snapsim.docker.layer_store import Layer, LayerStore
from snapsim.drivers.diff import Change, Diff, HistoryStep
from snapsim.drivers.driver import Driver
from snapsim.drivers.ledger import Ledger, take
from snapsim.files.mounts.mount import Mount


class Engine:
    """A daemon with its images and containers.

    Parameters
    ----------
    make : callable
        Gives a fresh `Driver` for a name and storage options, such as ``("overlay2", {})``.
    config : DaemonConfig
        What `daemon.json` says about storage.
    version : tuple of int
        The release whose rules hold: (20, 10).
    now : callable, optional
        The clock: nanoseconds since 1970. Without one all times are 0.

    Attributes
    ----------
    config : DaemonConfig
        What it was started with last.
    home : Home
        Of the driver that is in use.
    events : EventLog
        All events so far.
    volumes : dict of str to int
        Bytes of each volume; nobody looks into them.
    """

    def __init__(
        self,
        make: Callable[[str, Mapping[str, str]], Driver],
        config: DaemonConfig | None = None,
        version: tuple[int, ...] = (20, 10),
        now: Callable[[], int] = lambda: 0,
    ) -> None:
        self._make, self.version, self.events = make, version, EventLog(now)
        self.volumes: dict[str, int] = {}
        self._homes: dict[tuple[str, str], Home] = {}
        self._made = 0
        self.config = config or DaemonConfig()
        self.home = self._open(self.config)

    # ---------------------------------------------------------------- the daemon

    def restart(self, config: DaemonConfig) -> None:
        """Stop all containers, and start again with this configuration.

        Raises
        ------
        InvalidInput
            The driver cannot be had, or has layers that were made with other options.
        """
        home = self._open(config)
        for container in self.containers():
            self.stop(container.name)
        self.config, self.home = config, home

    def _open(self, config: DaemonConfig) -> Home:
        prior = [
            driver for (root, driver), home in self._homes.items() if root == config.root and home.layers.driver.ids()
        ]
        name = choose_driver(config, prior, self.version)
        home = self._homes.get((config.root, name))
        if home is not None and dict(home.options) != dict(config.options):
            raise InvalidInput(
                f"{name} has layers that were made with {dict(home.options)}: the same are allowed", "storage-opts"
            )
        if home is None:
            home = self._homes[config.root, name] = Home(LayerStore(self._make(name, config.options)), config.options)
        return home

    def info(self) -> dict[str, Any]:
        """The storage part of ``GET /info`` (`docker.info`)."""
        return info(self.home, self.config, self.version)

    def ledger(self) -> Ledger:
        """Who holds which bytes now (`snapsim.drivers.ledger`), under the names of images and containers."""
        return take(self.driver, labels_of(self.home))

    @property
    def driver(self) -> Driver:
        """The storage driver."""
        return self.home.layers.driver

    # ---------------------------------------------------------------- images

    def images(self, all: bool = False) -> list[Image]:
        """Images, newest first; with `all` the intermediate ones too."""
        store = self.home.images
        return sorted(store.images.values(), key=lambda image: -image.created) if all else store.listed()

    def image(self, name: str) -> Image:
        """The image of a tag or an id; `NotFound` if there is none."""
        return self.home.images.find(name)

    def add_image(
        self, layer: Layer | None, history: tuple[HistoryStep, ...], parent: str = "", made: bool = True, id: str = ""
    ) -> Image:
        """An image of layers that are held already; one that was `made` elsewhere and is there, by its id, is kept.

        `id` is the digest of its configuration, where that is known.
        """
        created, store = self._next(), self.home.images.images
        id = id or image_id(layer, history, created if made else 0)
        if id in store and layer is not None:
            self.home.layers.release(layer)
        config = store[parent].config if parent in store else {}
        return store.setdefault(id, Image(id, layer, history, parent, created, config, self.events.now()))

    def pull(self, name: str, layers: Sequence[Diff], history: Sequence[HistoryStep] = (), id: str = "") -> Image:
        """Fetch an image: layers arrive from the base up, and those that are here already are not fetched.

        `id` is the digest of its configuration, where that is known.

        Raises
        ------
        InvalidInput
            ``max depth exceeded``: more than 125 layers.
        """
        top = self.home.layers.fetch(layers)
        image = self.add_image(top, tuple(history) or tuple(HistoryStep("") for _ in layers), made=False, id=id)
        self._tag(image, name)
        self.events.note("image", "pull", full_name(name), name=full_name(name).rpartition(":")[0])
        return image

    def load(self, names: Sequence[str], layers: Sequence[Diff], history: Sequence[HistoryStep], id: str) -> Image:
        """`docker load`: an image of an archive; its layers arrive as in a pull, and it gets all the names."""
        image = self.add_image(self.home.layers.fetch(layers), tuple(history), made=False, id=id)
        for name in names:
            self._tag(image, name)
        self.events.note("image", "load", image.id, name=image.id)
        return image

    def import_(self, diff: Diff, name: str = "") -> Image:
        """`docker import`: one archive becomes an image of one layer; without a name it has its id alone."""
        step = HistoryStep("", comment="Imported from -", made=self.events.now())
        image = self.add_image(self.home.layers.register(diff), (step,))
        if name:
            self.tag(image.id, name)
        self.events.note("image", "import", image.id, name=image.id)
        return image

    def commit(self, container: str, name: str = "", pause: bool = True) -> Image:
        """`docker commit`: a container's changes become a layer on its image; a running one is paused meanwhile."""
        box = self.container(container)
        runs = pause and box.state == "running"
        if runs:
            self.pause(box.name)
        image = self.commit_layer(box.id, self.image(box.image_id), HistoryStep(box.command))
        if name:
            self.tag(image.id, name)
        self.events.note("container", "commit", box.id, **self._of(box), imageID=image.id, imageRef=name, comment="")
        if runs:
            self.unpause(box.name)
        return image

    def commit_layer(self, id: str, parent: Image | None, step: HistoryStep) -> Image:
        """A new image of a container's changes; no changes, no layer."""
        diff, below = self.home.layers.commit(id), parent.layer if parent else None
        top = self.home.layers.register(diff, below) if diff.entries else below
        if top is not None and not diff.entries:
            self.home.layers.hold(top)
        made = HistoryStep(step.created_by, not diff.entries, step.comment, self.events.now())
        history = (*(parent.history if parent else ()), made)
        return self.add_image(top, history, parent.id if parent else "")

    def tag(self, image: str, name: str) -> None:
        """One more name for an image; whatever had that name loses it."""
        found = self.image(image)
        self._tag(found, name)
        self.events.note("image", "tag", found.id, name=full_name(name))

    def _tag(self, image: Image, name: str) -> None:
        self.home.images.tags[full_name(name)] = image.id
        image.tagged = self.events.now()

    def history(self, image: str) -> list[tuple[HistoryStep, int]]:
        """`docker history`: each step and the size of its layer, newest first."""
        found = self.image(image)
        sizes = iter([layer.size for layer in found.layers()])
        return [(step, 0 if step.empty else next(sizes)) for step in found.history][::-1]

    def rmi(self, name: str, force: bool = False) -> list[str]:
        """`docker rmi`, by a tag or an id; gives what it prints. Errors as of `removal.rmi`."""
        return removal.rmi(self, name, force)

    def prune(self, what: str, all: bool = False) -> int:
        """`docker container prune` and its kin: of "container", "image", "volume" or "system".

        Parameters
        ----------
        all : bool
            Of images all that no container has, not only those without a tag.

        Returns
        -------
        int
            The bytes that Docker says it reclaimed.
        """
        if what not in removal.PRUNES:
            raise InvalidInput(f"{what!r} is not pruned: one of {', '.join(removal.PRUNES)}")
        return removal.PRUNES[what](self, all)

    # ---------------------------------------------------------------- containers

    def containers(self) -> list[Container]:
        """All containers, newest first."""
        return sorted(self.home.containers.values(), key=lambda container: -container.created)

    def container(self, name: str) -> Container:
        """By name, id, or the start of an id, in this order; `NotFound`."""
        return self.home.container(name)

    def create(
        self,
        image: str,
        name: str,
        command: str = "",
        options: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
        network: str = "none",
        asked: Mapping[str, Any] | None = None,
    ) -> Container:
        """`docker create`: the two layers of a container; `network` and `asked` as `Container` has them.

        Raises
        ------
        NotFound, AlreadyExists, InvalidInput
            No such image; the name is taken; the driver refuses a storage option.
        """
        found, layers = self.image(image), self.home.layers
        if name in self.home.containers:
            raise AlreadyExists(self._taken(name))
        box = Container(
            layers.fresh_id("container"),
            name,
            image,
            found.id,
            self._next(),
            command,
            volumes=tuple(volumes),
            network=network,
            asked=asked or {},
            made=self.events.now(),
        )
        layers.create_read_write(box.id, found.layer, options)
        self.home.containers[name] = box
        for volume in volumes:
            self.volumes.setdefault(volume, 0)
        self.note(box, "create")
        return box

    def _taken(self, name: str) -> str:
        return (
            f'Conflict. The container name "/{name}" is already in use by container '
            f'"{self.home.containers[name].id}". You have to remove (or rename) that container to be able to reuse '
            "that name."
        )

    def rename(self, name: str, new: str) -> None:
        """`docker rename`; `AlreadyExists` if another container is called so."""
        box = self.container(name)
        if new == box.name:
            raise InvalidInput("Renaming a container with the same name as its current name")
        if new in self.home.containers:
            raise AlreadyExists("Error when allocating new name: " + self._taken(new))
        del self.home.containers[box.name]
        old, box.name = box.name, new
        self.home.containers[new] = box
        self.note(box, "rename", oldName=f"/{old}")

    def start(self, name: str, attach: bool = False, volumes: Mapping[str, str] | None = None) -> Mount[Any]:
        """`docker start`: mount it, and tell of its volumes by destination; gives what its processes see."""
        box = self.container(name)
        if box.state in ACTIVE:
            raise InUse(f"{box.name} is {box.state} already")
        mount = self.driver.get(box.id)
        if attach:
            self.note(box, "attach")
        self._network(box, "connect")
        for place, volume in (volumes or {}).items():
            told = {
                "container": box.id,
                "destination": place,
                "driver": "local",
                "propagation": "",
                "read/write": "true",
            }
            self.events.note("volume", "mount", volume, **told)
        self.note(box, "start")
        box.state, box.started = "running", self.events.now()
        return mount

    def finish(self, name: str, exit_code: int = 0) -> None:
        """Its process ends by itself."""
        box = self.container(name)
        if box.state not in ACTIVE:
            raise InvalidInput(f"{box.name} is {box.state}: only a running container can end")
        self.driver.put(box.id)
        box.state, box.exit_code, box.finished = "exited", exit_code, self.events.now()
        self.note(box, "die", exitCode=str(exit_code))
        self._network(box, "disconnect")

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
        self.note(box, action)

    def stop(self, name: str, exit_code: int = 143, signals: Sequence[int] = (15,)) -> None:
        """`docker stop`, with the signals that it took; a container that does not run stays as it is."""
        box = self.container(name)
        if box.state in ACTIVE:
            for signal in signals:
                self.note(box, "kill", signal=str(signal))
            self.finish(name, exit_code)
            self.note(box, "stop")

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
            self.note(box, "kill", signal="9")
            self.finish(name, 137)
        self.home.layers.remove_read_write(box.id)
        del self.home.containers[box.name]
        self.note(box, "destroy")

    def note(self, box: Container, action: str, **more: str) -> None:
        """Write down an event of a container: its labels, image and name are attributes of each."""
        self.events.note("container", action, box.id, **self._of(box), **more)

    def connect(self, box: Container, network: str) -> None:
        """`docker network connect`: of a container that is in none."""
        box.network = network
        if box.state in ACTIVE:
            self._network(box, "connect")

    def disconnect(self, box: Container) -> None:
        """`docker network disconnect`: it is in none from here on."""
        if box.state in ACTIVE:
            self._network(box, "disconnect")
        box.network = ""

    def _network(self, box: Container, action: str) -> None:
        if not box.network:
            return
        kind = NETWORKS.get(box.network, "bridge")
        self.events.note("network", action, container=box.id, name=box.network, type=kind)

    def _of(self, box: Container) -> dict[str, str]:
        return {**(box.asked.get("Labels") or {}), "image": box.image, "name": box.name}

    def _next(self) -> int:
        self._made += 1
        return self._made
