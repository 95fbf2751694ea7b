"""``snapsim notebooks``: copy the chapters and exercises of the course into a folder, as Jupyter notebooks."""

import argparse

from snapsim.show.terminal import write

TEXT = "copy the chapters and exercises of the course into a folder, as Jupyter notebooks"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("folder", metavar="DIR", help="where they go; made if it is missing, nothing is overwritten")
    command.add_argument("--language", default="en", metavar="L", help="en, or ko: chapters 1 and 6 in Korean")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.course.notebooks.shipped import EXERCISES, copy_out, sources

    copied = [path for path in copy_out(options.folder, options.language) if path.suffix == ".ipynb"]
    english = sum(path.parent.name != options.language for path in sources(options.language))
    also = f" ({english} of them in English)" if options.language != "en" else ""
    write(
        f"{len(copied) - len(EXERCISES)} chapters{also} and {len(EXERCISES)} exercises in {options.folder}.\n"
        f"Open the first one: jupyter lab {copied[0]}\n"
        "(what they need: pip install jupyter ipywidgets hypothesis)"
    )
