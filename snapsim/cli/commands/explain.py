"""``snapsim explain``: tell the story of one write, or of operations of one's own, step by step."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write, write_json

TEXT = "tell the story of one write, or of operations of one's own, step by step"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("mechanism", nargs="?", help="a mechanism or a driver; a list of them when left out")
    command.add_argument("beside", nargs="?", help="another one, told of the same operations; in the page side by side")
    command.add_argument(
        "--ops",
        metavar="OPS",
        help="operations of one's own, such as 'write 3; snapshot; write 3-5; delete s1', or for a "
        "driver 'write /data/app.db 0-1; commit; container'",
    )
    command.add_argument("--seed", metavar="N", help="operations drawn by lot, the same for the same number")
    command.add_argument(
        "--level",
        choices=("data", "metadata", "all"),
        default="data",
        help="data and copies, with metadata summed up (default); metadata, a line for each rule; all, "
        "a line for each request",
    )
    command.add_argument("--ask", action="store_true", help="a problem: every number that follows is a ?")
    command.add_argument("--answers", action="store_true", help="with --ask: the numbers after all")
    command.add_argument("--html", metavar="FILE", help="write a page to step through: one file that needs no network")
    formats(command, "text", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.errors import InvalidInput
    from snapsim.course.stories.explain import STORIES, explain
    from snapsim.stories import draw

    if options.mechanism is None:
        if options.ops or options.seed or options.html:
            raise InvalidInput("--ops, --seed and --html need a mechanism or a driver", "explain")
        write("\n".join(STORIES))
        return
    if options.ops is not None and options.seed is not None:
        raise InvalidInput("--ops and --seed: one of the two is allowed", "explain")
    asking = options.ask and not options.answers
    if asking and options.format == "json":
        raise InvalidInput("json is not allowed with --ask, since it holds the answers: text or --html", "--format")
    operations = options.ops if options.seed is None else draw(options.mechanism, _seed(options.seed))
    told = explain(options.mechanism, operations, beside=options.beside, level=options.level, ask=asking)
    if options.html:
        told.play().save(options.html)
    if options.format == "json":
        write_json([story.to_dict() for story in told.stories])
    elif options.html:
        write(f"Page: {options.html}")
    else:
        write(told)


def _seed(text: str) -> int:
    from snapsim.base.errors import InvalidInput

    if not text.isascii() or not text.isdigit() or int(text[:21]) >= 1 << 64:
        raise InvalidInput(f"{text!r} is not allowed: a whole number from 0 to 2**64 - 1", "--seed")
    return int(text)
