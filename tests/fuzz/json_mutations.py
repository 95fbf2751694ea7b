"""Mutations of JSON that know its grammar: keys, types, numbers, nesting, texts; then the bytes of the file.

A value is kept as Python has it, but for objects: `Pairs`, so that a key can stand twice, and `Raw`, text that stands
for a value as it is (``NaN``, ``1e999``, a number of 5000 digits).

LEAVES OUT: what makes another *valid* file of the format; a seed has to bring that.
"""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Place = tuple[Any, Any]
"""A container (list or `Pairs`) and the position of a value in it."""


class Pairs(list):
    """An object: pairs of key and value, in order; a key may stand twice."""


class Raw(str):
    """Text that is written as it is."""


LARGE = 3000
"""Values in a file that is not made larger; a thousand of them take some 30 KB."""

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 255, 4095, 4096, 4097, 65536, 2**31 - 1, 2**31, 2**32, 2**40, 2**50, 2**50 + 1, 2**53 + 1,
    2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30, 0.5, -0.0, 1e300, 4096.0, 1e-320,
)  # fmt: skip
LITERALS = tuple(
    map(Raw, ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "+1", ".5", "0x10", "1" * 5000, "1" * 101,
              "-" + "9" * 400, "True", "nul", "", "'a'", '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x41"', "[",
              "]", "{", "}", "//", "/* */ 1", '"'))
)  # fmt: skip
TEXTS = (
    "", " ", "a", "..", ".", "/", "//", "a/../b", "a//b", "/etc/passwd", "a" * 255, "a" * 256, "a" * 5000,
    "d/" * 300 + "f", "\x00", "\n", "\r\n", "\t", "\x1b[31m", "\x7f", "\x9b", "\u2028", "\u202e", "\u200b", "\ufeff",
    "\ud800", "é", "e\u0301", "日本語", "🐋", "%d", "%s", "%99d", "%%", "%(a)s", "%d%d", "%999999999d", "{}", "{0}",
    "[red]", "[/red]", "[bold", "\\", "'", '"', "-", "--help", "N/A", "<none>", "<none>:<none>", "-1", "0B", "-3MB",
    "1e9", "73,36MB", "1.5GiB", "9.9EB", "1000B", "sha256:" + "0" * 64, "sha256:", "s0", "s1", "layer0", "latest",
    "overlay2.size=10G", "dm.blocksize=61000", "base", "base:1", "child:1", "c1", "O_RDWR", "zfs",
    "dm.basesize=1E", "dm.basesize=", "=", "a=b=c", "null", "٣",
)  # fmt: skip
OTHERS: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: False, lambda: [], lambda: Pairs(), lambda: [[]], lambda: [None],
    lambda: Pairs([("", None)]),
)  # fmt: skip


def read(raw: bytes) -> Any:
    """A seed as a value that can be mutated."""
    return json.loads(raw, object_pairs_hook=Pairs)


def write(value: Any) -> str:
    """Any value as text; no recursion, since values may be nested deeply."""
    return "".join(_tokens(value))


def _tokens(value: Any) -> Iterator[str]:
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Raw):
            yield item
        elif isinstance(item, Pairs):
            todo += [Raw("}"), *_reversed([[Raw(json.dumps(key) + ": "), each] for key, each in item]), Raw("{")]
        elif isinstance(item, list):
            todo += [Raw("]"), *_reversed([[each] for each in item]), Raw("[")]
        else:
            yield json.dumps(item)


def _reversed(groups: list[list[Any]]) -> list[Any]:
    """The tokens of all items with commas between them, last first."""
    tokens: list[Any] = []
    for number, group in enumerate(groups):
        tokens += ([Raw(", ")] if number else []) + group
    return tokens[::-1]


def places(value: Any) -> list[Place]:
    """All values inside, by their container and position."""
    found: list[Place] = []
    todo = [value]
    while todo:
        holder = todo.pop()
        if isinstance(holder, list):
            found += [(holder, position) for position in range(len(holder))]
            todo += [each[1] if isinstance(holder, Pairs) else each for each in holder]
    return found


def get(place: Place) -> Any:
    """The value there."""
    holder, position = place
    return holder[position][1] if isinstance(holder, Pairs) else holder[position]


def put(place: Place, value: Any) -> None:
    """Another value there."""
    holder, position = place
    holder[position] = (holder[position][0], value) if isinstance(holder, Pairs) else value


# ------------------------------------------------------------- one mutation each, of the value at a place


