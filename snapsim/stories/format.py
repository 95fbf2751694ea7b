"""The file format of a story: what `Story.to_dict` writes is read back here, checked field by field.

One table of fields says what is allowed; the reader and the schema (``docs/reference/story.schema.json``) follow from
it.

>>> from snapsim.stories import tell
>>> story = tell("full-copy", "snapshot; write 3")
>>> load(story.to_dict()) == story
True
>>> load({**story.to_dict(), "version": 2})
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: version: 2 is not allowed: a whole number from 1 to 1

What it leaves out: whether a story could have happened.
"""

from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import Boolean, Choice, Described, Integer, ListOf, Record, Text
from snapsim.block.counts import OPERATIONS, PURPOSES
from snapsim.stories.story import (
    FORMAT,
    KINDS,
    MARKS,
    VERSION,
    Act,
    Cells,
    Change,
    Device,
    Frame,
    Held,
    Mark,
    Owner,
    Pointer,
    Story,
    Wrong,
)

_NUMBER, _MOST = Integer(0, 1 << 53), 1 << 16
_TEXT = Text(r"[^\0]*", 4096, "text of at most 4096 bytes, without NUL")
_NAME = Text(r"[^\0]*", 255, "a name of at most 255 bytes, without NUL")
_PURPOSE = Choice(("", *PURPOSES))


class _Row:
    """A list of fixed length, one field for each place."""

    def __init__(self, make: Any, *parts: Any) -> None:
        self.make, self.parts = make, parts

    def read(self, value: object) -> Any:
        """The row, made of its parts."""
        if not isinstance(value, list) or len(value) != len(self.parts):
            raise InvalidInput(f"a list of {len(self.parts)} is allowed")
        return self.make([part.read(each) for part, each in zip(self.parts, value, strict=True)])

    def schema(self) -> dict[str, Any]:
        """A list whose places have schemas of their own."""
        return {
            "type": "array",
            "prefixItems": [part.schema() for part in self.parts],
            "items": False,
            "minItems": len(self.parts),
            "maxItems": len(self.parts),
        }


def _list(item: Any) -> ListOf:
    return ListOf(item, _MOST)


def _record(what: str, kind: Any, /, **parts: Any) -> Record:
    """A record of a named tuple: fields without a default have to be there."""
    optional = set(kind._field_defaults)
    return Record(
        what,
        {name: part for name, part in parts.items() if name not in optional},
        {name: part for name, part in parts.items() if name in optional},
        lambda found: kind(**found),
    )


_RUN = _Row(tuple, _NUMBER, _NUMBER)
_CHANGE = _record(
    "a change",
    Change,
    cells=Described(
        _list(_record("cells", Cells, device=_NAME, first=_NUMBER, contents=_list(_NAME), purpose=_PURPOSE)),
        'contents of neighbouring blocks from now on; "" is nothing',
    ),
    held=Described(
        _list(_record("held", Held, device=_NAME, first=_NUMBER, length=_NUMBER, owners=_list(_NUMBER))),
        "who reads neighbouring blocks from now on: numbers of owners",
    ),
    pointers=Described(
        _list(_record("a pointer", Pointer, owner=_NUMBER, block=_NUMBER, device=_NAME, place=_NUMBER)),
        'where a block of a volume is read from now on; device "" is nowhere',
    ),
    marks=Described(
        _list(_record("a mark", Mark, owner=_NUMBER, path=_TEXT, mark=Choice(MARKS))),
        'what a layer has under a path from now on; "" is nothing',
    ),
    came=Described(_list(_NUMBER), "numbers of owners that live from now on"),
    went=Described(_list(_NUMBER), "numbers of owners that live no more"),
    wrong=Described(
        _list(_record("a wrong block", Wrong, device=_NAME, block=_NUMBER, expected=_NAME)),
        "blocks that should hold something else, as of this frame alone",
    ),
)
_FRAME = _record(
    "a frame",
    Frame,
    act=Described(_NUMBER, "number of the act"),
    operation=Described(Choice(("", *OPERATIONS)), '"" is bookkeeping without I/O'),
    device=_NAME,
    runs=Described(_list(_RUN), "first block and length, one for each request"),
    purpose=_PURPOSE,
    rule=_TEXT,
    sentence=_TEXT,
    requests=_NUMBER,
    bytes=_NUMBER,
    source=Described(_list(_Row(tuple, _NAME, _NUMBER, _NUMBER)), "device, first block and length of what was copied"),
    change=_CHANGE,
)
_ACT = _record("an act", Act, title=_TEXT, operation=_TEXT, says=_list(_TEXT), bill=Boolean())
_PARTS: dict[str, Any] = {
    "format": Choice((FORMAT,)),
    "version": Integer(VERSION, VERSION),
    "title": _TEXT,
    "subject": _NAME,
    "block_size": Integer(1, 1 << 30),
    "cell_blocks": Integer(1, 1 << 30),
    "intro": _list(_TEXT),
    "owners": _list(_record("an owner", Owner, name=_NAME, kind=Choice(KINDS), title=_TEXT, blocks=_NUMBER)),
    "devices": _list(
        _record("a device", Device, name=_NAME, size=_NUMBER, since=Integer(-1, 1 << 16), columns=_list(_NAME))
    ),
    "start": Described(_CHANGE, "from nothing to the state before the first frame"),
    "acts": _list(_ACT),
    "frames": _list(_FRAME),
}
STORY = Record(
    "a story",
    _PARTS,
    {},
    lambda found: Story(**{name: value for name, value in found.items() if name not in ("format", "version")}),
)


def load(value: Any) -> Story:
    """A story from what `Story.to_dict` gave.

    Raises
    ------
    InvalidInput
        No story, or one of another version; or a frame names an act that is not there.
    """
    story: Story = STORY.read(value)
    for number, frame in enumerate(story.frames):
        if frame.act >= len(story.acts):
            raise InvalidInput(f"there is no act {frame.act}", f"frames[{number}].act")
    return story


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a story, as ``docs/reference/story.schema.json`` holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "snapsim story",
        "description": "What every request and every moved pointer changed, one frame for each.",
        **STORY.schema(),
    }
