"""The engine: images, containers and the verbs of the `docker` command, on any storage driver.

The engine knows images and containers, the layer store (`layer_store`) knows layers, the driver knows files.
What verbs do to images is here, to containers in `containers`; how an image is built is in `builder`, what may be
removed in `removal`, what Docker's figures say in `disk_usage`. Every verb writes Docker's own events into a log.

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

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.docker.containers import ContainerVerbs, Home
from snapsim.docker.daemon_config import HOME, DaemonConfig, choose_driver
from snapsim.docker.engine_labels import labels_of
from snapsim.docker.events import EventLog
from snapsim.docker.image_name import full_name
from snapsim.docker.images import Image, image_id
from snapsim.docker.layer_store import Layer, LayerStore
from snapsim.drivers.diff import Diff, HistoryStep
from snapsim.drivers.driver import Driver
from snapsim.drivers.ledger import Ledger, take

_DEPRECATED = "WARNING: the {} storage-driver is deprecated, and will be removed in a future release."
_LOOP = (
    "WARNING: {}: usage of loopback devices is strongly discouraged for production use.\n"
    "         Use `--storage-opt dm.thinpooldev` to specify a custom block storage device."
)


class Engine(ContainerVerbs):
    """A daemon with its images and containers.

    Parameters
    ----------
    make : callable
        Gives a fresh `Driver` for a name and storage options, such as ``("overlay2", {})``.
    config : DaemonConfig
        What `daemon.json` says about storage.
    version : tuple of int
        The release whose rules hold: (20, 10).

    Attributes
    ----------
    config : DaemonConfig
        What it was started with last.
    home, events, volumes
        As of `ContainerVerbs`.
    """

    def __init__(
        self,
        make: Callable[[str, Mapping[str, str]], Driver],
        config: DaemonConfig | None = None,
        version: tuple[int, ...] = (20, 10),
    ) -> None:
        self._make, self.version, self.events = make, version, EventLog()
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
        """The storage part of ``GET /info``; Images counts intermediate images too.

        Returns
        -------
        dict
            Containers, ContainersRunning, ..., Images, Driver, DriverStatus (pairs of text), DockerRootDir, Warnings.
        """
        states = [container.state for container in self.containers()]
        counts = {f"Containers{state.title()}": states.count(state) for state in ("running", "paused")}
        root = self.config.root
        status = [
            [key, root + value.removeprefix(HOME) if value.startswith(HOME) else value]
            for key, value in self.driver.status()
        ]
        return {
            "Containers": len(states),
            **counts,
            "ContainersStopped": len(states) - sum(counts.values()),
            "Images": len(self.home.images.images),
            "Driver": self.driver.name,
            "DriverStatus": status,
            "DockerRootDir": root,
            "ServerVersion": ".".join(map(str, self.version)),
            "Warnings": self._warnings(),
        }

    def _warnings(self) -> list[str]:
        """Those of 20.10 that concern storage."""
        name, keys = self.driver.name, dict(self.driver.status())
        found = [_DEPRECATED.format(name)] if name in ("aufs", "devicemapper") else []
        return found + ([_LOOP.format(name)] if "Data loop file" in keys else [])

    def ledger(self) -> Ledger:
        """Who holds which bytes now (`snapsim.drivers.ledger`), under the names of images and containers."""
        return take(self.driver, labels_of(self.home))

    # ---------------------------------------------------------------- images

    def images(self, all: bool = False) -> list[Image]:
        """Images, newest first; with `all` the intermediate ones too."""
        store = self.home.images
        return sorted(store.images.values(), key=lambda image: -image.created) if all else store.listed()

    def image(self, name: str) -> Image:
        """The image of a tag or an id; `NotFound` if there is none."""
        return self.home.images.find(name)

    def add_image(
        self, layer: Layer | None, history: tuple[HistoryStep, ...], parent: str = "", made: bool = True
    ) -> Image:
        """An image of layers that are held already; one that was `made` elsewhere and is there, by its id, is kept."""
        created = self._next()
        store, id = self.home.images.images, image_id(layer, history, created if made else 0)
        if id in store and layer is not None:
            self.home.layers.release(layer)
        return store.setdefault(id, Image(id, layer, history, parent, created))

    def pull(self, name: str, layers: Sequence[Diff], history: Sequence[HistoryStep] = ()) -> Image:
        """Fetch an image: layers arrive from the base up, and those that are here already are not fetched.

        Raises
        ------
        InvalidInput
            ``max depth exceeded``: more than 125 layers.
        """
        top = self._fetch(layers)
        image = self.add_image(top, tuple(history) or tuple(HistoryStep("") for _ in layers), made=False)
        self._tag(image, name)
        self.events.note("image", "pull", full_name(name), name=full_name(name).rpartition(":")[0])
        return image

    def _fetch(self, layers: Sequence[Diff]) -> Layer | None:
        """The top layer, held once; the layers below are held by those above."""
        store = self.home.layers
        top: Layer | None = None
        for diff in layers:
            below, known = top, store.find(diff, top)
            try:
                top = store.register(diff, below) if known is None else store.hold(known)
            finally:
                if below is not None:
                    store.release(below)
        return top

    def import_(self, diff: Diff, name: str) -> Image:
        """`docker import`: one archive becomes an image of one layer."""
        image = self.add_image(self.home.layers.register(diff), (HistoryStep("", comment="Imported from -"),))
        self.tag(image.id, name)
        self.events.note("image", "import", image.id, name=image.id)
        return image

    def commit(self, container: str, name: str = "") -> Image:
        """`docker commit`: a container's changes become a layer on its image; a running one is paused meanwhile."""
        box = self.container(container)
        runs = box.state == "running"
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
        history = (*(parent.history if parent else ()), HistoryStep(step.created_by, not diff.entries, step.comment))
        return self.add_image(top, history, parent.id if parent else "")

    def tag(self, image: str, name: str) -> None:
        """One more name for an image; whatever had that name loses it."""
        found = self.image(image)
        self._tag(found, name)
        self.events.note("image", "tag", found.id, name=full_name(name))

    def _tag(self, image: Image, name: str) -> None:
        self.home.images.tags[full_name(name)] = image.id

    def history(self, image: str) -> list[tuple[HistoryStep, int]]:
        """`docker history`: each step and the size of its layer, newest first."""
        found = self.image(image)
        sizes = iter([layer.size for layer in found.layers()])
        return [(step, 0 if step.empty else next(sizes)) for step in found.history][::-1]

    def _next(self) -> int:
        self._made += 1
        return self._made
