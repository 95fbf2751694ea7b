"""The story of one file under a storage driver: in words, and as a stack of layers.

An image layer with three files, and a container on it that opens, writes, writes again, and deletes. The driver runs
and its devices are recorded; the changes of each file at the end are those of the driver's own ``changes``.

What it leaves out: more than one image layer, links, and renames.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import KiB, format_size
from snapsim.drivers.driver import Driver
from snapsim.files.mounts.union import Union
from snapsim.lab.stacks import FIRST
from snapsim.stories.drivers import LayerTeller
from snapsim.stories.story import Story
from snapsim.stories.text import lines, masked

FILES = {"app.db": 256 * KiB, "etc.conf": 4 * KiB, "old.log": 64 * KiB}
_MARKS = {"A": "file", "C": "copy-up", "D": "whiteout"}


def tell(story: Story, after: Sequence[str], level: str = "data", ask: bool = False) -> Iterator[str]:
    """The story, line by line, and the state at its end.

    Parameters
    ----------
    story : Story
    after : sequence of str
        The lines of the end; `frames` returns both.
    level : str
        One of `snapsim.stories.text.LEVELS`.
    ask : bool
        Leave the numbers out.
    """
    yield from lines(story, level, ask, pointers=False)
    yield from map(masked, after) if ask else after


def frames(name: str) -> tuple[Story, list[str]]:
    """The story as data, frame by frame, and what the driver says at the end.

    Parameters
    ----------
    name : str
        A storage driver; the first of its stacks is taken.
    """
    teller = _played(name)
    sizes = ", ".join(f"{path} ({format_size(size)})" for path, size in FILES.items())
    story = teller.story(name, name, (f"An image layer with the files {sizes}; nothing of them is in the page cache.",))
    changes = [f"  {change}" for change in teller.driver.changes("container", "image")]
    usage = teller.driver.usage("container")
    return story, [
        "\nWhat docker diff lists",
        *changes,
        f"The container's layer holds {format_size(usage.exclusive)} alone, in blocks.",
    ]


def _played(name: str) -> LayerTeller:
    teller = LayerTeller.on_image(FIRST[name].make(), {f"/{path}": size for path, size in FILES.items()})
    teller.act("Create the container's layer", lambda: teller.container("container"))
    for title, work in _ACTS.items():
        teller.act(title, partial(_in_container, teller.driver, work))
    teller.driver.drop_caches()
    teller.act(
        "Read etc.conf, which nobody changed, with a cold page cache",
        partial(_in_container, teller.driver, lambda mount: mount.read("/etc.conf")),
    )
    return teller


_ACTS: dict[str, Callable[[Any], object]] = {
    "Open app.db for writing, and write nothing": lambda mount: mount.open("/app.db", os.O_RDWR).close(),
    "Write one byte of app.db (its first write)": lambda mount: mount.write("/app.db", 128 * KiB, 1),
    "Write the same byte again": lambda mount: mount.write("/app.db", 128 * KiB, 1),
    "Delete old.log": lambda mount: mount.unlink("/old.log"),
}


def _in_container(driver: Driver, work: Callable[[Any], object]) -> None:
    with driver.mounted("container") as mount:
        work(mount)


def layers(name: str) -> list[tuple[str, dict[str, str]]]:
    """The layers at the end of the story, for `snapsim.show.plots.layer_stack`: the container's over the image's.

    Raises
    ------
    InvalidInput
        The driver has no union mount, so no layers that could hide one another.

    Examples
    --------
    >>> layers("overlay2")
    [('container (upper)', {'app.db': 'copy-up', 'old.log': 'whiteout'}), \
('image (lower)', {'app.db': 'hidden', 'etc.conf': 'file', 'old.log': 'hidden'})]
    """
    driver = LayerTeller.on_image(FIRST[name].make(), {f"/{path}": size for path, size in FILES.items()}).driver
    driver.create_read_write("container", "image")
    with driver.mounted("container") as mount:
        if not isinstance(mount.tree, Union):
            raise InvalidInput(f"{name} mounts no union of layers: overlay2 or aufs")
    for work in _ACTS.values():
        _in_container(driver, work)
    upper = {
        change.path.lstrip("/"): _MARKS[change.kind]
        for change in driver.changes("container", "image")
        if change.path != "/"
    }
    return [
        ("container (upper)", upper),
        ("image (lower)", {path: "hidden" if path in upper else "file" for path in FILES}),
    ]
