"""Plays a scenario on an engine, step by step: an import, each step of each build, each container.

The steps have the names that the captures' timelines give them, so that a figure can be taken after each one
and held against the real daemon's.

>>> from snapsim.docker.daemon_config import DaemonConfig
>>> from snapsim.drivers.graphdrivers import DRIVERS
>>> from snapsim.docker.scenario import parse
>>> ops = [{"op": "create", "files": [{"path": "f", "size": 8192}]}]
>>> scenario = parse({"images": [{"tag": "base:1", "layers": [{"created_by": "import", "ops": ops}]}],
...                   "containers": [{"name": "c1", "image": "base:1", "ops": [{"op": "unlink", "path": "f"}]}]})
>>> engine = Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig("zfs"))
>>> [(step, engine.driver.space()) for step in steps(scenario, engine)]
[('image base:1', 8192), ('container c1', 8192)]
>>> [str(change) for change in engine.diff("c1")]
['D /f']

What it leaves out: a build cache, so that each step is carried out; what a step reads.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.docker.build import BuildStep, build_step, import_image
from snapsim.docker.engine import Engine
from snapsim.docker.figures import CacheUse
from snapsim.docker.scenario import Scenario, ScenarioContainer, ScenarioImage, ScenarioLayer
from snapsim.files.mounts.mount import Mount
from snapsim.lab.executor import Executor
from snapsim.lab.operations import Op


def play(scenario: Scenario, engine: Engine, place: str = "") -> Engine:
    """Carry out the whole scenario; gives the engine back.

    Parameters
    ----------
    scenario : Scenario
    engine : Engine
        A fresh one, or one whose images have other names.
    place : str, optional
        The file, named in errors.

    Raises
    ------
    InvalidInput
        A step cannot be done: no such file, no space left, too many layers; with the place of the operation.
    """
    for _ in steps(scenario, engine, place):
        pass
    return engine


def steps(scenario: Scenario, engine: Engine, place: str = "") -> Iterator[str]:
    """Carry out one step after the other, each synced; gives the step's name once it is done. Errors as of `play`."""
    engine.volumes.update(scenario.volumes)
    for number, image in enumerate(scenario.images):
        yield from _image(engine, image, f"{place}: images[{number}]" if place else f"images[{number}]")
    for number, container in enumerate(scenario.containers):
        _container(engine, container, f"{place}: containers[{number}]" if place else f"containers[{number}]")
        engine.driver.sync()
        yield f"container {container.name}"


def build_cache(scenario: Scenario) -> tuple[CacheUse, ...]:
    """The records of BuildKit's cache that the scenario states."""
    return tuple(CacheUse(**record) for record in scenario.build_cache)


def _image(engine: Engine, image: ScenarioImage, place: str) -> Iterator[str]:
    layers = [(layer, f"{place}.layers[{number}]") for number, layer in enumerate(image.layers)]
    if not image.base:
        layer, at = layers.pop(0)
        _guarded(at, partial(import_image, engine, image.tag, partial(_work, engine, layer.ops, at)))
        engine.driver.sync()
        yield f"image {image.tag}"
    found = engine.image(image.base or image.tag)
    for layer, at in layers:
        found = _guarded(at, partial(build_step, engine, found, _step(engine, layer, at)))
        if layer is layers[-1][0]:
            engine.tag(found.id, image.tag)
        engine.driver.sync()
        yield f"image {image.tag}: {layer.created_by}"
    if image.base and not layers:
        engine.tag(found.id, image.tag)
        yield f"image {image.tag}"


def _step(engine: Engine, layer: ScenarioLayer, place: str) -> BuildStep:
    return BuildStep(layer.created_by, partial(_work, engine, layer.ops, place) if layer.ops else None)


def _work(engine: Engine, ops: tuple[Op, ...], place: str, mount: Mount[Any]) -> None:
    """The operations of a workload, in a tree that is mounted already."""
    run = Executor(engine.driver, place)
    run.mounts["s0"] = mount
    for number, op in enumerate(ops):
        run.run(op, f"ops[{number}]")


def _container(engine: Engine, container: ScenarioContainer, place: str) -> None:
    _guarded(place, partial(engine.create, container.image, container.name, volumes=container.volumes))
    if container.state == "created":
        return
    mount = engine.start(container.name, attach=container.state == "exited")
    _guarded(place, partial(_work, engine, container.ops, place, mount))
    if container.state == "exited":
        engine.finish(container.name)
    elif container.state == "paused":
        engine.pause(container.name)


def _guarded(place: str, work: Any) -> Any:
    """What the driver refuses is an error of the scenario at this place; one with a place of its own stays."""
    try:
        return work()
    except OSError as error:
        raise InvalidInput(f"{error.filename or 'the layer'}: {error.strerror}", place) from None
    except SnapsimError as error:
        if isinstance(error, InvalidInput) and error.place.startswith(place):
            raise
        raise InvalidInput(str(error), place) from None
