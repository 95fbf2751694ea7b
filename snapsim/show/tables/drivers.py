"""What each storage driver is."""

from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.lab.stacks import STACKS
from snapsim.show.tables.table import new_table, show


def driver_facts() -> list[dict[str, str]]:
    """What each driver is, as plain records."""
    return [
        {
            "driver": name,
            **driver.about._asdict(),
            "stacks": " ".join(stack.name for stack in STACKS.values() if stack.driver == name),
        }
        for name, driver in DRIVERS.items()
    ]


def drivers() -> None:
    """A row for each driver."""
    table = new_table("Storage drivers", "driver,what it is,shares,copies at first change,fate in Docker", flow=True)
    for facts in driver_facts():
        table.add_row(*list(facts.values())[:-1], end_section=True)
    show(table)
