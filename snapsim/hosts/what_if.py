"""What a host's images and containers would take and cost on every other stack, and how much of that is certain.

A host tells the sizes of layers and no file trees. Each figure follows from those sizes and from the `traits` of a
stack by a rule (`what_if_rules`), which stands beside it; where the rule leaves room, the figure is a `Bound` and is
never printed as a number.

| figure | what it is |
|---|---|
| data | bytes of files that the stack keeps (of a thin pool: its blocks). Image layers come as archives, so their \
files are written whole on every driver: **exact**. What containers changed is exact on overlay2 and aufs alone |
| on disk | never less than the data: **at least**, as the ends of files and metadata are not told |
| new container | bytes copied to make one of the image that shows most: two trees, or nothing |
| first write | of one byte, to a file of a given size: **exact**, carried out on the simulated stack |
| worst | the same for the largest file that there can be: **at most** |
| page cache | N containers read all that their image shows: each file is there once or N times (**exact**), and how \
much of its layers an image shows is not told, unless it has one layer |
| prune | stopped containers and images without a name; prune -a: all images that no container has |

SizeRootFs is no help for vfs: it is the layers added up, and not what the tree shows (`snapsim.docker.figures`).

>>> from snapsim.hosts.reading import load_host
>>> rows = {row.stack: row for row in what_if(load_host("overlay2"))}
>>> print(rows["overlay2-ext4"].data, rows["btrfs"].data, rows["vfs-ext4"].data, sep="; ")
122.6MB; 73.35MB to 122.7MB; 122.6MB to 1.005GB
>>> rows["overlay2-ext4"].now, rows["btrfs"].now
('yes', '')

LEAVES OUT: `on_disk` of sparse or compressed files; copies of files that were opened for writing and not changed (they
are in SizeRw on overlay2 alone); image layers that BuildKit made in place, which share blocks until they are pulled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import MiB
from snapsim.docker.image_trial import of_images
from snapsim.hosts.host import Host
from snapsim.hosts.inventory import inventory
from snapsim.hosts.sizes import Bound
from snapsim.hosts.stack_probes import FirstWrite, first_write
from snapsim.hosts.what_if_rules import Rules
from snapsim.lab.stacks import STACKS, Stack

__all__ = ["ASSUMED", "CANDIDATES", "StackAnswer", "of_images", "runs_on", "what_if"]

ASSUMED = (
    "Images as a pull unpacks them; containers as if they had done there what they did here.",
    "No file with holes, no compression; no file that was opened for writing and left as it was.",
    "Data are the bytes of files, as Docker counts them on this host; blocks and metadata come on top.",
)
CANDIDATES = tuple(name for name, stack in STACKS.items() if stack.driver != "plain" and name != "xfs-reflink")
"""All stacks that a daemon can stand on."""


@dataclass(frozen=True)
class StackAnswer:
    """One stack's answer.

    Attributes
    ----------
    stack, driver : str
    now : str
        "yes" if the host stands on this stack, "perhaps" if what it tells fits several, else "".
    data, on_disk, new_container, worst, cache, prune, prune_all : Bound
        See the table at the top.
    first_write : FirstWrite
        To a file of `file_size` bytes.
    cached : str
        "once" or "by each".
    rules : dict of str to str
        Why a figure is exact, or what it is bounded by.
    """

    stack: str
    driver: str
    now: str
    data: Bound
    on_disk: Bound
    new_container: Bound
    file_size: int
    first_write: FirstWrite
    worst: Bound
    cache: Bound
    cached: str
    prune: Bound
    prune_all: Bound
    rules: dict[str, str]

    def record(self) -> dict[str, Any]:
        """For JSON."""
        figures = {name: value.record() if isinstance(value, Bound) else value for name, value in vars(self).items()}
        return {**figures, "first_write": {**self.first_write._asdict(), "exact": True}}


def what_if(
    host: Host, stacks: Iterable[str] = CANDIDATES, file_size: int = MiB, containers: int | None = None, place: str = ""
) -> list[StackAnswer]:
    """A row for each stack.

    Parameters
    ----------
    host : Host
    stacks : iterable of str
        Names of `snapsim.lab.stacks.STACKS`.
    file_size : int
        Bytes of the file of the first write.
    containers : int, optional
        How many containers of each image read it; as many as the host has when left out.
    place : str
        Named in errors.

    Raises
    ------
    InvalidInput
        The host tells no sizes, or sizes that contradict each other; a file size or count that cannot be.
    """
    if containers is not None and not 0 <= containers <= 10**6:
        raise InvalidInput(f"{containers} containers are not allowed: from 0 to 1000000")
    held, chosen = inventory(host, place), [STACKS[name] for name in stacks]
    here = [stack.name for stack in chosen if runs_on(host, stack)]
    word = "yes" if len(here) == 1 else "perhaps"
    return [_row(Rules(held, stack), word if stack.name in here else "", file_size, containers) for stack in chosen]


def _row(rules: Rules, now: str, file_size: int, containers: int | None) -> StackAnswer:
    stack = rules.stack
    return StackAnswer(
        stack.name,
        stack.driver,
        now,
        rules.data(),
        rules.on_disk(),
        rules.new_container(),
        file_size,
        first_write(stack, file_size),
        rules.worst(),
        rules.cache(containers),
        "once" if rules.traits.caches_once else "by each",
        rules.prune(True),
        rules.prune(False),
        rules.words(),
    )


def runs_on(host: Host, stack: Stack) -> bool:
    """Does what the host tells fit the stack? An option that it does not tell is off.

    Examples
    --------
    >>> pool = (("Pool Blocksize", "524.3kB"), ("Backing Filesystem", "xfs"))
    >>> [name for name, stack in STACKS.items() if runs_on(Host("mine", "devicemapper", pool), stack)]
    ['devicemapper-direct-lvm']
    """
    told, simulated = dict(host.status), dict(stack.make().status())
    keys = [key for key in ("Backing Filesystem", "Pool Blocksize", "Using metacopy") if key in told.keys() & simulated]
    below = "ext4" if host.backing_filesystem == "extfs" else host.backing_filesystem
    if "metacopy" in stack.name and told.get("Using metacopy") != "true":
        return False
    return (
        host.driver == stack.driver
        and stack.below.startswith(below)
        and all(told[key] == simulated[key] for key in keys)
    )
