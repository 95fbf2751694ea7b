"""``snapsim grade``: judge a worksheet that somebody filled in."""

import argparse
from typing import Any

from snapsim.cli.output import formats
from snapsim.show.terminal import write, write_json

TEXT = "judge worksheets whose answers were filled in"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("answers", nargs="+", help="files made by quiz (json, ipynb, md), - for standard input")
    command.add_argument(
        "--class", dest="course", metavar="FILE", help="the class whose sheets they are, with its secret (TOML)"
    )
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Carry it out; a sheet that cannot be graded is told on standard error, and the others are graded."""
    import sys

    from snapsim.base.errors import InvalidInput
    from snapsim.course.quiz.classes import read_course
    from snapsim.course.quiz.grading import grade, summary

    course = read_course(options.course) if options.course else None
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    status = 0
    for path in options.answers:
        try:
            marks, student = grade(path, course)
            if student in seen:
                raise InvalidInput(f"a second sheet of {student}: {seen[student]} is the first", path)
        except InvalidInput as error:
            sys.stderr.write(f"snapsim: {' '.join(str(error).split())}\n")
            status = 2
            continue
        seen.update({student: path} if student else {})
        told = summary(marks)
        whose = {"student": student} if student else {}
        rows.append({"sheet": path, **whose, **told})
        if options.format == "text":
            name = f"{path} ({student})" if student else path
            write("\n".join([f"{name}: {told['points']:g} of {told['of']} points", *map(str, marks)]))
    if options.format == "json" and (rows or not status):
        write_json(rows)
    return status
