"""``snapsim grade``: judge a worksheet that somebody filled in."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write, write_json

TEXT = "judge a worksheet in JSON whose answers were filled in"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("answers", nargs="+", help="files made by quiz --format json, - for standard input")
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.course.quiz.grading import grade, summary

    found = {path: grade(path) for path in options.answers}
    if options.format == "json":
        write_json([{"sheet": path, **summary(marks)} for path, marks in found.items()])
        return
    for path, marks in found.items():
        told = summary(marks)
        write("\n".join([f"{path}: {told['points']:g} of {told['of']} points", *map(str, marks)]))
