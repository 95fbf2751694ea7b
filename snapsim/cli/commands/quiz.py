"""``snapsim quiz``: print problems of a topic, or solve them."""

import argparse
from typing import TYPE_CHECKING

from snapsim.show.terminal import write

if TYPE_CHECKING:
    from snapsim.course.quiz.sheet import Owner
    from snapsim.course.quiz.topic import Problem

TEXT = "print a worksheet: problems that are the same for the same seed everywhere"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("topic", nargs="*", help="topics, or all; a list of them when left out")
    command.add_argument("--seed", type=int, metavar="N", help="a student's number, for instance (0)")
    command.add_argument(
        "--class", dest="course", metavar="FILE", help="a class, with its secret (TOML): seeds that nobody else has"
    )
    command.add_argument("--student", metavar="ID", help="whose sheet it is, with --class")
    command.add_argument("--count", type=int, default=1, metavar="N", help="problems of each topic (1)")
    command.add_argument("--level", type=int, default=1, metavar="L", help="1, 2 or 3")
    command.add_argument("--direction", default="state", metavar="D", help="state, operations or mistake")
    command.add_argument("--answers", action="store_true", help="solved, with the rule")
    command.add_argument("--format", choices=("md", "ipynb", "json"), default="md", help="how to print")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.course.quiz.sheet import written
    from snapsim.course.quiz.topics import TOPICS

    if not options.topic:
        write("\n".join(f"{topic.name:<16}{topic.title} ({', '.join(topic.directions)})" for topic in TOPICS.values()))
        return
    owner = _owner(options)
    problems = _problems(options, owner)
    if owner is not None:
        owner = owner._replace(numbers=[number % options.count for number in range(len(problems))])
    write(written(problems, options.format, options.answers, owner))


def _owner(options: argparse.Namespace) -> "Owner | None":
    from snapsim.base.errors import InvalidInput
    from snapsim.course.quiz.classes import read_course
    from snapsim.course.quiz.sheet import Owner

    if options.course is None:
        if options.student is not None:
            raise InvalidInput("is for a sheet of a class: --class FILE is needed", "--student")
        return None
    if options.seed is not None:
        raise InvalidInput("is not allowed with --class, whose secret gives the seeds", "--seed")
    course = read_course(options.course)
    return Owner(course, course.admitted(options.student), ())


def _problems(options: argparse.Namespace, owner: "Owner | None") -> "list[Problem]":
    from snapsim.base.errors import InvalidInput
    from snapsim.course.quiz.problems import make
    from snapsim.course.quiz.topics import TOPICS

    if not 1 <= options.count <= 100:
        raise InvalidInput(f"{options.count} is not allowed: 1 to 100", "--count")
    has = [name for name, topic in TOPICS.items() if options.direction in topic.directions]
    topics = has if options.topic == ["all"] else options.topic
    level, direction = options.level, options.direction
    if owner is not None:
        course, student, _ = owner
        named = [(topic, number) for topic in topics for number in range(options.count)]
        return [
            make(topic, course.seed(student, topic, level, direction, number), level, direction)
            for topic, number in named
        ]
    seed = options.seed or 0
    # Seeds of neighbouring students must not overlap, so the problems of one sheet are numbered behind the seed.
    seeds = [seed if options.count == 1 else seed * 100 + number for number in range(options.count)]
    return [make(topic, each, level, direction) for topic in topics for each in seeds]
