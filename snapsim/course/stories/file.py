"""The story of one file under a storage driver: in words, and as a stack of layers.

An image layer with three files, and a container on it that opens, writes, writes again, and deletes. The driver
runs and its devices are recorded; what became of each file is what the driver's own ``changes`` say.

What it leaves out: more than one image layer, links, and renames.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import KiB, format_size
from snapsim.block.device import IOCounts, counting, recording
from snapsim.course.stories.narration import bill, narrate
from snapsim.drivers.driver import Driver
from snapsim.files.mounts.union import Union
from snapsim.lab.stacks import STACKS

FILES = {"app.db": 256 * KiB, "etc.conf": 4 * KiB, "old.log": 64 * KiB}
_MARKS = {"A": "file", "C": "copy-up", "D": "whiteout"}


def tell(name: str) -> Iterator[str]:
    """The story, line by line.

    Parameters
    ----------
    name : str
        A storage driver; the first of its stacks is taken.
    """
    driver = _image(name)
    sizes = ", ".join(f"{path} ({format_size(size)})" for path, size in FILES.items())
    yield f"An image layer with the files {sizes}; nothing of them is in the page cache."
    yield from _act("Create the container's layer", driver, lambda: driver.create_read_write("container", "image"))
    for title, work in _ACTS.items():
        yield from _act(title, driver, partial(_in_container, driver, work))
    driver.drop_caches()
    yield from _act(
        "Read etc.conf, which nobody changed, with a cold page cache",
        driver,
        partial(_in_container, driver, lambda mount: mount.read("/etc.conf")),
    )
    yield "\nWhat docker diff lists"
    yield from (f"  {change}" for change in driver.changes("container", "image"))
    usage = driver.usage("container")
    yield f"The container's layer holds {format_size(usage.exclusive)} alone, in blocks."


_ACTS: dict[str, Callable[[Any], object]] = {
    "Open app.db for writing, and write nothing": lambda mount: mount.open("/app.db", os.O_RDWR).close(),
    "Write one byte of app.db (its first write)": lambda mount: mount.write("/app.db", 128 * KiB, 1),
    "Write the same byte again": lambda mount: mount.write("/app.db", 128 * KiB, 1),
    "Delete old.log": lambda mount: mount.unlink("/old.log"),
}


def _image(name: str) -> Driver:
    driver = next(stack for stack in STACKS.values() if stack.driver == name).make()
    driver.create("image")
    with driver.mounted("image") as mount:
        for path, size in FILES.items():
            mount.write(f"/{path}", 0, size)
    driver.sync()
    driver.drop_caches()
    return driver


def _in_container(driver: Driver, work: Callable[[Any], object]) -> None:
    with driver.mounted("container") as mount:
        work(mount)


def _act(title: str, driver: Driver, work: Callable[[], None]) -> Iterator[str]:
    """Do something, write back what is dirty, and tell which requests it made."""
    yield f"\n{title}"
    with counting(*driver.devices) as io, recording(*driver.devices) as story:
        work()
        driver.sync()
    yield from narrate(story)
    yield bill(io.counts) if io.counts != IOCounts() else "Bill: no data moves; no device saw a request"


def layers(name: str) -> list[tuple[str, dict[str, str]]]:
    """What the story leaves behind, for `snapsim.show.plots.layer_stack`: the container's layer over the image's.

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
    driver = _image(name)
    driver.create_read_write("container", "image")
    with driver.mounted("container") as mount:
        if not isinstance(mount, Union):
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
