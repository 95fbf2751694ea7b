"""Which JSON values are allowed: fields that check a value and describe themselves in JSON Schema.

A file format is a table of fields; parser, schema and documentation all follow from that table, so they cannot
disagree. No value is trusted: a field either returns a clean value or raises `InvalidInput`, whose
`place` grows from the inside out (``offsets[2]``, then ``ops[3].offsets[2]``), so that checking costs no text when
all is well.

What it leaves out: everything of JSON Schema but types, bounds, patterns and lists; references between values (the
reader of the format checks those).
"""

# ruff: noqa: D102 (read and schema are described once, in Field)

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from snapsim.base.errors import InvalidInput

DEEPEST = 16
"""Levels of lists and objects that `Anything` accepts."""


class Field(Protocol):
    """One kind of JSON value; the classes below are all the kinds there are."""

    def read(self, value: object) -> Any:
        """Return the checked value, with lists as tuples, or raise `InvalidInput`."""

    def schema(self) -> dict[str, Any]:
        """Describe in JSON Schema what `read` accepts, as far as that language can."""


def shown(value: object) -> str:
    """A value as JSON writes it, in one short line that any terminal can print.

    Examples
    --------
    >>> shown("a\\nb"), shown(None), shown(float("nan")), shown([1, 2]), shown(10 ** 30)
    ('"a\\\\nb"', 'null', 'NaN', 'a list', 'a whole number of 100 bits')
    """
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return f"a whole number of {value.bit_length()} bits"
    if value is None or isinstance(value, int | float):
        return json.dumps(value)
    kinds: dict[type, str] = {dict: "an object", list: "a list"}
    return kinds.get(type(value), f"a Python {type(value).__name__}")


def refuse(value: object, allowed: str) -> NoReturn:
    """Raise `InvalidInput` for a value, saying what is allowed."""
    raise InvalidInput(f"{shown(value)} is not allowed: {allowed}")


def join(outer: str, inner: str) -> str:
    """Join two parts of a place.

    Examples
    --------
    >>> join("ops", "[3]"), join("[0]", "ops"), join("", "ops"), join("ops", "")
    ('ops[3]', '[0].ops', 'ops', 'ops')
    """
    return outer + ("." if outer and inner and inner[0] != "[" else "") + inner


def inside(place: str, error: InvalidInput) -> InvalidInput:
    """The same error with its place seen from the object outside, which stands at `place`."""
    return InvalidInput(error.problem, join(place, error.place))


@dataclass(frozen=True)
class Integer:
    """A whole number in a range; ``4.0`` and ``true`` are none."""

    minimum: int
    maximum: int

    def read(self, value: object) -> int:
        if type(value) is int and self.minimum <= value <= self.maximum:
            return value
        refuse(value, f"a whole number from {self.minimum} to {self.maximum}")

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Boolean:
    """True or false, and no number."""

    def read(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        refuse(value, "true or false")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number:
    """A finite number in a range."""

    minimum: float
    maximum: float

    def read(self, value: object) -> float:
        if type(value) in (int, float) and self.minimum <= value <= self.maximum:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        refuse(value, f"a number from {self.minimum:g} to {self.maximum:g}")

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Text:
    """Text that a pattern matches as a whole; sizes in bytes of UTF-8, of all of it and of a part between slashes."""

    pattern: str
    longest: int
    allowed: str
    longest_part: int = 1 << 30

    def read(self, value: object) -> str:
        if isinstance(value, str) and self._fits(value) and re.fullmatch(self.pattern, value):
            return value
        refuse(value, self.allowed)

    def _fits(self, value: str) -> bool:
        # JSON can spell half a surrogate pair, which no file name and no UTF-8 file can hold.
        if len(value) > self.longest or any("\ud800" <= letter <= "\udfff" for letter in value):
            return False
        raw = value.encode()
        return len(raw) <= self.longest and max(map(len, raw.split(b"/"))) <= self.longest_part

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.longest}


