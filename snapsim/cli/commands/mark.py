"""``snapsim mark``: points for an implementation that somebody handed in."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write

TEXT = "judge implementations that were handed in: points, and a counter-example; status 3 if one could not be judged"
NOT_JUDGED = 3


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("exercise", help="cow-volume, union-mount or properties")
    command.add_argument("files", nargs="+", help="files of Python, one a student")
    command.add_argument("--html", metavar="FILE", help="of one file: its counter-example as a page to step through")
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Carry it out; each result is written as it comes, so that nobody's is lost when the next one fails."""
    import importlib.util
    import json
    import os
    import sys

    from snapsim.base.choose import choose
    from snapsim.base.errors import InvalidInput
    from snapsim.course.exercises import EXERCISES

    if importlib.util.find_spec("hypothesis") is None:
        raise InvalidInput("the judge needs Hypothesis: pip install hypothesis")
    from snapsim.course.exercises.files import mark_file
    from snapsim.course.exercises.walls import in_words, strongest

    exercise = choose(options.exercise, EXERCISES, "exercise")
    if options.html and len(options.files) > 1:
        raise InvalidInput(f"--html is the page of one counter-example: one file is allowed, not {len(options.files)}")
    walls = strongest(os.environ.get("PATH", ""))
    status, as_json = 0, options.format == "json"
    for number, path in enumerate(options.files):
        marks = mark_file(exercise, path, walls)
        status = status if marks.judged else NOT_JUDGED
        if as_json:
            row = {"file": path, **marks.to_dict(), "judged": marks.judged, "walls": list(walls.standing)}
            write(("[\n " if number == 0 else ",") + json.dumps(row))
        else:
            write(f"{path}: {marks}")
            if options.html:
                page = marks.failure is not None and bool(marks.failure.played)
                write(f"Page: {options.html}" if page else "No page: there is no counter-example to step through")
        if options.html and marks.failure is not None and marks.failure.played:
            marks.failure.play().save(options.html)
        sys.stdout.flush()
    write("]" if as_json else in_words(walls.standing))
    return status
