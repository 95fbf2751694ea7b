"""Tables of the figures of real daemons, beside those of the simulated drivers."""

from collections.abc import Iterable, Sequence

from snapsim.hosts.host import Host
from snapsim.hosts.reading import load_host
from snapsim.hosts.sizes import Size, size_text
from snapsim.lab.result import Result
from snapsim.lab.stacks import STACKS
from snapsim.show.tables.table import new_table, show


def captured(stacks: Iterable[str]) -> list[Host]:
    """The shipped captures of real daemons with these stacks."""
    return [load_host(name) for name in dict.fromkeys(STACKS[stack].captured for stack in stacks) if name]


def hosts(found: Sequence[Host], result: Result, in_detail: bool = False) -> None:
    """What real daemons reported; with `in_detail` also their status pairs, beside those of the simulated driver."""
    table = new_table(
        "Real Docker hosts, each after its own scenario of images and containers (not this workload)",
        "host,driver,kernel,Docker,images>,containers>,layers>,SizeRw>,disk used>,disk written>",
        "layers (of images) and SizeRw (of containers): what docker system df says; disk: what the block device said.",
    )
    for host in found:
        writable = [size.size_rw for size in host.container_sizes if size.size_rw is not None]
        table.add_row(
            host.name,
            host.driver,
            host.kernel,
            host.server_version.partition("+")[0],
            _count(host.images),
            _count(host.containers),
            _docker(host.layers_size),
            _docker(sum(writable) if writable else None),
            _docker(host.scenario_space),
            _docker(host.scenario_written),
        )
    if found:
        show(table)
    for host in found if in_detail else ():
        _status(host, result)


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _docker(value: Size | None) -> str:
    return "-" if value is None else size_text(value)


def _status(host: Host, result: Result) -> None:
    """The pairs of `docker info`, real and simulated."""
    run = next(
        (run for run in result if STACKS[run.stack].captured == host.name),
        next((run for run in result if run.driver == host.driver), None),
    )
    simulated = dict(run.status) if run else {}
    table = new_table(
        f"docker info of {host.name}, driver {host.driver or 'not told'}",
        f"key,real,simulated ({run.stack if run else 'no stack of this driver'})",
        flow=True,
    )
    table.columns[0].no_wrap = True
    for key, value in host.status:
        table.add_row(key, value, simulated.get(key, "-"))
    show(table)
