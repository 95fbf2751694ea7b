"""``snapsim exercise``: print an exercise as a file that students fill in, or write it for a tool that grades."""

import argparse
from typing import TYPE_CHECKING

from snapsim.show.terminal import write

if TYPE_CHECKING:
    from snapsim.course.exercises import Exercise

TEXT = "print an exercise: the task and what students begin with; or write it for nbgrader, otter-grader, pytest"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument(
        "names", metavar="NAME", nargs="*", help="cow-volume, union-mount or properties; a list when left out"
    )
    command.add_argument("--solution", action="store_true", help="with a solution, for instructors")
    command.add_argument(
        "--format",
        choices=("text", "nbgrader", "otter", "pytest"),
        default="text",
        help="text is printed; the others are files for -o, nbgrader's and otter's with the solution, "
        "which those tools take out",
    )
    command.add_argument(
        "-o", "--output", metavar="DIR", help="where the files go; made if it is missing, nothing is overwritten"
    )


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.choose import choose
    from snapsim.base.errors import InvalidInput
    from snapsim.course.exercises import EXERCISES

    if not options.names:
        if options.output or options.solution or options.format != "text":
            raise InvalidInput(f"a NAME is needed: one or more of {', '.join(EXERCISES)}")
        write("\n".join(f"{each.name:<14}{each.title} ({each.points} points)" for each in EXERCISES.values()))
        return
    exercises = [choose(name, EXERCISES, "exercise") for name in dict.fromkeys(options.names)]
    if options.format != "text":
        _write_files(options, exercises)
    elif options.output:
        raise InvalidInput("text is printed: choose a --format for files, or redirect it with > FILE", "-o")
    elif len(exercises) > 1:
        raise InvalidInput("text is printed, one exercise at a time: choose a --format for files, or one NAME")
    else:
        from snapsim.course.assignments import as_file

        body = exercises[0].solution if options.solution else exercises[0].starter
        write(as_file(exercises[0], body, f"snapsim mark {exercises[0].name} THIS_FILE"))


def _write_files(options: argparse.Namespace, exercises: "list[Exercise]") -> None:
    from snapsim.base.errors import InvalidInput
    from snapsim.course.assignments import FORMATS
    from snapsim.course.notebooks.shipped import write_files

    if not options.output:
        raise InvalidInput("a folder is needed for the files", "-o")
    if options.solution:
        raise InvalidInput(f"is for text: the files of {options.format} have what they need", "--solution")
    files = FORMATS[options.format](exercises)
    write("\n".join(map(str, write_files(options.output, files))))
