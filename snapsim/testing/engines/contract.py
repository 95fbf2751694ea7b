"""What the kit asks of a container engine: a dozen verbs, as the `docker` command has them, over a storage driver.

snapsim's `Engine` has them all.

LEAVES OUT: builds, volumes, events, and every figure but SizeRw and Size.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from snapsim.drivers.diff import Change, Diff
from snapsim.drivers.driver import Driver
from snapsim.files.mounts.mount import Mount


class Named(Protocol):
    """A container, or an image: it has an id."""

    id: str


class Sized(Protocol):
    """An image: Size is the sum of the recorded sizes of its layers."""

    @property
    def size(self) -> int:
        """Bytes."""


class Book(Protocol):
    """Who holds which bytes now."""

    def frees(self, *owners: str) -> int:
        """Bytes that come free when these images (by their tags) and containers (by their names) go."""


class ContainerEngine(Protocol):
    """THE CONTRACT: an engine with one storage driver."""

    @property
    def driver(self) -> Driver:
        """The layers: those of images, and two for each container, whose upper one has the container's id."""

    def pull(self, name: str, layers: Sequence[Diff]) -> Any:
        """Fetch an image; layers that are here already are shared. InvalidInput: more than 125 layers.

        The same layers under another name are one image with two names. An image whose name is given to another one
        stays with its layers, without a name.
        """

    def image(self, name: str) -> Sized:
        """By its tag; NotFound."""

    def create(self, image: str, name: str) -> Named:
        """A container. NotFound: no such image; AlreadyExists: the name is taken."""

    def container(self, name: str) -> Named:
        """By its name; NotFound."""

    def start(self, name: str) -> Mount[Any]:
        """Let it run; what its processes see. InUse: it runs already."""

    def stop(self, name: str) -> None:
        """Let it end; one that does not run stays as it is."""

    def commit(self, container: str, name: str) -> Any:
        """A new image of its changes on its image; no changes, no layer. InvalidInput: it would be layer 126."""

    def diff(self, name: str) -> list[Change]:
        """What the container changed."""

    def size_rw(self, name: str) -> int:
        """Bytes of what it changed."""

    def rm(self, name: str) -> None:
        """Remove a container. InUse: it runs."""

    def rmi(self, name: str) -> object:
        """Take a name away, and the image with its last one. InUse: a container needs it; NotFound."""

    def ledger(self) -> Book:
        """The book of this moment."""


EngineFactory = Callable[[], Any]
"""What gives a fresh `ContainerEngine`."""
