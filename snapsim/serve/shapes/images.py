"""Images as ``GET /images/json``, ``/images/NAME/json`` and ``/images/NAME/history`` give them.

What it leaves out: digests of repositories, manifests (API 1.47), and the platform of images for another machine.
"""

from typing import Any

from snapsim.docker.engine import Engine
from snapsim.docker.images import Image
from snapsim.drivers.driver import Driver
from snapsim.serve.shapes import configs
from snapsim.serve.shapes.times import seconds, stamp

Version = tuple[int, int]


def digest(name: str) -> str:
    """A digest as the API spells it: those of the model's own are of the same form.

    Examples
    --------
    >>> digest("model:1f"), digest("sha256:1f")
    ('sha256:1f', 'sha256:1f')
    """
    return "sha256:" + name.partition(":")[2]


def summary(engine: Engine, image: Image, api: Version, shared: int = -1, containers: int = -1) -> dict[str, Any]:
    """A row of ``GET /images/json``; SharedSize and Containers are -1 where they were not worked out."""
    tags = engine.home.images.tags_of(image.id)
    row = {
        "Containers": containers,
        "Created": seconds(image.made),
        "Id": image.id,
        "Labels": image.config.get("Labels"),
        "ParentId": image.parent,
        "RepoDigests": ([] if api >= (1, 43) else None) if tags else _NONE_DIGEST[api >= (1, 43)],
        "RepoTags": tags or ([] if api >= (1, 43) else ["<none>:<none>"]),
        "SharedSize": shared,
        "Size": image.size,
    }
    return row if api >= (1, 44) else {**row, "VirtualSize": image.size}


_NONE_DIGEST: dict[bool, list[str]] = {True: [], False: ["<none>@<none>"]}


def inspected(engine: Engine, image: Image, api: Version, server: str) -> dict[str, Any]:
    """``GET /images/NAME/json``."""
    config = configs.for_image(image.config)
    found = {
        "Id": image.id,
        "RepoTags": engine.home.images.tags_of(image.id),
        "RepoDigests": [],
        "Parent": image.parent,
        "Comment": image.about.get("comment", image.history[-1].comment if image.history else ""),
        "Created": stamp(image.made),
        "Container": image.about.get("container", ""),
        "ContainerConfig": configs.for_image(config if image.about.get("container") else {}),
        "DockerVersion": server,
        "Author": image.about.get("author", ""),
        "Config": config,
        "Architecture": "amd64",
        "Os": "linux",
        "Size": image.size,
        "VirtualSize": image.size,
        "GraphDriver": graph(engine.driver, image.layer.cache_id if image.layer else None),
        "RootFS": {"Type": "layers", "Layers": [digest(layer.diff_id) for layer in image.layers()]},
        "Metadata": {"LastTagTime": stamp(image.tagged)},
    }
    gone = {"VirtualSize"} if api >= (1, 44) else set()
    gone |= {"Container", "ContainerConfig"} if api >= (1, 45) else set()
    return {key: value for key, value in found.items() if key not in gone}


def graph(driver: Driver, layer: str | None) -> dict[str, Any]:
    """`GraphDriver` of an image or a container."""
    data = driver.metadata(layer) if layer is not None and driver.exists(layer) else {}
    return {"Data": dict(data) or None, "Name": driver.name}


def history(engine: Engine, image: Image) -> list[dict[str, Any]]:
    """``GET /images/NAME/history``, newest first: an id for the image itself and for those that are its parents."""
    store = engine.home.images
    ids: list[Image] = [image]
    while ids[-1].parent in store.images:
        ids.append(store.images[ids[-1].parent])
    named = {len(each.history): each for each in ids}
    rows = []
    steps = engine.history(image.id)
    for number, (step, size) in enumerate(steps):
        here = named.get(len(steps) - number)
        rows.append({
            "Comment": step.comment,
            "Created": seconds(step.made),
            "CreatedBy": step.created_by,
            "Id": here.id if here else "<missing>",
            "Size": size,
            "Tags": (store.tags_of(here.id) or None) if here else None,
        })  # fmt: skip
    return rows
