"""``snapsim mark``: points for an implementation that somebody handed in."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write, write_json

TEXT = "judge an implementation that was handed in: points, and a counter-example"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("exercise", help="cow-volume, union-mount or properties")
    command.add_argument("files", nargs="+", help="files of Python, one a student")
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.course.exercises import EXERCISES
    from snapsim.course.exercises.marking import choose, mark_file

    exercise = choose(options.exercise, EXERCISES)
    marks = {path: mark_file(exercise, path) for path in options.files}
    if options.format == "json":
        write_json([{"file": path, **each.to_dict()} for path, each in marks.items()])
        return
    for path, each in marks.items():
        write(f"{path}: {each}")
