"""What is fuzzed: each parser of input, its seeds, how they are mutated, and what a parsed value is for.

A parser gives a value or raises `InvalidInput` whose text is one printable line with a place. What it gave must then
survive its use: `InvalidInput` again (an operation that no driver can do), or success.
"""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import json_mutations
import text_mutations
from places import DATA, SHIPPED

from snapsim.base.foreign_json import parse_json
from snapsim.docker import daemon_config, scenario
from snapsim.docker.daemon import start
from snapsim.docker.disk_usage import body, usage
from snapsim.docker.figures import table, totals
from snapsim.docker.listing import listing
from snapsim.docker.scenario_player import build_cache, play
from snapsim.docker.who_pins import why
from snapsim.fidelity import replay
from snapsim.fidelity.replays import PLAYERS
from snapsim.hosts.reading import Host, parse_host, status_block
from snapsim.lab import experiment, workload
from snapsim.lab.stacks import USUAL
from snapsim.measure import trace
from snapsim.show.tables import hosts as host_tables
from snapsim.show.tables import replay as replay_table
from snapsim.show.tables import runs, space

CORPUS = DATA / "fuzz"
FILE = "fuzzed"
"""What the parsers are told the file is called."""


class Target(NamedTuple):
    """A parser of input; `use` does with the value what it is for."""

    seeds: Callable[[], list[bytes]]
    mutated: Callable[[Random, bytes], bytes]
    parse: Callable[[bytes], Any]
    use: Callable[[Any], None]


def files(*patterns: tuple[Path, str]) -> list[bytes]:
    """The bytes of all files of these patterns, in order of their names."""
    return [path.read_bytes() for folder, pattern in patterns for path in sorted(folder.glob(pattern))]


# -------------------------------------------------------------------- hosts


def host(raw: bytes) -> Host:
    """A host, from JSON or pasted text."""
    return parse_host(raw, "mine", FILE)


def show_host(found: Host) -> None:
    """All that is asked of a host: the table of ``compare --host``, the status lines, every size."""
    with contextlib.redirect_stdout(io.StringIO()):
        host_tables.hosts([found], bill(), in_detail=True)
    status_block(found)
    assert found.rounded in (True, False)
    for key, _ in found.status:
        found.status_size(key)
    for image in found.image_sizes:
        assert image.unique is None or image.layer_sizes is None or image.tag
    found.scenario_space, found.scenario_written


@cache
def bill() -> Any:
    """What the shipped workload costs on two stacks."""
    demo = workload.load(str(SHIPPED / "workloads" / "demo.json"))
    return experiment.compare(demo, ["overlay2-ext4", "zfs"])


def host_json() -> list[bytes]:
    """Captures, what the Engine API of several versions answers for the shipped scenario, and the command line."""
    return [*files((SHIPPED / "hosts", "*.json"), (DATA / "system-df", "[abdo]*.json")), *_answers(), *_printed()]


def _answers() -> Iterator[bytes]:
    engine = play(scenario.load(str(SHIPPED / "scenarios" / "base-and-child.json")), start(stack="overlay2-xfs"))
    for version in ((20, 10), (25,), (29, 4, 1)):
        yield json.dumps(body(usage(engine), version)).encode()
    yield json.dumps(engine.info()).encode()
    yield json.dumps(body(usage(engine), (20, 10))["Containers"]).encode()
    yield json.dumps(body(usage(engine), (28,))["Images"]).encode()
    yield json.dumps({"info": engine.info(), "images": [_image(engine, tag) for tag in ("base:1", "child:1")]}).encode()


def _printed() -> Iterator[bytes]:
    """JSON of the command line, where sizes are text: totals, images, containers."""
    yield json.dumps(
        [
            {"Type": "Images", "TotalCount": "2", "Active": "1", "Size": "73.36MB", "Reclaimable": "35.61MB (48%)"},
            {
                "Type": "Containers",
                "TotalCount": "5",
                "Active": "0",
                "Size": "49.28MB",
                "Reclaimable": "49.28MB (100%)",
            },
        ]
    ).encode()
    yield json.dumps([{"Repository": "base", "Tag": "1", "ID": "a8494d7b54a3", "Size": "35.61MB", "Containers": "0",
                       "SharedSize": "35.61MB", "UniqueSize": "0B"}]).encode()  # fmt: skip
    yield json.dumps([{"Names": "c5", "Image": "child:1", "ID": "ec328512c281", "State": "exited",
                       "Size": "38.8MB (virtual 112MB)"}]).encode()  # fmt: skip


def _image(engine: Any, tag: str) -> dict[str, Any]:
    history = [{"CreatedBy": step.created_by, "Size": size} for step, size in engine.history(tag)]
    layers = [f"sha256:{number:064x}" for number, step in enumerate(history) if step["Size"]]
    return {"RepoTags": [tag], "Id": tag, "Size": sum(step["Size"] for step in history), "SharedSize": -1,
            "Containers": -1, "Layers": layers, "History": history}  # fmt: skip


def host_text() -> list[bytes]:
    """What real daemons printed."""
    return files((DATA / "docker-text", "*.txt"), (DATA / "docker-info-full", "*.txt"))


