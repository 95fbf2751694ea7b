"""``snapsim mark``: points for an implementation that somebody handed in."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write, write_json

TEXT = "judge an implementation that was handed in: points, and a counter-example"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("exercise", help="cow-volume, union-mount or properties")
    command.add_argument("files", nargs="+", help="files of Python, one a student")
    command.add_argument("--html", metavar="FILE", help="of one file: its counter-example as a page to step through")
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.errors import InvalidInput
    from snapsim.course.exercises import EXERCISES
    from snapsim.course.exercises.marking import choose, mark_file

    exercise = choose(options.exercise, EXERCISES)
    if options.html and len(options.files) > 1:
        raise InvalidInput(f"--html is the page of one counter-example: one file is allowed, not {len(options.files)}")
    marks = {path: mark_file(exercise, path) for path in options.files}
    failures = [each.failure for each in marks.values() if each.failure and each.failure.played]
    if options.html and failures:
        failures[0].play().save(options.html)
    if options.format == "json":
        write_json([{"file": path, **each.to_dict()} for path, each in marks.items()])
        return
    for path, each in marks.items():
        write(f"{path}: {each}")
    if options.html:
        write(f"Page: {options.html}" if failures else "No page: there is no counter-example to step through")
