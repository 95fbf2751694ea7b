"""How images are made: `docker import` and the steps of a build.

Each step of the classic builder is an image of its own, on the one before:

- **COPY, ADD**: a writable layer on the image, without a container, is filled and committed.
- **RUN**: a container is made, started and committed. Its layer is *diffed*, and the archive applied to a new layer, so
  that a file of which one byte changed is in the image once more, whole, whatever the driver shares.
- **ENV, CMD, LABEL ...**: a container is made and removed; its changes are none, so that no layer comes of it. Nor does
  one of a RUN that changes nothing.

The events are those of a real daemon: no commit is logged in a build. Source: moby 20.10 `builder/dockerfile`.

>>> from snapsim.docker.daemon_config import DaemonConfig
>>> from snapsim.drivers.graphdrivers import DRIVERS
>>> engine = Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig("btrfs"))
>>> base = import_image(engine, "base:1", lambda mount: mount.write("/f", 0, 1 << 20))
>>> image = build(engine, "child:1", "base:1", [BuildStep("RUN", lambda mount: mount.write("/f", 4096, 1)),
...                                              BuildStep("ENV a=b")])
>>> [(step.created_by, size) for step, size in engine.history("child:1")]
[('ENV a=b', 0), ('RUN', 1048576), ('', 1048576)]
>>> len(engine.images()), len(engine.images(all=True))
(2, 3)

What it leaves out: the build cache (no step is found there), BuildKit, several stages, and what a file is copied from.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from snapsim.block.device import BlockDevice
from snapsim.docker.engine import Engine
from snapsim.docker.images import Image
from snapsim.drivers.diff import HistoryStep
from snapsim.drivers.naive_diff import archive, changes
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.tree import TreeMount

Work = Callable[[Mount[Any]], object]
_SCRATCH = 1 << 24  # blocks (64 GiB), as much as the drivers have


@dataclass(frozen=True)
class BuildStep:
    """One step: what the Dockerfile says, and what it does to the files (None: nothing)."""

    created_by: str
    work: Work | None = None

    @property
    def copies(self) -> bool:
        """COPY or ADD: files come from outside, and no container is started."""
        return instruction(self.created_by) in ("COPY", "ADD")

    @property
    def runs(self) -> bool:
        """A container is started: RUN, even of what changes nothing."""
        return self.work is not None or instruction(self.created_by) == "RUN"


def instruction(created_by: str) -> str:
    """The first word of a step, without what the builder puts before it.

    Examples
    --------
    >>> instruction("/bin/sh -c #(nop) COPY file:73a6 in /data/four"), instruction("RUN rm /data/small")
    ('COPY', 'RUN')
    """
    words = created_by.removeprefix("/bin/sh -c ").removeprefix("#(nop)").split()
    return words[0].upper() if words else ""


def import_image(engine: Engine, name: str, work: Work) -> Image:
    """`tar -c . | docker import - NAME`: the archive holds whatever `work` makes in an empty directory."""
    fs = FILESYSTEMS["ext4"](BlockDevice(_SCRATCH), clock=engine.driver.clock)
    mount = TreeMount(fs, fs.root)
    work(mount)
    return engine.import_(archive(mount, changes(mount, None)), name)


def build(engine: Engine, name: str, base: str, steps: Iterable[BuildStep]) -> Image:
    """`docker build -t NAME`, ``FROM`` a base image.

    Raises
    ------
    NotFound, InvalidInput
        There is no such base; ``max depth exceeded``.
    OSError
        What the work or the driver raised; the images of the steps before stay, without a tag.
    """
    image = engine.image(base)
    for step in steps:
        image = build_step(engine, image, step)
    engine.tag(image.id, name)
    return image


def build_step(engine: Engine, image: Image, step: BuildStep) -> Image:
    """The image of one step, on the image of the step before; it has no tag. Errors as of `build`."""
    return _copy(engine, image, step) if step.copies else _run(engine, image, step)


def _copy(engine: Engine, image: Image, step: BuildStep) -> Image:
    layers = engine.home.layers
    id = layers.fresh_id("copy")
    layers.create_read_write(id, image.layer, init=False)
    try:
        with engine.driver.mounted(id) as mount:
            if step.work:
                step.work(mount)
        return engine.commit_layer(id, image, HistoryStep(step.created_by))
    finally:
        layers.remove_read_write(id)


def _run(engine: Engine, image: Image, step: BuildStep) -> Image:
    box = engine.create(image.id, engine.home.layers.fresh_id("name")[:12], step.created_by)
    try:
        if step.runs:
            mount = engine.start(box.name, attach=True)
            if step.work:
                step.work(mount)
            engine.finish(box.name)
        return engine.commit_layer(box.id, image, HistoryStep(step.created_by))
    finally:
        engine.rm(box.name, force=True)