# -------------------------------------------------------------------- what is played


def play_scenario(found: scenario.Scenario) -> None:
    """Docker's figures and the ledger after the scenario, on a driver with files and on one with blocks."""
    for stack in ("overlay2-ext4", "devicemapper-direct-lvm"):
        engine = play(found, start(stack=stack), FILE)
        use = usage(engine, build_cache(found))
        for version in ((20, 10, 0), (29, 4, 1)):
            totals(use, version), table(use, version), listing(use, version)
            json.dumps(body(use, version), allow_nan=False)
        answer = why(engine.driver, engine.ledger(), use)
        json.dumps(answer, allow_nan=False)
        with contextlib.redirect_stdout(io.StringIO()):
            space.tools(answer["tools"], answer["basis"])
            space.why(answer)


def play_workloads(found: list[workload.Workload]) -> None:
    """The bill on two stacks, as a table, JSON and CSV; and the workload written and read again."""
    result = experiment.compare(found, ["overlay2-ext4", "zfs"], place=FILE)
    json.dumps(result.records(), allow_nan=False)
    result.to_csv()
    with contextlib.redirect_stdout(io.StringIO()):
        runs.bill(result, found, USUAL)
    assert workload.parse(json.loads(workload.dump(found))) == found


def start_daemon(found: dict[str, Any]) -> None:
    """A daemon with this configuration, asked for its information."""
    json.dumps(start(found).info(), allow_nan=False)


def play_trace(found: list[dict[str, Any]]) -> None:
    """The figures of a replay, as a table and JSON."""
    figures = replay.replay(found, PLAYERS, FILE)
    json.dumps(figures, allow_nan=False)
    with contextlib.redirect_stdout(io.StringIO()):
        replay_table.replay(figures)


def daemon_config_of(raw: bytes) -> dict[str, Any]:
    """A configuration as `start` takes it, found good."""
    value = parse_json(raw, FILE)
    daemon_config.read(value, FILE)
    assert isinstance(value, dict)
    return value


def scenarios() -> list[bytes]:
    """The shipped one, and one with each kind of operation."""
    return files((SHIPPED / "scenarios", "*.json"), (DATA / "fuzz" / "seeds", "scenario*.json"))


def workloads() -> list[bytes]:
    """The shipped one, and one with each kind of operation."""
    return files((SHIPPED / "workloads", "*.json"), (DATA / "fuzz" / "seeds", "workload*.json"))


def daemon_configs() -> list[bytes]:
    """One of each driver."""
    return [json.dumps(each).encode() for each in (
        {}, {"storage-driver": "overlay2", "data-root": "/srv/docker"},
        {"storage-driver": "btrfs", "storage-opts": ["btrfs.min_space=1G"]},
        {"storage-driver": "zfs", "storage-opts": ["zfs.fsname=tank/docker"]},
        {"storage-driver": "devicemapper", "storage-opts": [
            "dm.basesize=20G", "dm.blocksize=64K", "dm.loopdatasize=200GB", "dm.loopmetadatasize=4GB", "dm.fs=xfs",
            "dm.use_deferred_removal=true", "dm.min_free_space=10%"]},
        {"storage-driver": "devicemapper", "storage-opts": ["dm.directlvm_device=/dev/vdb", "dm.thinp_percent=95"]},
        {"storage-driver": "vfs"}, {"storage-driver": "aufs"}, {"storage-driver": "fuse-overlayfs"})]  # fmt: skip


def traces() -> list[bytes]:
    """Of each target some short scenarios out of the measurements."""
    return [json.dumps(rows).encode() for target in PLAYERS for rows in _scenarios(target)]


def _scenarios(target: str) -> list[list[dict[str, Any]]]:
    rows = json.loads((SHIPPED / "measured" / f"{target}.json").read_text())["rows"]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row.get("scenario") and row.get("trace"):
            found.setdefault(row["scenario"], []).append(row)
    short = [rows for rows in found.values() if len(json.dumps(rows)) < 6000]
    return short[:: max(len(short) // 6, 1)]


def _from_file(load: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """What is read from a file by its name; errors then name `FILE`, too."""

    def parse(raw: bytes) -> Any:
        here = os.getcwd()
        try:
            os.chdir(_folder())
            Path(FILE).write_bytes(raw)
            return load(FILE)
        finally:
            os.chdir(here)

    return parse


@cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="snapsim-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    _KEPT.append(folder)
    return folder.name


_KEPT: list[Any] = []

TARGETS = {
    "host-text": Target(host_text, text_mutations.mutated, host, show_host),
    "host-json": Target(host_json, json_mutations.mutated, host, show_host),
    "scenario": Target(scenarios, json_mutations.mutated, _from_file(scenario.load), play_scenario),
    "workload": Target(workloads, json_mutations.mutated, _from_file(workload.load), play_workloads),
    "daemon-config": Target(daemon_configs, json_mutations.mutated, daemon_config_of, start_daemon),
    "trace": Target(traces, json_mutations.mutated, _from_file(trace.load), play_trace),
}