def remove(rng: Random, place: Place, every: list[Place]) -> None:
    """The item goes, with its key."""
    del place[0][place[1]]


def twice(rng: Random, place: Place, every: list[Place]) -> None:
    """The item stands twice; in an object perhaps with another value."""
    holder, position = place
    item = holder[position]
    if isinstance(holder, Pairs) and rng.random() < 0.5:
        item = (item[0], _anything(rng, every))
    holder.insert(rng.randint(0, len(holder)), item)


def rename(rng: Random, place: Place, every: list[Place]) -> None:
    """The key becomes another one of the file, or none that there is."""
    holder, position = place
    if isinstance(holder, Pairs):
        keys = [key for each, at in every if isinstance(each, Pairs) for key in [each[at][0]]]
        holder[position] = (rng.choice([*keys, rng.choice(TEXTS), holder[position][0].upper()]), holder[position][1])


def replace(rng: Random, place: Place, every: list[Place]) -> None:
    """Any other value."""
    put(place, _anything(rng, every))


def transplant(rng: Random, place: Place, every: list[Place]) -> None:
    """A value from somewhere else in the file, so that references and types go astray in likely ways."""
    put(place, _copy(get(rng.choice(every))))


def exchange(rng: Random, place: Place, every: list[Place]) -> None:
    """Two items of one list or object change places."""
    holder, position = place
    other = rng.randrange(len(holder))
    holder[position], holder[other] = holder[other], holder[position]


def edit(rng: Random, place: Place, every: list[Place]) -> None:
    """A number or text changes a little."""
    value = get(place)
    if isinstance(value, str) and not isinstance(value, Raw):
        at = rng.randint(0, len(value))
        put(place, value[:at] + rng.choice(TEXTS) + value[at + rng.randint(0, 3) :])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        near = (-value, value + 1, value - 1, value * 1000, value * 4096, str(value), float(value % 2**60))
        put(place, rng.choice(near))
    else:
        replace(rng, place, every)


def nest(rng: Random, place: Place, every: list[Place]) -> None:
    """The value goes some levels down."""
    depth, value = rng.choice([1, 1, 2, 17, 100, 2000]), get(place)
    for _ in range(depth):
        value = [value] if rng.random() < 0.5 else Pairs([("a", value)])
    put(place, value)


def many(rng: Random, place: Place, every: list[Place]) -> None:
    """The item stands many times, unless the file is large already."""
    if len(every) > LARGE:
        return
    holder, position = place
    holder[position:position] = [holder[position]] * rng.choice([2, 2, 10, 130])


MUTATIONS = (remove, remove, twice, rename, replace, replace, replace, transplant, transplant, exchange, edit, edit,
             edit, nest, many)  # fmt: skip


def _anything(rng: Random, every: list[Place]) -> Any:
    kind = rng.randrange(8)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice(TEXTS)
    if kind == 5:
        return rng.choice(LITERALS)
    return rng.choice(OTHERS)() if kind == 6 or not every else _copy(get(rng.choice(every)))


def _copy(value: Any) -> Any:
    """A deep copy; an empty list of what is nested too deeply for one."""
    try:
        return _copied(value)
    except RecursionError:
        return []


def _copied(value: Any) -> Any:
    if isinstance(value, Pairs):
        return Pairs((key, _copied(each)) for key, each in value)
    return [_copied(each) for each in value] if isinstance(value, list) else value


def damage(rng: Random, raw: bytes) -> bytes:
    """Now and then the bytes themselves: cut off, a byte changed, in another encoding, twice in a file."""
    kind = rng.randrange(30)
    if kind == 0:
        return raw[: rng.randrange(len(raw) + 1)]
    if kind == 1:
        at = rng.randrange(len(raw) + 1)
        return raw[:at] + rng.randbytes(rng.randint(1, 4)) + raw[at + rng.randint(0, 2) :]
    if kind == 2:
        codes = ("utf-16", "utf-16-le", "utf-32-be", "utf-8-sig", "latin-1")
        return raw.decode("utf-8", "replace").encode(rng.choice(codes), "replace")
    return raw + rng.choice([b"\n", b"", b"  ", b"x"]) + raw if kind == 3 else raw


def mutated(rng: Random, seed: bytes) -> bytes:
    """A file made of a seed by one to six mutations."""
    root = [read(seed)]
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 6])):
        every = places(root)
        rng.choice(MUTATIONS)(rng, rng.choice(every), every)
        if not root:
            break
    text = write(root[0]) if root else ""
    return damage(rng, text.encode("utf-8", "surrogatepass"))
