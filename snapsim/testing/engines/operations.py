"""What can be done to an engine, as plain data; strategies of lists of it.

Images and containers have numbers, in the order in which they were made (a pull and a commit make an image, `run` makes
a container). A number of what is not there, or never came, is taken modulo what there is, the oldest first, so that
every list is valid; what there is nothing to do it to is left out.

>>> [pull(1), run(), write("/f")][2]
EngineAct(verb='write', number=0, path='/f')

LEAVES OUT: builds, tags of one's own, forced removals.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import strategies as st

from snapsim.testing.engines.images import IMAGES, PATHS
from snapsim.testing.shrinking import Naming, Reference

VERBS = ("pull", "run", "start", "stop", "write", "unlink", "chmod", "commit", "rm", "rmi")


class EngineAct(NamedTuple):
    """One operation.

    Attributes
    ----------
    verb : str
        One of `VERBS`; "run" is create, start and the end of the process.
    number : int
        Of the image (of "run" and "rmi") or of the container; of "pull", which of `IMAGES`.
    path : str
        Of "write", "unlink" and "chmod".
    """

    verb: str
    number: int = 0
    path: str = ""


def pull(number: int = 0) -> EngineAct:
    """One of the images: of one layer, of two, of three; and three others."""
    return EngineAct("pull", number)


def run(image: int = 0) -> EngineAct:
    """A container of the image; it is there, and does not run."""
    return EngineAct("run", image)


def start(box: int = 0) -> EngineAct:
    """Let it run; refused if it runs."""
    return EngineAct("start", box)


def stop(box: int = 0) -> EngineAct:
    """Let it end."""
    return EngineAct("stop", box)


def write(path: str, box: int = 0) -> EngineAct:
    """A process in the container writes a few bytes at the start of a file."""
    return EngineAct("write", box, path)


def unlink(path: str, box: int = 0) -> EngineAct:
    """A process in the container deletes a file."""
    return EngineAct("unlink", box, path)


def chmod(path: str, box: int = 0) -> EngineAct:
    """A process in the container changes the mode of a file."""
    return EngineAct("chmod", box, path)


def commit(box: int = 0) -> EngineAct:
    """Its changes become an image, the newest one."""
    return EngineAct("commit", box)


def rm(box: int = 0) -> EngineAct:
    """Remove a container; refused while it runs."""
    return EngineAct("rm", box)


def rmi(image: int = 0) -> EngineAct:
    """Remove an image; refused while a container needs it."""
    return EngineAct("rmi", image)


def few_engine_acts() -> tuple[EngineAct, ...]:
    """A small alphabet for `every_list`."""
    return (write("/f"), unlink("/two"), commit(), run(), run(1), pull(0), pull(2), rm(), rmi(0), rmi(1), start())


def engine_operations(least: int = 1, most: int = 10) -> st.SearchStrategy[list[EngineAct]]:
    """Lists of operations, for properties of one's own."""
    few, path = st.integers(0, 3), st.sampled_from(PATHS)
    act = st.one_of(
        st.builds(write, path, few),
        st.builds(run, few),
        st.builds(unlink, path, few),
        st.builds(chmod, path, few),
        st.builds(pull, st.integers(0, len(IMAGES) - 1)),
        st.builds(commit, few),
        st.builds(rm, few),
        st.builds(rmi, few),
        st.builds(start, few),
        st.builds(stop, few),
    )
    return st.lists(act, min_size=least, max_size=most)


def reachable_pairs() -> Iterator[tuple[str, str]]:
    """The verbs, and what they can meet.

    Examples
    --------
    >>> sum(verb == "commit" for verb, _ in reachable_pairs())
    4
    """
    yield from itertools.product(["pull"], ["a new tag", "a tag that is there"])
    images = [f"{made} image{needed}" for made in ("a pulled", "a committed") for needed in ("", " with containers")]
    yield from itertools.product(["run", "rmi"], images)
    states = itertools.product(("a fresh", "a changed"), ("", " that runs"))
    boxes = [f"{changed} container{runs}" for changed, runs in states]
    yield from itertools.product(["start", "stop", "write", "unlink", "chmod", "commit", "rm"], boxes)


def made_by(act: EngineAct) -> str:
    """What kind of thing an operation makes: "image", "box", or nothing."""
    return {"pull": "image", "commit": "image", "run": "box"}.get(act.verb, "")


def named_by(act: EngineAct) -> Iterator[Reference]:
    """The things that it names."""
    if act.verb != "pull":
        yield Reference("number", "image" if act.verb in ("run", "rmi") else "box", act.number)


def simpler(act: EngineAct) -> Iterator[EngineAct]:
    """A pull of a simpler image, a change of the first file."""
    if act.verb == "pull":
        yield from (act._replace(number=number) for number in range(act.number))
    elif act.path and act.path != PATHS[0]:
        yield act._replace(path=PATHS[0])


NAMING = Naming(made_by, named_by, {}, simpler)
