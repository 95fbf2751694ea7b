"""The scenario file: images to build and containers to run, as operations on files.

Plain data in JSON; the captures of real daemons were made from the same operations:

    {"title": "...", "note": "...",
     "images":     [{"tag": "base:1", "layers": [{"created_by": "import", "ops": [OP, ...]}]},
                    {"tag": "child:1", "from": "base:1", "layers": [{"created_by": "RUN ...", "ops": [OP, ...]},
                                                                    {"created_by": "ENV ...", "empty": true}]}],
     "containers": [{"name": "c1", "image": "child:1", "ops": [OP, ...], "state": "exited", "volumes": ["v"]}],
     "volumes":    [{"name": "v", "size": 4096}],
     "build_cache": [{"id": "k", "size": 4096, "in_use": false, "shared": false}]}

An OP is one of a workload (docs/reference/workload.md) without ``in``, ``layer``, ``snapshot`` and ``seal``. `from` and
`image` name a tag that stands before; without a tag it is ``latest``. What is outside the model (the size of a program
that every image has, the volumes, BuildKit's cache) is input here, and nothing is added to it.

>>> scenario = parse({"images": [{"tag": "base", "layers": [{"ops": [{"op": "mkdir", "path": "etc"}]}]}]})
>>> scenario.images[0].tag, scenario.images[0].layers[0].ops[0].path
('base:latest', 'etc')
>>> parse({"images": [{"tag": "a", "from": "b", "layers": []}]}, "s.json")
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: s.json: images[0].from: "b:latest" is no image so far: none

LEAVES OUT: whether an operation can be done: only a driver knows. Bind mounts: Docker's figures do not show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import load_json
from snapsim.base.schema import Boolean, Choice, Field, ListOf, Record, Text, shown
from snapsim.docker.image_name import full_name
from snapsim.lab.operations import MOST, NAME, OPERATION, SIZE, Op

MOST_IMAGES = 1000
STATES = ("exited", "running", "paused", "created")
_TAG = Text(
    r"[a-z0-9][a-z0-9._/\-]{0,127}(:[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127})?",
    255,
    "the name of an image, such as base or base:1",
)
_LINE = Text(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*", 4095, "one line of printable text")


@dataclass(frozen=True)
class ScenarioLayer:
    """A step of an image: what the build wrote for it, and what it does to the files; an empty one does nothing."""

    created_by: str = ""
    ops: tuple[Op, ...] = ()
    empty: bool = False


@dataclass(frozen=True)
class ScenarioImage:
    """An image: `base` is the tag that it starts from, empty for none."""

    tag: str
    layers: tuple[ScenarioLayer, ...]
    base: str = ""


@dataclass(frozen=True)
class ScenarioContainer:
    """A container of an image; its operations are what runs in it."""

    name: str
    image: str
    ops: tuple[Op, ...] = ()
    state: str = "exited"
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A scenario, checked: every image and volume that it names stands before; names are not given twice.

    Attributes
    ----------
    volumes : tuple of (str, int)
        Names and bytes.
    build_cache : tuple of mapping
        Records with id, size (bytes), in_use and shared.
    """

    title: str = ""
    images: tuple[ScenarioImage, ...] = ()
    containers: tuple[ScenarioContainer, ...] = ()
    volumes: tuple[tuple[str, int], ...] = ()
    build_cache: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        tags: list[str] = []
        for number, image in enumerate(self.images):
            _check_image(image, tags, f"images[{number}]")
            tags.append(image.tag)
        volumes = [name for name, _ in self.volumes]
        names = [container.name for container in self.containers]
        for number, container in enumerate(self.containers):
            _known(container.image, tags, "image", f"containers[{number}].image")
            _unique(names, number, f"containers[{number}].name")
            for at, volume in enumerate(container.volumes):
                _known(volume, volumes, "volume", f"containers[{number}].volumes[{at}]")
        for number in range(len(volumes)):
            _unique(volumes, number, f"volumes[{number}].name")


def _check_image(image: ScenarioImage, tags: list[str], place: str) -> None:
    if image.tag in tags:
        raise InvalidInput(f"{shown(image.tag)} stands there already: each tag once", f"{place}.tag")
    if image.base:
        _known(image.base, tags, "image", f"{place}.from")
    elif not image.layers or image.layers[0].empty:
        raise InvalidInput("an image without `from` starts with a layer that has `ops`", f"{place}.layers")


