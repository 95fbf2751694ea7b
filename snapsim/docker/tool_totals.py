"""One state, five answers: `docker system df`, `docker ps -s`, `du`, `df` and the book, side by side, and why.

For each tool: what images and containers take, what all takes, and what it says can be had back, from images
that no container uses and from containers that do not run. The book's answers to the last two are what the removal
really frees.

>>> from snapsim.docker.figures import ContainerUse, ImageUse
>>> from snapsim.drivers.graphdrivers import Overlay2
>>> from snapsim.drivers.ledger import Label, take
>>> from snapsim.drivers.tool_figures import disk_usage
>>> driver = Overlay2()
>>> driver.create("base")
>>> with driver.mounted("base") as mount:
...     mount.write("/f", 0, 1 << 20)
1048576
>>> driver.create_read_write("box", "base")
>>> with driver.mounted("box") as mount:
...     mount.write("/f", 0, 1)                                # copied up whole
1
>>> book = take(driver, {"base": Label(("base:1",)), "box": Label(("c1",), "run", "container")})
>>> image = ImageUse("i", ("base:1",), (("1", 1 << 20),), containers=1)
>>> use = DiskUsage((image,), (ContainerUse("c", "c1", "base:1", "i", 1 << 20, 2 << 20),))
>>> du = {id: disk_usage(driver, id) for id in book.parents}
>>> for tool in tool_totals(book, du, 0, use, (20, 10)):
...     print(tool.tool, tool.images, tool.containers, tool.in_all, tool.unused_images, tool.stopped_containers)
docker system df 1048576 1048576 2097152 0 1048576
docker ps -s, virtual None 2097152 None None None
du of all layers 1048576 1048576 2097152 None None
df of the disk None None 2097152 None None
the book 1048576 1048576 2097152 0 1048576

`du` is that of each layer's own tree; where a layer is no directory of the host (devicemapper), its file system would
have to be mounted for it, and a `du` of the host sees the pool's loop files instead.

What it leaves out: volumes and BuildKit's cache, which lie beside the layers; metadata, as the ledger does.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from snapsim.base.units import docker_size, format_size
from snapsim.docker.figures import DiskUsage, ImageUse, totals
from snapsim.drivers.ledger import Ledger


class ToolTotal(NamedTuple):
    """What a tool says, in bytes; None where it does not say. `why`: how it differs from the book, in one line."""

    tool: str
    images: int | None
    containers: int | None
    in_all: int | None
    unused_images: int | None
    stopped_containers: int | None
    why: str


def tool_totals(
    ledger: Ledger, du: Mapping[str, int], in_no_file: int, use: DiskUsage, version: tuple[int, ...]
) -> list[ToolTotal]:
    """A row for each tool, the book last.

    Parameters
    ----------
    ledger : Ledger
        The book.
    du : mapping of str to int
        `disk_usage` of each layer.
    in_no_file : int
        Allocated bytes that no file has, as `hidden_files.tally` counts them.
    use : DiskUsage
        The engine's figures; their images and containers have the names of the ledger's owners.
    version : tuple of int
        Docker's: whose rule for what is reclaimable.
    """
    book = _book(ledger, use)
    return [
        _system_df(use, version, book),
        _virtual(use),
        _du(ledger, du, in_no_file),
        ToolTotal(
            "df of the disk",
            None,
            None,
            ledger.allocated,
            None,
            None,
            "what is marked as in use, whoever has it; a real file system's metadata comes on top",
        ),
        book,
    ]


def owner_of(image: ImageUse) -> str:
    """The name of an image in the ledger: all its tags, or the start of its id."""
    return ", ".join(image.tags) or f"<none>@{image.id.removeprefix('sha256:')[:12]}"


def docker_sizes(use: DiskUsage) -> Iterator[tuple[str, dict[str, int]]]:
    """What Docker says of each image and container, by the ledger's name."""
    for image in use.images:
        yield owner_of(image), {"Size": image.size, "SharedSize": use.shared(image)}
    for box in use.containers:
        yield box.name, {"SizeRw": box.size_rw, "SizeRootFs": box.size_root_fs}


def _book(ledger: Ledger, use: DiskUsage) -> ToolTotal:
    """What only containers pin is theirs; all the rest that somebody owns is the images'."""
    containers = ledger.frees(*(box.name for box in use.containers))
    owned = ledger.allocated - ledger.unowned
    return ToolTotal(
        "the book",
        owned - containers,
        containers,
        ledger.allocated,
        ledger.frees(*(owner_of(image) for image in use.images if not image.containers)),
        ledger.frees(*(box.name for box in use.containers if not box.active)),
        "each allocated byte once, with all who hold it; the last two: what removing them frees",
    )


def _system_df(use: DiskUsage, version: tuple[int, ...], book: ToolTotal) -> ToolTotal:
    images, boxes = totals(use, version)[:2]
    wrong = images.reclaimable - (book.unused_images or 0)
    why = (
        f"prints {docker_size(images.size)} and {docker_size(boxes.size)}, bytes of the files that each layer "
        "changed, whatever they occupy"
    )
    if more := images.size + boxes.size - (book.in_all or 0):
        why += f" ({format_size(abs(more))} {'more' if more > 0 else 'less'} than they do)"
    if wrong > 0:
        why += f"; {format_size(wrong)} too much reclaimable: {_rule(version)}"
    return ToolTotal(
        "docker system df",
        images.size,
        boxes.size,
        images.size + boxes.size,
        images.reclaimable,
        boxes.reclaimable,
        why,
    )


def _rule(version: tuple[int, ...]) -> str:
    if version < (29,):
        return "layers that an image in use shares count, and stay"
    return "the rule of 29.0 to 29.3 is inverted" if version < (29, 4) else "sizes are no blocks"


def _virtual(use: DiskUsage) -> ToolTotal:
    return ToolTotal(
        "docker ps -s, virtual",
        None,
        sum(box.size_root_fs for box in use.containers),
        None,
        None,
        None,
        "SizeRw and the whole image, once for each container of it",
    )


def _du(ledger: Ledger, du: Mapping[str, int], in_no_file: int) -> ToolTotal:
    images = sum(du[id] for id, label in ledger.labels.items() if label.kind != "container")
    in_all = sum(du.values())
    again = in_all - (ledger.allocated - in_no_file)
    reasons = [f"{format_size(again)} counted again: blocks that layers share below their files"] if again > 0 else []
    if in_no_file:
        reasons.append(f"{format_size(in_no_file)} unseen: in no file (the rest of pool blocks, of extents)")
    return ToolTotal(
        "du of all layers",
        images,
        in_all - images,
        in_all,
        None,
        None,
        "; ".join(reasons) or "as the book: no two layers share a block here; but it does not say whose",
    )
