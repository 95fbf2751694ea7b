"""What may be removed, and what goes with it: `docker rmi`, and the three prunes.

To remove a tag is not to remove an image: the image goes with its last tag, if no container needs it and no
other image was built on it; then its untagged parents go too, and the layers that nobody else has. The rules, their
words and their events are those of moby 20.10 `daemon/images/image_delete.go`, `image_prune.go`; the events and the
order of what is deleted were seen on a real daemon.

>>> from snapsim.docker.daemon_config import DaemonConfig
>>> from snapsim.docker.engine import Engine
>>> from snapsim.drivers.graphdrivers import DRIVERS
>>> from snapsim.drivers.diff import Diff, Entry
>>> engine = Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig("vfs"))
>>> image = engine.pull("base:1", [Diff((Entry("/f", size=5),))]); engine.tag("base:1", "base:2")
>>> [record.split(":")[0] for record in rmi(engine, "base:1") + rmi(engine, "base:2")]
['Untagged', 'Untagged', 'Deleted', 'Deleted']
>>> engine.images(), engine.driver.ids()
([], [])

What it leaves out: filters, digests of repositories, and the prune of networks but for its event.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from snapsim.base.errors import InUse, SnapsimError
from snapsim.docker.containers import ACTIVE, Container
from snapsim.docker.image_name import full_name
from snapsim.docker.images import Image

if TYPE_CHECKING:
    from snapsim.docker.engine import Engine


def rmi(engine: "Engine", name: str, force: bool = False) -> list[str]:
    """`docker rmi`: by a tag, or by an id.

    Returns
    -------
    list of str
        What Docker prints: ``Untagged: base:1``, ``Deleted: sha256:...`` (an image, or the ChainID of a layer).

    Raises
    ------
    NotFound
        No such image.
    InUse
        A container, a child image or another tag needs it; the words are Docker's.
    """
    image = engine.image(name)
    tags = engine.home.images.tags_of(image.id)
    if full_name(name) in tags:
        return _by_tag(engine, image, name, tags, force)
    conflict = _conflict(engine, image, force, tags_count=len(tags) > 1)
    if conflict:
        raise InUse(f"conflict: unable to delete {_short(image)} {conflict}")
    return _delete(engine, image, force=True)


def _by_tag(engine: "Engine", image: Image, name: str, tags: list[str], force: bool) -> list[str]:
    users = _users(engine, image)
    if not force and len(tags) == 1 and users:
        raise InUse(
            f'conflict: unable to remove repository reference "{name}" (must force) - container '
            f"{users[0].id[:12]} is using its referenced image {_short(image)}"
        )
    records = [_untag(engine, image, full_name(name))]
    return records if len(tags) > 1 else records + _delete(engine, image, force)


def _untag(engine: "Engine", image: Image, tag: str) -> str:
    del engine.home.images.tags[tag]
    engine.events.note("image", "untag", image.id, name=image.id)
    return f"Untagged: {tag}"


def _delete(engine: "Engine", image: Image, force: bool) -> list[str]:
    """The image, then its parents as far as nothing needs them; what is needed stays without a word."""
    store = engine.home.images
    if _conflict(engine, image, force):
        return []
    records = [_untag(engine, image, tag) for tag in store.tags_of(image.id)]
    del store.images[image.id]
    gone = engine.home.layers.release(image.layer) if image.layer else []
    engine.events.note("image", "delete", image.id, name=image.id)
    records += [f"Deleted: {image.id}", *(f"Deleted: {layer.chain_id}" for layer in gone)]
    parent = store.images.get(image.parent)
    return records + (_delete(engine, parent, force=False) if parent else [])


def _conflict(engine: "Engine", image: Image, force: bool, tags_count: bool = True) -> str:
    """What stands in the way: a child and a running container always, the rest unless forced; empty if nothing does."""
    store, users = engine.home.images, _users(engine, image)
    running = [box for box in users if box.state in ACTIVE]
    if store.children(image.id):
        return "(cannot be forced) - image has dependent child images"
    if running:
        return f"(cannot be forced) - image is being used by running container {running[0].id[:12]}"
    if not force and tags_count and store.tags_of(image.id):
        return "(must be forced) - image is referenced in multiple repositories"
    if not force and users:
        return f"(must be forced) - image is being used by stopped container {users[0].id[:12]}"
    return ""


def _users(engine: "Engine", image: Image) -> list[Container]:
    return [box for box in engine.containers() if box.image_id == image.id]


def _short(image: Image) -> str:
    return image.id.removeprefix("sha256:")[:12]


# -------------------------------------------------------------------- prune


def prune_containers(engine: "Engine") -> int:
    """`docker container prune`: all that do not run; gives the bytes that Docker says it reclaimed (their SizeRw)."""
    boxes = [box for box in engine.containers() if box.state not in ACTIVE]
    reclaimed = 0
    for box in boxes:
        reclaimed += engine.size_rw(box.name)
        engine.rm(box.name)
    engine.events.note("container", "prune", reclaimed=str(reclaimed))
    return reclaimed


def prune_images(engine: "Engine", all: bool = False) -> int:
    """`docker image prune`: images without a tag, with `all` those without a container; gives recorded sizes."""
    return pruned_images(engine, all)[1]


def pruned_images(engine: "Engine", all: bool = False) -> tuple[list[str], int]:
    """The same, with what Docker prints, as `rmi` gives it."""
    sizes = {layer.chain_id: layer.size for layer in engine.home.layers.layers.values()}
    records: list[str] = []
    for image in engine.images():
        if image.id in engine.home.images.images:  # it may have gone with another one
            records += _prune(engine, image, all)
    reclaimed = sum(sizes.get(record.removeprefix("Deleted: "), 0) for record in records)
    engine.events.note("image", "prune", reclaimed=str(reclaimed))
    return records, reclaimed


def _prune(engine: "Engine", image: Image, all: bool) -> list[str]:
    tags = engine.home.images.tags_of(image.id)
    records: list[str] = []
    for name in (tags if all else []) if tags else [image.id]:
        try:
            records += rmi(engine, name)
        except SnapsimError:  # needed by something: Docker skips it as well
            continue
    return records


def prune_volumes(engine: "Engine") -> int:
    """`docker volume prune` of 20.10: volumes that no container mounts, with a name or without."""
    mounted = {volume for box in engine.containers() for volume in box.volumes}
    unused = [volume for volume in engine.volumes if volume not in mounted]
    reclaimed = sum(engine.volumes.pop(volume) for volume in unused)
    for volume in unused:
        engine.events.note("volume", "destroy", volume, driver="local")
    engine.events.note("volume", "prune", reclaimed=str(reclaimed))
    return reclaimed


def prune_system(engine: "Engine", all: bool = False) -> int:
    """`docker system prune`: containers, then networks, images and the build cache; volumes stay."""
    reclaimed = prune_containers(engine)
    engine.events.note("network", "prune", reclaimed="0")
    reclaimed += prune_images(engine, all)
    engine.events.note("builder", "prune", reclaimed="0")
    return reclaimed


PRUNES: Mapping[str, Callable[["Engine", bool], int]] = {
    "container": lambda engine, all: prune_containers(engine),
    "image": prune_images,
    "volume": lambda engine, all: prune_volumes(engine),
    "system": prune_system,
}
"""What `docker ... prune` takes away, by its noun."""
