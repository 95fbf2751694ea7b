"""Who pins this byte: the ledger, the tools' figures and the hidden files of a driver, as one record.

The record is plain data: what `snapsim why --format json` prints, and what the table and the figure show.

>>> from snapsim.drivers.graphdrivers import Overlay2
>>> from snapsim.drivers.ledger import Label, take
>>> driver = Overlay2()
>>> driver.create("base")
>>> with driver.mounted("base") as mount:
...     mount.write("/f", 0, 1 << 20)
1048576
>>> answer = why(driver, take(driver, {"base": Label(("base:1",), "import")}))
>>> answer["allocated"], answer["owners"][0]["frees"], answer["layers"][0]["du"], answer["hidden"]
(1048576, 1048576, 1048576, [])

What it leaves out: metadata, as the ledger does.
"""

from typing import Any

from snapsim.docker.figures import CAPTURED, DiskUsage, basis
from snapsim.docker.tool_totals import docker_sizes, tool_totals
from snapsim.drivers.driver import Driver
from snapsim.drivers.hidden_files import hidden_files, tally, views_of
from snapsim.drivers.ledger import Ledger
from snapsim.drivers.tool_figures import tool_figures


def why(
    driver: Driver, ledger: Ledger, use: DiskUsage | None = None, version: tuple[int, ...] = CAPTURED
) -> dict[str, Any]:
    """All answers about a driver at one moment.

    Parameters
    ----------
    driver : Driver
    ledger : Ledger
        Its book.
    use : DiskUsage, optional
        What Docker says of the same state.
    version : tuple of int
        Docker's, whose rules hold.

    Returns
    -------
    dict
        driver; allocated and unowned bytes; `bytes`: seen, unseen, in no file; `du` of all layers together; prune (what
        the removal of all containers would free, and of everything); owners (images and containers) and layers, a row
        each; hidden files. With `use` also `tools`: what each tool says of all, and why it differs from the book; and
        `docker` in each owner's row: Size and SharedSize of an image, SizeRw and SizeRootFs of a container.
    """
    figures = {row.layer: row for row in tool_figures(driver, ledger)}
    rows = [row._asdict() for row in ledger.rows()]
    layers = [
        {
            **row,
            "made": ledger.made(row["name"]),
            "du": figures[row["name"]].du,
            "apparent": figures[row["name"]].apparent,
            **figures[row["name"]].native,
        }
        for row in rows
        if row["kind"] == "layer"
    ]
    containers = [name for name, kind in ledger.owners().items() if kind == "container"]
    views = views_of(driver, ledger)
    seen, du = tally(driver, ledger, views), {id: row.du for id, row in figures.items()}
    docker = dict(docker_sizes(use)) if use else {}
    owners = [
        {**row, **({"docker": docker[row["name"]]} if row["name"] in docker else {})}
        for row in rows
        if row["kind"] != "layer"
    ]
    told = [row._asdict() for row in tool_totals(ledger, du, seen.in_no_file, use, version)] if use else []
    return {
        "driver": driver.name,
        "allocated": ledger.allocated,
        "unowned": ledger.unowned,
        "bytes": seen._asdict(),
        "du": sum(du.values()),
        "prune": {"containers": ledger.frees(*containers), "everything": ledger.frees(*ledger.owners())},
        **({"tools": told, "basis": basis(version)} if use else {}),
        "owners": owners,
        "layers": layers,
        "hidden": [file._asdict() for file in hidden_files(driver, ledger, views)],
    }
