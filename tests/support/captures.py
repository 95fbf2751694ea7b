"""The ten captures of real daemons beside the engine: every figure, equal or with the rule of its difference.

`python tests/support/captures.py` writes docs/reference/docker-figures.md; a test holds that it is up to date.
"""

import json
from functools import cache
from typing import NamedTuple

from places import DATA, DOCS

from snapsim.base.units import MiB
from snapsim.docker.daemon import start
from snapsim.docker.disk_usage import body, usage
from snapsim.docker.scenario import load
from snapsim.docker.scenario_player import steps
from snapsim.hosts.reading import load_host
from snapsim.lab.stacks import STACKS

PAGE = DOCS / "reference" / "docker-figures.md"
CAPTURED = {stack.captured: stack.name for stack in reversed(STACKS.values()) if stack.captured}
"""Capture -> the first stack that it was taken of."""
POOLS = ("devicemapper", "devicemapper-direct-lvm")
LOG = 2 * MiB
GROUPS = 16


class Played(NamedTuple):
    """An engine after the scenario, and the bytes that its driver held after each step."""

    engine: object
    space: dict


@cache
def played(capture):
    """The scenario of the captures on the stack of one of them."""
    engine = start(stack=CAPTURED[capture])
    scenario = load(str(DATA / "docker-scenario" / "scenario-ops.json"))
    return Played(engine, {step: engine.driver.space() for step in steps(scenario, engine)})


def real(folder, capture):
    """What the daemon said."""
    return json.loads((DATA / folder / f"{capture}.json").read_text())


class Row(NamedTuple):
    """One figure."""

    figure: str
    real: object
    model: object


# ---------------------------------------------------------------- what must be equal


def system_df(capture):
    """Every figure of GET /system/df."""
    theirs, mine = real("system-df", capture), body(usage(played(capture).engine), (20, 10))
    yield Row("LayersSize", theirs["LayersSize"], mine["LayersSize"])
    yield Row("BuilderSize", theirs["BuilderSize"], mine["BuilderSize"])
    yield Row("Volumes", theirs["Volumes"], mine["Volumes"])
    yield Row("BuildCache", theirs["BuildCache"], mine["BuildCache"])
    for kind, name, keys in (
        ("Images", "RepoTags", ("Size", "SharedSize", "VirtualSize", "Containers", "RepoDigests")),
        ("Containers", "Names", ("SizeRw", "SizeRootFs", "State", "Image", "Mounts")),
    ):
        yield Row(f"{kind}: order", [row[name] for row in theirs[kind]], [row[name] for row in mine[kind]])
        for one, other in zip(theirs[kind], mine[kind], strict=True):
            yield from (Row(f"{one[name][0]} {key}", one[key], other[key]) for key in keys)


def containers_and_history(capture):
    """GET /containers/json?size=1, the sizes of docker history, and docker diff, sorted."""
    theirs, engine = real("containers-size", capture), played(capture).engine
    for box in theirs["containers"]:
        yield Row(f"{box['Names'][0]} SizeRw", box["SizeRw"], engine.size_rw(box["Names"][0][1:]))
    for tag, rows in theirs["history"].items():
        yield Row(f"history {tag}", [row["Size"] for row in rows], [size for _, size in engine.history(tag)])
    for name, changes in theirs["changes"].items():
        listed = sorted((change["Path"], "CAD"[change["Kind"]]) for change in changes)
        yield Row(f"diff {name}", listed, sorted((change.path, change.kind) for change in engine.diff(name)))


def layers(capture):
    """The recorded size of each layer, and how many there are of each kind."""
    theirs, engine = real("docker-layers", capture)["layers"], played(capture).engine
    recorded = [layer["size_recorded"] for layer in theirs if "size_recorded" in layer]
    yield Row("recorded sizes", sorted(recorded), sorted(layer.size for layer in engine.home.layers.layers.values()))
    yield Row("layers of the driver", len(theirs), len(engine.driver.ids()))
    yield Row(
        "layers of containers",
        sum("container" in layer["role"] for layer in theirs),
        len(engine.driver.ids()) - len(engine.home.layers.layers),
    )


def counts(capture):
    """The counts of docker info (Images: intermediate ones too), and its status keys in order."""
    host, info = load_host(capture), played(capture).engine.info()
    yield Row("Images", host.images, info["Images"])
    yield Row("Containers", host.containers, info["Containers"])
    yield Row("Driver", host.driver, info["Driver"])
    yield Row("status keys", [key for key, _ in host.status], [key for key, _ in info["DriverStatus"]])


