"""`snapsim df`: what `docker system df` would say after a scenario, for a driver and a release of Docker.

With ``--driver overlayfs`` containerd's image store answers, as on a fresh Docker 29; there the model knows
bounds only, and prints them as bounds.

>>> print(report("", driver="overlay2"), end="")
TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
Images          2         1         73.36MB   35.61MB (48%)
Containers      5         0         49.28MB   49.28MB (100%)
Local Volumes   0         0         0B        0B
Build Cache     0         0         0B        0B

What it leaves out: how long it took.
"""

import json
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.shipped import SHIPPED
from snapsim.base.units import docker_size
from snapsim.docker import figures as docker_figures
from snapsim.docker import listing as docker_listing
from snapsim.docker.containerd_figures import snapshot_usage
from snapsim.docker.daemon import start
from snapsim.docker.disk_usage import body, usage
from snapsim.docker.engine import Engine
from snapsim.docker.figures import parse_version
from snapsim.docker.scenario import load
from snapsim.docker.scenario_player import build_cache, play

SCENARIO = SHIPPED / "scenarios" / "base-and-child.json"
SNAPSHOTTER = "overlayfs"
_FIRST_WITH_SNAPSHOTTERS = (24, 0, 0)
_BOUNDS = """\
Containerd's image store, by reading the source alone. Snapshots: allocated bytes, directories included, on a file
system with blocks of 4 KiB. Compressed layers are kept as well and count; their sizes are not known here, so that
images take more than is said."""


def report(
    path: str = "", driver: str = "", stack: str = "", version: str = "", format: str = "table", verbose: bool = False
) -> str:
    r"""The text that the command prints.

    Parameters
    ----------
    path : str
        A scenario file, ``-`` for standard input, the shipped one when empty.
    driver, stack : str
        One of the two; overlay2 on ext4 when both are empty.
    version : str
        Of Docker; 20.10 when empty, 29.4.1 for containerd's store.
    format : str
        "table": as the command line prints it; "json": as ``GET /system/df`` answers, and one key more, ``Basis``,
        where the rules rest on reading the source.
    verbose : bool
        Each image, container, volume and cache record, as ``docker system df -v`` prints them. The JSON has them all
        in any case; for containerd's store each has its row anyway.

    Raises
    ------
    InvalidInput
        A bad scenario, or a driver that this release does not have.

    Examples
    --------
    >>> print(*report(verbose=True).split("\n\n")[::2], sep="\n")
    Images space usage:
    Containers space usage:
    Local Volumes space usage:
    Build cache usage: 0B
    """
    if driver and stack:
        raise InvalidInput(f"{driver} and {stack} are not allowed together: one of --driver and --stack")
    scenario = load(path or str(SCENARIO))
    if driver == SNAPSHOTTER:
        return _snapshotter(play(scenario, start(stack="overlay2-ext4"), path), version or "29.4.1", format)
    config = {"storage-driver": driver} if driver else {}
    engine = play(scenario, start(config, stack or ("" if driver else "overlay2-ext4"), version or "20.10"), path)
    found, release = usage(engine, build_cache(scenario)), engine.version
    labelled = release[:2] != docker_figures.CAPTURED
    if format == "json":
        return _json({**body(found, release), **({"Basis": docker_figures.basis(release)} if labelled else {})})
    printed = docker_listing.listing if verbose else docker_figures.table
    return printed(found, release) + (f"\n{docker_figures.basis(release)}\n" if labelled else "")


def _json(answer: dict[str, Any]) -> str:
    return json.dumps(answer, indent=1) + "\n"


# -------------------------------------------------------------------- containerd's store


def _snapshotter(engine: Engine, version: str, format: str) -> str:
    if parse_version(version) < _FIRST_WITH_SNAPSHOTTERS:
        raise InvalidInput(f"{version} has no snapshotters: 24.0 or later", "--docker-version")
    found = {
        "Images": {name: _sum(layers) for name, layers in _stacks(engine).items()},
        "Layers": _sum({layer for layers in _stacks(engine).values() for layer in layers}),
        "Containers": {box.name: snapshot_usage(engine.home.layers.commit(box.id)) for box in engine.containers()},
    }
    if format == "json":
        return _json({"Snapshotter": SNAPSHOTTER, "Basis": _BOUNDS.replace("\n", " "), "AtLeastAtMost": found})
    rows = [
        ("SNAPSHOTS OF", "AT LEAST", "AT MOST"),
        *_rows("image", found["Images"]),
        *_rows("all", {"images": found["Layers"]}),
        *_rows("container", found["Containers"]),
    ]
    return docker_figures.columns(rows) + f"\n{_BOUNDS}\n"


def _stacks(engine: Engine) -> dict[str, list[tuple[str, tuple[int, int]]]]:
    """For each listed image the ChainIDs of its layers, with the bounds of each."""
    return {
        ", ".join(engine.home.images.tags_of(image.id)) or image.id: [
            (layer.chain_id, layer.allocated) for layer in image.layers()
        ]
        for image in engine.images()
    }


def _sum(layers: Any) -> tuple[int, int]:
    return sum(low for _, (low, _) in layers), sum(high for _, (_, high) in layers)


def _rows(kind: str, bounds: Any) -> list[tuple[str, ...]]:
    return [(f"{kind} {name}", docker_size(low), docker_size(high)) for name, (low, high) in bounds.items()]
