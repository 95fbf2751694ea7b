"""What a daemon and an engine say about the same images and containers, in one shape, so that `==` compares them.

Both give the same keys; what a real host decides by chance (ids, times, the order of `docker diff`, and of images that
were made within one second) is in neither.
"""

import json

from snapsim.docker.disk_usage import body, usage
from snapsim.drivers.diff import chain_id

_IMAGE = ("RepoTags", "Size", "SharedSize", "Containers")
_CONTAINER = ("Names", "SizeRw", "SizeRootFs", "State")
_COUNTS = ("Driver", "Images", "Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped")


def of_daemon(docker, since):
    """From a real daemon; `since` is the time of the first event that counts, as `daemon.now` gives it."""
    info, kept = docker.api("/info"), docker.layers()

    def layers(id):
        return [kept[chain][1] for chain in chains(docker, id)]

    def history(id):
        return [row["Size"] for row in docker.api(f"/images/{id}/history")]

    def diff(name):
        return docker("diff", name).splitlines()

    return {**_facts(info, docker.api("/system/df"), layers, history, diff), "events": docker.events(since)}


def chains(docker, image):
    """The ChainIDs of an image's layers from the base up, made of the DiffIDs that the daemon tells."""
    names = docker.api(f"/images/{image}/json")["RootFS"]["Layers"]
    return [chain_id(names[:count]) for count in range(1, len(names) + 1)]


def of_engine(engine, since=0):
    """From the model; `since` is a number of events."""

    def layers(id):
        return [layer.size for layer in engine.image(id).layers()]

    def history(id):
        return [size for _, size in engine.history(id)]

    def diff(name):
        return list(map(str, engine.diff(name)))

    told = body(usage(engine), engine.version)
    return {**_facts(engine.info(), told, layers, history, diff), "events": engine.events.kinds(since)}


def _facts(info, told, layers, history, diff):
    """Of the answers to GET /info and /system/df, and functions that look an image or a container up."""
    images = [[*(row.get(key, 0) for key in _IMAGE), layers(row["Id"]), history(row["Id"])] for row in told["Images"]]
    boxes = [[*(row.get(key, 0) for key in _CONTAINER), _called(row["Image"])] for row in told["Containers"]]
    return {
        "info": {key: info[key] for key in _COUNTS},
        "status keys": [key for key, _ in info["DriverStatus"] or []],
        "LayersSize": told["LayersSize"],
        "images": sorted(images),
        "containers": boxes,
        "volumes": sorted((row["Name"], row["UsageData"]["RefCount"]) for row in told["Volumes"] or []),
        "diff": {row["Names"][0]: sorted(diff(row["Names"][0][1:])) for row in told["Containers"]},
    }


def _called(image):
    return "an id" if image.startswith("sha256:") else image


def differences(theirs, mine):
    """One line for each figure that is not the same, the daemon's first; what a failing test shows."""
    return [f"{key}: the daemon says {json.dumps(theirs[key])}, the engine {json.dumps(mine[key])}"
            for key in theirs if theirs[key] != mine[key]]  # fmt: skip