EQUAL = {
    "GET /system/df": system_df,
    "containers, history, diff": containers_and_history,
    "layers": layers,
    "docker info": counts,
}


def status_differences(capture):
    """The status pairs whose value is not the model's."""
    host, info = load_host(capture), played(capture).engine.info()
    return [
        Row(key, value, other)
        for (key, value), (_, other) in zip(host.status, info["DriverStatus"], strict=True)
        if value != other
    ]


# ---------------------------------------------------------------- the pools of devicemapper


class PoolStep(NamedTuple):
    """Data blocks after a step, less those of the fresh pool; `least` and `most` bound what XFS adds."""

    step: str
    real: int
    model: int
    thin_volumes: int
    least: int
    most: int

    @property
    def overhead(self):
        """Blocks that the files' data does not explain."""
        return self.real - self.model


def pool_steps(capture):
    """Every step that made an image or a container."""
    chunk, rows = played(capture).engine.driver.pool.chunk_size, real("docker-layers", capture)["timeline"]
    fresh = rows[0]["used"]
    for row in rows:
        if row["step"] in played(capture).space:
            volumes = thin_volumes(row["step"])
            used = played(capture).space[row["step"]]
            yield PoolStep(
                row["step"], (row["used"] - fresh) // chunk, used // chunk, volumes, *xfs_bounds(volumes, chunk)
            )


def thin_volumes(step):
    """Image layers so far, and two for each container so far."""
    order = list(played("devicemapper").space)
    before = order[: order.index(step) + 1]
    return sum(1 if each.startswith("image") else 2 for each in before)


def xfs_bounds(volumes, chunk):
    """What XFS writes to thin volumes that were all mounted once or more, in blocks of the pool, at least and at most.

    A mount clears the log ahead of its head: 2 MiB, of which every block that is shared moves to a new one. Mounting
    writes the superblock, and files and directories the headers, B-trees and inodes of the 16 allocation groups: two
    blocks each at most. The log's stretch, if it is not aligned, and its head's own record: two blocks more.
    """
    log = LOG // chunk
    return volumes * log, volumes * (log + 2 + 2 * GROUPS)


# ---------------------------------------------------------------- the page

INTRO = """# Docker's figures: ten real daemons and the engine

Generated by `python tests/support/captures.py` from `tests/data/` and the engine; a test holds it up to date.

The scenario (`tests/data/docker-scenario/scenario-ops.json`: a base image, a child of three steps, five containers of
the child) was carried out by Docker 20.10.24 on ten stacks, and is played by the engine on the same. What is outside
the model is input and stands in the scenario: busybox (1,982,256 bytes), its 14 links, and what each step was called.

## Equal: figure by figure

Compared are LayersSize, Size, SharedSize, VirtualSize, the count of containers, SizeRw, SizeRootFs, state and order in
`GET /system/df`; SizeRw in `GET /containers/json?size=1`; the sizes of `docker history`; the lists of `docker diff`,
sorted, as their order is not defined; the recorded size of each layer, how many layers the driver has and how many of
them are containers'; the counts and the status keys, in order, of `docker info`. Beyond the table,
`snapsim df -v` prints what `docker system df -v` printed on three of the hosts, cell by cell, but for ids, commands
and times (`tests/docker/test_docker_listing.py`).
"""
SIZES = """
Two families of drivers differ by 98 bytes: ApplyDiff of overlay2, fuse-overlayfs and aufs counts the targets of 14
links of 7 bytes, that of the others sums tar headers, where a link is 0.
"""
STATUS = """
## Different: values of status pairs

| capture | pair | real | engine | why |
|---|---|---|---|---|
"""
WHY = {
    "Pool Name": "the host's device and inode number",
    "Data Space Used": "what mkfs and XFS write is not modelled; bounded below",
    "Data Space Total": "the real disk was smaller; the size of the disk is an argument of the driver",
    "Data Space Available": "follows from the two above, and from the free space of the host below loop files",
    "Metadata Space Used": "the mappings of what XFS writes; the index of a pool of another size",
    "Metadata Space Total": "the size of the disk",
    "Metadata Space Available": "the size of the disk",
    "Thin Pool Minimum Free Space": "10 % of the disk's pool",
    "Deferred Deleted Device Count": "a device was busy when the builder removed its container: a matter of time",
    "Space Used By Parent": "the pool's own datasets, metadata of ZFS",
    "Space Available": "the size of the disk, and what ZFS keeps back",
}
POOL = """
## Bounded: data blocks of the thin pools

Blocks in use after each step, less those of the fresh pool (mkfs). The engine counts the blocks that the data of files
needs. **The rule for the rest**: each thin volume (an image layer; two for a container) has been mounted once at
least, and XFS then clears 2 MiB of its log, so that this much stops being shared: at least 2 MiB for each volume. At
most that, two blocks for a log that is not aligned and its record, and two for each of the 16 allocation groups
(superblock, headers, B-trees, inodes and directories, as long as there are as few as here). Both terms were read off
the pools' own mappings, so that these rows are no independent test of the rule; they test that data and layers are
counted right. When all layers are removed again, both are back at 0.
"""
SPACE = """
## Different: space on the disk

| capture | disk: images and containers | engine: data | rest |
|---|---:|---:|---:|
"""
SPACE_WHY = """
The rest is what the engine does not count: metadata of the file system (inodes, directories, journals, trees), the
daemon's own files (`/var/lib/docker/image`, `containers`) which lie on the same disk, and for devicemapper what the
rule above bounds.
"""
NOT_COMPARED = """
## Not compared

| what | why |
|---|---|
| ids of images, containers and cache directories | random in Docker, or digests of a configuration with a time in it |
| DiffIDs and ChainIDs of this scenario | its files hold random bytes; the engine marks its own digests with `model:` |
| times, `Status` | the engine has an order, and no clock |
| ports, networks, labels | not modelled |
| `du`, exclusive and mapped bytes of a layer, ZFS `used` | the ledger's figures, not Docker's |
| figures of Docker 23 to 29 and of containerd's store | no capture: they rest on reading the source, and say so |
"""