@dataclass(frozen=True)
class Choice:
    """One of a few given values."""

    values: tuple[str | None, ...]

    def read(self, value: object) -> str | None:
        for allowed in self.values:
            if type(value) is type(allowed) and value == allowed:
                return allowed
        refuse(value, " or ".join(shown(allowed) for allowed in self.values))

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Either:
    """A value that one of several fields accepts; `allowed` names them in one phrase."""

    fields: tuple[Field, ...]
    allowed: str

    def read(self, value: object) -> Any:
        for field in self.fields:
            try:
                return field.read(value)
            except InvalidInput:
                continue
        refuse(value, self.allowed)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [field.schema() for field in self.fields]}


@dataclass(frozen=True)
class ListOf:
    """A list of bounded length, read as a tuple."""

    item: Field
    longest: int
    shortest: int = 0

    def read(self, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not self.shortest <= len(value) <= self.longest:
            size = f" of {len(value)}" if isinstance(value, list) else ""
            raise InvalidInput(f"{shown(value)}{size} is not allowed: a list of {self.shortest} to {self.longest}")
        found = []
        for number, item in enumerate(value):
            try:
                found.append(self.item.read(item))
            except InvalidInput as error:
                raise inside(f"[{number}]", error) from None
        return tuple(found)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": self.shortest, "maxItems": self.longest}


@dataclass(frozen=True)
class Record:
    """An object with named fields, read by calling `make` with them; `what` names it in errors."""

    what: str
    required: Mapping[str, Field]
    optional: Mapping[str, Field]
    make: Callable[[dict[str, Any]], Any] = dict

    def read(self, value: object) -> Any:
        if not isinstance(value, dict):
            refuse(value, f"an object, {self.what}")
        fields = {**self.required, **self.optional}
        for key in value:
            if key not in fields:
                raise InvalidInput(f"unknown key {shown(key)}: {self.what} takes {', '.join(fields)}")
        for key in self.required:
            if key not in value:
                raise InvalidInput(f"{shown(key)} is missing: {self.what} needs {', '.join(self.required)}")
        return self.make({key: self._one(key, fields[key], value[key]) for key in value})

    def _one(self, key: str, field: Field, value: object) -> Any:
        try:
            return field.read(value)
        except InvalidInput as error:
            raise inside(key, error) from None

    def schema(self) -> dict[str, Any]:
        fields = {**self.required, **self.optional}
        return {
            "type": "object",
            "properties": {key: field.schema() for key, field in fields.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Anything:
    """An object of any JSON values: finite, printable, at most `DEEPEST` levels deep; read as a copy."""

    def read(self, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            refuse(value, "an object")
        copy: dict[str, Any] = self._copy(value, DEEPEST)
        return copy

    def _copy(self, value: object, levels: int) -> Any:
        if isinstance(value, dict | list) and levels == 0:
            refuse(value, f"at most {DEEPEST} levels")
        if isinstance(value, dict):
            return {_PRINTABLE.read(key): self._copy(item, levels - 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self._copy(item, levels - 1) for item in value]
        if isinstance(value, str):
            return _PRINTABLE.read(value)
        if value is None or (isinstance(value, int | float) and abs(value) < 1 << 63):  # false for NaN too
            return value
        refuse(value, "a JSON value, numbers smaller than 2**63")

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


@dataclass(frozen=True)
class Described:
    """A field with a sentence on what it means."""

    field: Field
    means: str

    def read(self, value: object) -> Any:
        return self.field.read(value)

    def schema(self) -> dict[str, Any]:
        return {"description": self.means, **self.field.schema()}


@dataclass(frozen=True)
class Named:
    """A field whose schema stands once, under ``$defs``, and is referred to by name."""

    name: str
    field: Field

    def read(self, value: object) -> Any:
        return self.field.read(value)

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}


_PRINTABLE = Text(r"[^\0]*", 1 << 16, "text of at most 65536 bytes, without NUL")
