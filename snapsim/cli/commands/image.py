"""``snapsim image``: what each layer of a real image adds, rewrites and hides."""

import argparse
from typing import Any

from snapsim.cli.output import count, formats
from snapsim.show.terminal import write, write_json

TEXT = "what each layer of a real image adds, rewrites and hides"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument(
        "image",
        nargs="?",
        metavar="PATH",
        help="docker save's tar, OCI image layout (tar, folder), or -; the shipped one when left out",
    )
    command.add_argument("--top", type=count, default=10, metavar="N", help="so many hidden files (10)")
    command.add_argument("--most", default="32G", metavar="SIZE", help="refuse what unpacks to more (32G)")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.units import parse_size
    from snapsim.images.archive import EXAMPLE, read_images
    from snapsim.images.archives.limits import Limits
    from snapsim.images.report import report
    from snapsim.show.tables import images as image_tables

    limits = Limits(unpacked=parse_size(options.most, "--most"))
    if options.image is None and options.format == "table":
        write("No PATH: this is the shipped image of four layers.\n")
    path = str(EXAMPLE) if options.image is None else options.image
    answers: list[dict[str, Any]] = [report(image, options.top) for image in read_images(path, limits)]
    if options.format == "json":
        write_json({"archive": path, "images": answers})
    else:
        for answer in answers:
            image_tables.image(answer)