def _known(name: str, names: list[str], kind: str, place: str) -> None:
    if name not in names:
        raise InvalidInput(f"{shown(name)} is no {kind} so far: {', '.join(names[:10]) or 'none'}", place)


def _unique(names: list[str], number: int, place: str) -> None:
    if names[number] in names[:number]:
        raise InvalidInput(f"{shown(names[number])} stands there already: each name once", place)


class _FileOperation:
    """An operation of a workload that has no snapshots."""

    def read(self, value: object) -> Op:
        """Give the operation, or raise `InvalidInput`."""
        op: Op = OPERATION.read(value)
        if op.op in ("layer", "snapshot", "seal"):
            raise InvalidInput(f"{shown(op.op)} is not allowed: an operation on files", "op")
        if op.in_ != "s0":
            raise InvalidInput("is not allowed: an operation runs in its own step or container", "in")
        return op

    def schema(self) -> dict[str, Any]:
        """Say the same in JSON Schema, as far as it goes."""
        return OPERATION.schema()


def _layer(keys: dict[str, Any]) -> ScenarioLayer:
    if bool(keys.get("ops")) == keys.get("empty", False):
        raise InvalidInput("a layer has `ops`, or is `empty`: one of the two", "ops" if "ops" in keys else "")
    return ScenarioLayer(**keys)


def _image(keys: dict[str, Any]) -> ScenarioImage:
    base = full_name(keys["from"]) if "from" in keys else ""
    return ScenarioImage(full_name(keys["tag"]), keys["layers"], base)


def _container(keys: dict[str, Any]) -> ScenarioContainer:
    if keys.get("state") == "created" and keys.get("ops"):
        raise InvalidInput("a container that was never started did nothing", "ops")
    return ScenarioContainer(**{**keys, "image": full_name(keys["image"])})


def _scenario(keys: dict[str, Any]) -> Scenario:
    keys.pop("note", None)
    return Scenario(**keys)


_OPS = ListOf(_FileOperation(), MOST)
_LAYER = Record("a layer", {}, {"created_by": _LINE, "ops": _OPS, "empty": Boolean()}, _layer)
_IMAGE = Record("an image", {"tag": _TAG, "layers": ListOf(_LAYER, MOST_IMAGES)}, {"from": _TAG}, _image)
_CONTAINER = Record(
    "a container",
    {"name": NAME, "image": _TAG},
    {"ops": _OPS, "state": Choice(STATES), "volumes": ListOf(NAME, MOST_IMAGES)},
    _container,
)
_VOLUME = Record("a volume", {"name": NAME}, {"size": SIZE}, lambda keys: (keys["name"], keys.get("size", 0)))
_CACHE = Record("a cache record", {"id": NAME}, {"size": SIZE, "in_use": Boolean(), "shared": Boolean()})
_OPTIONAL: Mapping[str, Field] = {
    "title": _LINE,
    "note": _LINE,
    "containers": ListOf(_CONTAINER, MOST_IMAGES),
    "volumes": ListOf(_VOLUME, MOST_IMAGES),
    "build_cache": ListOf(_CACHE, MOST_IMAGES),
}
SCENARIO = Record("a scenario", {"images": ListOf(_IMAGE, MOST_IMAGES)}, _OPTIONAL, _scenario)


def parse(data: object, place: str = "") -> Scenario:
    """A scenario from JSON values.

    Raises
    ------
    InvalidInput
        Whatever is not allowed, with its place, such as ``s.json: images[1].layers[0].ops[2].path``.
    """
    try:
        found: Scenario = SCENARIO.read(data)
    except InvalidInput as error:
        raise InvalidInput(error.problem, ": ".join(part for part in (place, error.place) if part)) from None
    return found


def load(path: str) -> Scenario:
    """A scenario from a file, or from standard input for ``-``; errors as of `parse`, and those of reading."""
    place = "standard input" if path == "-" else path
    return parse(load_json(path, place, "a readable scenario file (JSON) is allowed"), place)
