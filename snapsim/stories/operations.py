"""Operations of one's own, as one types them: ``write 3; snapshot; write 3-5; delete s1``.

An operation is a verb and its words, and ends at a semicolon or at the end of a line. On a **mechanism**, the volume is
called ``v``, its snapshots ``s1``, ``s2`` and its clones ``c1``, ``c2``, in the order in which they are made:

=============================  ==============================================================================
``write [VOLUME] BLOCKS``      ``3`` one block, ``3-5`` one request over a run, ``3,5,3`` three requests
``read [VOLUME] BLOCKS``       with a cold cache
``snapshot [VOLUME]``          the next name is s1, s2, ...
``clone [VOLUME]``             the next name is c1, c2, ...
``delete VOLUME``
``discard [VOLUME] BLOCKS``
``rollback [VOLUME] SNAPSHOT``
=============================  ==============================================================================

On a **storage driver** there is an image, and containers ``c1``, ``c2``; blocks are those of a file:

=============================  ==============================================================================
``container``                  a new one on the newest image; the next name is c1, c2, ...
``write [C:]PATH [BLOCKS]``    in the newest container, or in C; block 0 if none is given
``read [C:]PATH [BLOCKS]``     the whole file if none is given
``open [C:]PATH``              for writing, and nothing is written
``delete [C:]PATH``            a file
``rename [C:]PATH PATH``
``chmod [C:]PATH``             attributes alone
``mkdir [C:]PATH``
``commit [C]``                 the container's changes become a new image layer
``remove C``                   a container
``cold``                       forget the page cache
=============================  ==============================================================================

>>> parse("thin-pool", "write 3; snapshot; write s1 3-5")
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: operation 3, 'write s1 3-5': s1 is a snapshot, which is read-only: v
>>> [str(step) for step in parse("overlay2", "write /data/app.db 0-1\\ncommit")]
['container', 'write /data/app.db 0-1', 'commit']

What it leaves out: sizes and offsets that are no whole blocks, several names for a file.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.base.splitmix import SplitMix64
from snapsim.block.snapshots import MECHANISMS

BLOCKS = 8
"""Of the volume of a story."""
MOST_BLOCKS = 64
"""Of a file of a story, so that its map can be read."""
MOST_OPERATIONS = 200

Asked = int | slice | list[int]


class Step(NamedTuple):
    """One operation.

    Attributes
    ----------
    verb : str
    name : str
        Of the volume or container.
    asked : int, slice, list of int or None
        Blocks, as devices take them.
    path, to : str
        Of files; of `rollback`, `to` is the snapshot, and of verbs that make something its name.
    words : str
        As it was typed.
    """

    verb: str
    name: str = ""
    asked: Asked | None = None
    path: str = ""
    to: str = ""
    words: str = ""

    def __str__(self) -> str:
        return self.words


def parse(subject: str, text: str) -> list[Step]:
    """The operations of a text, all of them checked before any is carried out.

    Parameters
    ----------
    subject : str
        A mechanism (one of `MECHANISMS`); anything else is taken for a storage driver.
    text : str

    Raises
    ------
    InvalidInput
        Not an operation, a name that does not live then, or a block that is not there; it says which operation.
    """
    words = [" ".join(part.split()) for part in re.split(r"[;\n]", text)]
    words = [part for part in words if part]
    if not words:
        raise InvalidInput("no operation: such as 'write 3; snapshot; write 3'")
    if len(words) > MOST_OPERATIONS:
        raise InvalidInput(f"{len(words)} operations: at most {MOST_OPERATIONS} are allowed")
    return list((_volumes if subject in MECHANISMS else _layers)(words))


class _Line:
    """One operation while it is read: what is wrong with it says which one it is."""

    def __init__(self, number: int, words: str) -> None:
        self.number, self.words = number, words
        self.verb, *self.rest = words.split()

    def wrong(self, problem: str) -> InvalidInput:
        return InvalidInput(f"operation {self.number}, {self.words!r}: {problem}")

    def choose(self, verbs: tuple[str, ...]) -> None:
        if self.verb not in verbs:
            raise self.wrong(f"{self.verb!r} is not allowed: {', '.join(verbs)}")

    def blocks(self, text: str, size: int) -> Asked:
        """``3``, ``3-5`` or ``3,5,3``."""
        if not re.fullmatch(r"\d{1,9}(-\d{1,9}|(,\d{1,9})+)?", text, re.ASCII):
            raise self.wrong(f"{text!r} is not allowed: a block (3), a run (3-5), or several requests (3,5,3)")
        numbers = [int(part) for part in re.split("[-,]", text)]
        if "-" in text and numbers[1] < numbers[0]:
            raise self.wrong(f"{text} ends before it starts")
        if max(numbers) >= size:
            raise self.wrong(f"there is no block {max(numbers)}: 0 to {size - 1}")
        return slice(numbers[0], numbers[1] + 1) if "-" in text else numbers if "," in text else numbers[0]

    def done(self) -> None:
        if self.rest:
            raise self.wrong(f"{' '.join(self.rest)!r} is too much")


# -------------------------------------------------------------------- volumes

_VOLUME_VERBS = ("write", "read", "snapshot", "clone", "delete", "discard", "rollback")


def _volumes(words: list[str]) -> Iterator[Step]:
    living, made = {"v": "volume"}, {"s": 0, "c": 0}
    for number, each in enumerate(words, 1):
        line = _Line(number, each)
        line.choose(_VOLUME_VERBS)
        named = line.verb == "delete" or (
            line.rest and not line.rest[0][0].isdigit() and not (line.verb == "rollback" and len(line.rest) == 1)
        )
        name = _one_of(line, list(living)) if named else "v"
        asked, to = None, ""
        if line.verb in ("write", "discard") and living[name] == "snapshot":
            writable = [other for other, kind in living.items() if kind != "snapshot"]
            raise line.wrong(f"{name} is a snapshot, which is read-only: {', '.join(writable)}")
        if line.verb in ("write", "read", "discard"):
            if not line.rest:
                raise line.wrong("which blocks? A block (3), a run (3-5), or several requests (3,5,3)")
            asked = line.blocks(line.rest.pop(0), BLOCKS)
        elif line.verb in ("snapshot", "clone"):
            letter = line.verb[0]
            made[letter] += 1
            to = f"{letter}{made[letter]}"
            living[to] = line.verb
        elif line.verb == "rollback":
            to = _one_of(line, [other for other, kind in living.items() if kind == "snapshot"])
        elif name == "v" and len(living) == 1:
            raise line.wrong("v is the last volume")
        line.done()
        if line.verb == "delete":
            del living[name]
        yield Step(line.verb, name, asked, "", to, each)


def _one_of(line: _Line, names: list[str]) -> str:
    if not line.rest:
        raise line.wrong(f"which? {', '.join(names) or 'there is none'}")
    name = line.rest.pop(0)
    if name not in names:
        raise line.wrong(f"there is no {name!r} then: {', '.join(names) or 'none'}")
    return name


# -------------------------------------------------------------------- layers

_LAYER_VERBS = ("container", "write", "read", "open", "delete", "rename", "chmod", "mkdir", "commit", "remove", "cold")


def _layers(words: list[str]) -> Iterator[Step]:
    containers: list[str] = []
    made, images = 0, 1
    if words[0] != "container":
        words = ["container", *words]
    offset = 0 if words[0] == "container" and len(words) == 1 else 1
    for number, each in enumerate(words):
        line = _Line(number + 1 - offset if number else 1, each)
        line.choose(_LAYER_VERBS)
        name, path, to, asked = containers[-1] if containers else "", "", "", None
        if line.verb == "container":
            made += 1
            to = f"c{made}"
            containers.append(to)
        elif line.verb in ("commit", "remove"):
            if line.rest or line.verb == "remove":
                name = _one_of(line, containers)
            images += line.verb == "commit"
            to = f"image{images}" if line.verb == "commit" else ""
        elif line.verb != "cold":
            name, path = _path(line, containers)
            if line.verb == "rename":
                to = _absolute(line)
            if line.verb in ("write", "read") and line.rest:
                asked = line.blocks(line.rest.pop(0), MOST_BLOCKS)
        if line.verb not in ("container", "cold") and not name:
            raise line.wrong("there is no container then")
        line.done()
        if line.verb == "remove":
            containers.remove(name)
        yield Step(line.verb, name, asked, path, to, each)


def _path(line: _Line, containers: list[str]) -> tuple[str, str]:
    """The container and the path of ``[C:]PATH``."""
    name = containers[-1] if containers else ""
    if line.rest and not line.rest[0].startswith("/") and ":" in line.rest[0]:
        name, _, line.rest[0] = line.rest[0].partition(":")
        if name not in containers:
            raise line.wrong(f"there is no container {name!r} then: {', '.join(containers) or 'none'}")
    return name, _absolute(line)


def _absolute(line: _Line) -> str:
    if (
        not line.rest
        or not re.fullmatch(r"(/[^/\0:]{1,200}){1,8}", line.rest[0])
        or {".", ".."} & {*line.rest[0].split("/")}
    ):
        raise line.wrong(f"{line.rest[0] if line.rest else 'nothing'!r} is no path: such as /data/app.db")
    return line.rest.pop(0)


# -------------------------------------------------------------------- drawn by lot


def drawn(subject: str, seed: int, count: int = 6, paths: tuple[str, ...] = ()) -> str:
    """Operations drawn by lot, the same for the same seed: a problem to practise with.

    Parameters
    ----------
    subject : str
    seed : int
        0 to 2**64 - 1.
    count : int
        How many operations.
    paths : tuple of str
        Files of the image, for a driver.

    Examples
    --------
    >>> drawn("thin-pool", 1)
    'write 3; snapshot; write 5; write 3; read s1 3-5; delete s1'
    """
    draw = SplitMix64(seed)

    def below(bound: int) -> int:
        return int(draw.below(bound, 1)[0])

    if subject not in MECHANISMS:
        return "; ".join(["container", *(_some_file(below, paths) for _ in range(count - 1))])
    block = below(BLOCKS - 2)
    others = [
        f"write {below(BLOCKS - 2)}" if below(2) else f"write {below(3)}-{3 + below(BLOCKS - 3)}"
        for _ in range(max(count - 5, 1))
    ]
    return "; ".join(
        [f"write {block}", "snapshot", *others, f"write {block}", f"read s1 {block}-{block + 2}", "delete s1"]
    )


def _some_file(below: Callable[[int], int], paths: tuple[str, ...]) -> str:
    verb = ("write", "write", "open", "chmod", "read")[below(5)]
    return f"{verb} {paths[below(len(paths))]}"
