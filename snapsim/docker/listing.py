"""What `docker system df -v` prints: a table of images, one of containers, of volumes, and of BuildKit's cache.

Plain data in, text out. Columns, order and rounding are those of docker/cli (`cli/command/formatter`): sizes
of images and volumes have four digits, those of containers and cache records three; ids have 12 letters, a command 20.

What the model does not have is printed as Docker prints what it does not know:

| column | here | Docker |
|---|---|---|
| CREATED | N/A: there is an order and no clock | 3 minutes ago |
| STATUS | Created, Up, Up (Paused), Exited (0) | Exited (0) 2 minutes ago |
| LAST USED | empty: the records of a scenario were never used | 2 days ago |
| USAGE | 1 for a record that is in use, else 0 | how often it was used |
| IMAGE ID, CONTAINER ID | the engine's: digests of what the model knows | digests of more, and random |
| COMMAND | as given to `create`; a scenario has operations and no programs: empty | "sh -c 'dd if=/dev/u…" |

>>> from snapsim.docker.figures import ContainerUse, ImageUse
>>> image = ImageUse("sha256:41ee0ba49d5c88", ("base:1",), (("1", 35_606_418),), containers=1)
>>> box = ContainerUse("ec328512c281aa", "c5", "base:1", image.id, 38_797_312, 74_403_730, command="sh -c 'sleep 1000'")
>>> print(listing(DiskUsage((image,), (box,)), (20, 10)), end="")
Images space usage:
<BLANKLINE>
REPOSITORY   TAG       IMAGE ID       CREATED   SIZE      SHARED SIZE   UNIQUE SIZE   CONTAINERS
base         1         41ee0ba49d5c   N/A       35.61MB   0B            35.61MB       1
<BLANKLINE>
Containers space usage:
<BLANKLINE>
CONTAINER ID   IMAGE     COMMAND                LOCAL VOLUMES   SIZE      CREATED   STATUS       NAMES
ec328512c281   base:1    "sh -c 'sleep 1000'"   0               38.8MB    N/A       Exited (0)   c5
<BLANKLINE>
Local Volumes space usage:
<BLANKLINE>
VOLUME NAME   LINKS     SIZE
<BLANKLINE>
Build cache usage: 0B
<BLANKLINE>
CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED

LEAVES OUT: intermediate images, which Docker does not list here either.
"""

import json

from snapsim.base.units import docker_size
from snapsim.docker.figures import CacheUse, ContainerUse, DiskUsage, ImageUse, VolumeUse, columns, totals

UNKNOWN = "N/A"
_IMAGES = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS")
_CONTAINERS = ("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES")
_VOLUMES = ("VOLUME NAME", "LINKS", "SIZE")
_CACHE = ("CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED")
_COMMAND = 20


def listing(found: DiskUsage, version: tuple[int, ...]) -> str:
    """The four tables under their headings, as the command line of a release prints them."""
    cache = docker_size(totals(found, version)[3].size)
    return "\n".join(
        [
            "Images space usage:\n",
            columns([_IMAGES, *(_image(found, image) for image in found.images)]),
            "Containers space usage:\n",
            columns([_CONTAINERS, *map(_container, found.containers)]),
            "Local Volumes space usage:\n",
            columns([_VOLUMES, *map(_volume, found.volumes)]),
            f"Build cache usage: {cache}\n",
            columns([_CACHE, *map(_record, sorted(found.build_cache, key=lambda record: record.id))]),
        ]
    )


def short_id(id: str) -> str:
    """An id as tables print it.

    Examples
    --------
    >>> short_id("sha256:41ee0ba49d5c88aa"), short_id("k")
    ('41ee0ba49d5c', 'k')
    """
    return id.removeprefix("sha256:")[:12]


def status(box: ContainerUse) -> str:
    """What `docker ps` says of a container, without a time."""
    words = {"created": "Created", "running": "Up", "paused": "Up (Paused)"}
    return words.get(box.state, f"Exited ({box.exit_code})")


def _image(found: DiskUsage, image: ImageUse) -> tuple[str, ...]:
    name, _, tag = image.tags[0].rpartition(":") if image.tags else ("<none>", "", "<none>")
    shared = found.shared(image)
    sizes = (docker_size(size) for size in (image.size, shared, image.size - shared))
    short = name.removeprefix("docker.io/").removeprefix("library/")
    return short, tag, short_id(image.id), UNKNOWN, *sizes, str(image.containers)


def _container(box: ContainerUse) -> tuple[str, ...]:
    image = short_id(box.image_id) if box.image == box.image_id else box.image
    return (
        short_id(box.id),
        image,
        _command(box.command),
        str(len(box.volumes)),
        docker_size(box.size_rw, 3),
        UNKNOWN,
        status(box),
        box.name,
    )


def _command(command: str) -> str:
    """In quotes, cut off where it is too long."""
    cut = command if len(command) <= _COMMAND else command[: _COMMAND - 1] + "…"
    return json.dumps(cut, ensure_ascii=False)


def _volume(volume: VolumeUse) -> tuple[str, ...]:
    return volume.name, str(volume.links), docker_size(volume.size)


def _record(record: CacheUse) -> tuple[str, ...]:
    mark = "*" if record.in_use else ""
    return (
        short_id(record.id) + mark,
        "regular",
        docker_size(record.size, 3),
        UNKNOWN,
        "",
        str(int(record.in_use)),
        str(record.shared).lower(),
    )
