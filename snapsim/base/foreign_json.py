"""JSON from outside: the one reader of files for all formats, and a way to take values out of objects with a check.

Whatever a file holds, the reader returns a value or raises an `InvalidInput` that names the file and the line. Refused
are: more than 64 MiB, text in no encoding that JSON has, a key that stands twice in one object (of which other readers
take now the first and now the last), numbers that JSON does not have (NaN, Infinity), and what is nested more deeply
than Python can read. A whole number of more than 100 digits becomes a float, so that the format's own check can name
the place where it stands.

`schema` describes the formats of snapsim itself, where an unknown key is a mistake. A `Table` here is an object in the
format of another program, of which snapsim needs only a few keys; text that would harm a terminal (control characters,
lone surrogates) is refused in it, since what is read here is printed later.

What it leaves out: schemas, and files that are too large for the memory.
"""

import json
import re
import sys
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import join, shown
from snapsim.base.units import MiB, format_size

FILE_LIMIT = 64 * MiB
LARGEST = 2**63 - 1
_SPACE = re.compile(r"\s*")


def read_bytes(path: str, place: str, hint: str = "a readable file is allowed") -> bytes:
    """A file's bytes, or standard input's for ``-``; at most 64 MiB.

    Parameters
    ----------
    path : str
        The file, or ``-``.
    place : str
        How errors call it.
    hint : str
        What is allowed instead, said where the file cannot be read.

    Raises
    ------
    InvalidInput
        There is no such file, it cannot be read, or it is too large.
    """
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(FILE_LIMIT + 1)
        else:
            with open(path, "rb") as stream:
                raw = stream.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(f"{problem}: {hint}", place) from None
    if len(raw) > FILE_LIMIT:
        raise InvalidInput(f"larger than the {format_size(FILE_LIMIT)} that are allowed", place)
    return raw


def load_json(path: str, place: str, hint: str, several: bool = False) -> Any:
    """The JSON value in a file, or on standard input for ``-``; see `read_bytes` and `parse_json`.

    Examples
    --------
    >>> load_json("no-such.json", "--trace no-such.json", "a trace file is allowed")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: --trace no-such.json: No such file or directory: a trace file is allowed
    """
    return parse_json(read_bytes(path, place, hint), place, several)


def parse_json(raw: bytes, place: str = "", several: bool = False) -> Any:
    r"""The JSON value in `raw`.

    Parameters
    ----------
    raw : bytes
        UTF-8, UTF-16 or UTF-32, with or without a byte order mark (shells on Windows write UTF-16).
    place : str, optional
        How errors call it.
    several : bool
        Whether several values may stand one after the other; they give a list.

    Raises
    ------
    InvalidInput
        Not JSON, by the rules of the module.

    Examples
    --------
    >>> parse_json(b'{"a": 1}'), parse_json(b'{"a": 1}\n{"a": 2}\n', several=True)
    ({'a': 1}, [{'a': 1}, {'a': 2}])
    >>> parse_json(b"[1,\n NaN]", "w.json")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: w.json: not JSON: NaN is no number of JSON
    >>> parse_json(b'{"a": 1, "a": 2}', "w.json")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: w.json: the key "a" stands twice in one object: once is allowed
    """
    encoding = json.detect_encoding(raw)
    try:
        values = _values(raw.decode(encoding), several)
    except RecursionError:
        raise InvalidInput("nested too deeply", place) from None
    except UnicodeDecodeError as error:
        name = encoding.upper().removesuffix("-SIG")
        raise InvalidInput(f"not {name}: byte {error.start} is 0x{raw[error.start]:02x}", place) from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", place) from None
    except InvalidInput as error:
        raise InvalidInput(error.problem, place) from None
    return values[0] if len(values) == 1 else values


def _values(text: str, several: bool) -> list[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_no_constant)
    values: list[Any] = []
    at = len(text) - len(text.lstrip())
    while at < len(text) or not values:
        if values and not several:
            raise json.JSONDecodeError("Extra data", text, at)
        value, end = decoder.raw_decode(text, at)
        values.append(value)
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches anywhere
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidInput(f"the key {shown(twice)} stands twice in one object: once is allowed")
    return found


def _whole(text: str) -> int | float:
    # Python refuses to read more than 4300 digits; as a float the number lives on until a field can name its place.
    return int(text) if len(text) <= 100 else float(text)


def _no_constant(name: str) -> None:
    raise InvalidInput(f"not JSON: {name} is no number of JSON")


class Table:
    """A JSON object that is read key by key.

    A key that is missing and one that is null are the same, as in Go, whose programs write such files.

    Parameters
    ----------
    value : object
        What should be a JSON object.
    file : str, optional
        Its file, and `path` the keys that lead to it: together the place in errors.

    Raises
    ------
    InvalidInput
        From the constructor and every method: the value has another type.

    Examples
    --------
    >>> table = Table({"name": "c1", "sizes": [{"n": -1}]}, "host.json")
    >>> table.text("name"), table.text("image"), table.whole("count")
    ('c1', '', None)
    >>> table.rows("sizes")[0].whole("n")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: host.json: sizes[0].n: -1 is not a whole number from 0 to 9223372036854775807
    """

    def __init__(self, value: object, file: str = "", path: str = "") -> None:
        self.file, self.path = file, path
        if not isinstance(value, dict):
            raise self.wrong(value, "an object")
        self.value: dict[str, Any] = value

    def wrong(self, value: object, allowed: str, key: str = "") -> InvalidInput:
        """The error for `value` at `key`, to be raised."""
        places = (self.file, join(self.path, key))
        return InvalidInput(f"{shown(value)} is not {allowed}", ": ".join(place for place in places if place))

    def has(self, *keys: str) -> bool:
        """Whether one of the keys is there, null or not."""
        return any(key in self.value for key in keys)

    def text(self, key: str, default: str = "") -> str:
        """One line of printable text."""
        value = self.value.get(key)
        if value is not None and not (isinstance(value, str) and value.isprintable()):
            raise self.wrong(value, "one line of printable text", key)
        return default if value is None else value

    def whole(self, key: str, least: int = 0) -> int | None:
        """A whole number from `least` to 2**63 - 1, or `None`."""
        value = self.value.get(key)
        if value is not None and (type(value) is not int or not least <= value <= LARGEST):
            raise self.wrong(value, f"a whole number from {least} to {LARGEST}", key)
        return value

    def items(self, key: str) -> list[Any]:
        """A list, empty where there is none."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, list):
            raise self.wrong(value, "a list", key)
        return value or []

    def rows(self, key: str) -> list["Table"]:
        """A list of objects."""
        rows = enumerate(self.items(key))
        return [Table(row, self.file, join(self.path, f"{key}[{number}]")) for number, row in rows]

    def table(self, key: str) -> "Table":
        """An object, empty where there is none."""
        value = self.value.get(key)
        return Table({} if value is None else value, self.file, join(self.path, key))