def page():
    """The text of docs/reference/docker-figures.md."""
    return "".join(
        [
            INTRO,
            *_equal(),
            SIZES,
            *_sizes(),
            STATUS,
            *_status(),
            POOL,
            *_pools(),
            SPACE,
            *_space(),
            SPACE_WHY,
            NOT_COMPARED,
        ]
    )


def _equal():
    yield "\n| capture | stack | " + " | ".join(EQUAL) + " |\n|---|---|" + "---|" * len(EQUAL) + "\n"
    for capture, stack in sorted(CAPTURED.items()):
        cells = [[row.real == row.model for row in figures(capture)] for figures in EQUAL.values()]
        yield f"| {capture} | {stack} | " + " | ".join(f"{sum(cell)} of {len(cell)}" for cell in cells) + " |\n"


def _sizes():
    yield (
        "\n| capture | LayersSize | child:1 Size | SharedSize | sum of SizeRw | c5 SizeRootFs |\n|---|"
        + "---:|" * 5
        + "\n"
    )
    for capture in sorted(CAPTURED):
        mine = body(usage(played(capture).engine), (20, 10))
        image, box = mine["Images"][0], mine["Containers"][0]
        figures = (
            mine["LayersSize"],
            image["Size"],
            image["SharedSize"],
            sum(each["SizeRw"] for each in mine["Containers"]),
            box["SizeRootFs"],
        )
        yield f"| {capture} | " + " | ".join(f"{figure:,}" for figure in figures) + " |\n"


def _status():
    for capture in sorted(CAPTURED):
        for row in status_differences(capture):
            yield f"| {capture} | {row.figure} | {row.real} | {row.model} | {WHY[row.figure]} |\n"


def _pools():
    for capture in POOLS:
        chunk = played(capture).engine.driver.pool.chunk_size
        yield f"\n### {capture}: blocks of {chunk // 1024} KiB\n\n"
        yield "| after | real | engine | XFS | at least | at most | thin volumes |\n|---|" + "---:|" * 6 + "\n"
        for row in pool_steps(capture):
            title = row.step.replace("|", "\\|")
            cells = (title, row.real, row.model, row.overhead, row.least, row.most, row.thin_volumes)
            yield "| " + " | ".join(map(str, cells)) + " |\n"


def _space():
    for capture in sorted(CAPTURED):
        disk, mine = load_host(capture).scenario_space, played(capture).engine.driver.space()
        yield f"| {capture} | {disk:,} | {mine:,} | {disk - mine:,} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
