"""``snapsim exercise``: print an exercise as a file that students fill in."""

import argparse

from ..output import write

TEXT = "print an exercise: the task and what students begin with"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("name", nargs="?", help="cow-volume, union-mount or properties; a list when left out")
    command.add_argument("--solution", action="store_true", help="with a solution, for instructors")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from ..exercises import EXERCISES
    from ..marking import choose

    if options.name is None:
        write("\n".join(f"{each.name:<14}{each.title} ({each.points} points)" for each in EXERCISES.values()))
        return
    exercise = choose(options.name, EXERCISES)
    body = exercise.solution if options.solution else exercise.starter
    task = f"{exercise.title}\n\n{exercise.text}\n    snapsim mark {exercise.name} THIS_FILE\n"
    write(f'"""{task}"""\n\n{exercise.setup}\n\n{body}')
