"""Commands that sort, select and change lines: sort, uniq, tr, cut, xargs.

What it leaves out: sort's other kinds of keys (months, versions, general numbers).
"""

import os
import re
from collections.abc import Callable
from itertools import pairwise

from snapsim.shell.commands.printing import unescaped
from snapsim.shell.commands.text import inputs, lines
from snapsim.shell.process import Command, Failure, Options, Process, Usage, decoded, encoded, parse
from snapsim.shell.streams import pieces

# ---------------------------------------------------------------- grep


# ---------------------------------------------------------------- sort and uniq

_NUMBER = re.compile(rb"\s*(-?\d*\.?\d*)")
_UNITS = {b"": 0, b"K": 1, b"M": 2, b"G": 3, b"T": 4}


def sort(process: Process) -> int:
    """sort [-nrughfbsc] [-k KEY] [-t CHAR] [-o FILE] [FILE]..."""
    options = parse(
        process.arguments,
        "nruhfbscgMzdiVk:t:o:",
        {"numeric-sort": "n", "reverse": "r", "unique": "u", "key": "k", "field-separator": "t", "output": "o"},
    )
    rows: list[bytes] = []
    for path in options.operands or ["-"]:
        stream = process.stdin
        if path != "-":
            try:
                stream = process.files.open(path)
            except OSError as error:
                raise Failure(f"{path}: {error.strerror}", 2) from None
        rows += lines(process, stream, path)
        if path != "-":
            stream.close()
    keys = [_key(text, options) for text in options.values.get("k", [])] or [_key("1", options)]

    def key(row: bytes) -> list[object]:
        return [_Reversed(part(row)) if backwards else part(row) for part, backwards in keys]

    if "c" in options:
        ordered = all(key(one) <= key(two) for one, two in pairwise(rows))
        return int(not ordered)
    if "s" not in options and "u" not in options:
        rows.sort(reverse="r" in options)  # the last resort is the whole line
    rows.sort(key=key)
    if "u" in options:
        rows = [row for at, row in enumerate(rows) if not at or key(row) != key(rows[at - 1])]
    data = b"".join(row + b"\n" for row in rows)
    if "o" in options:
        stream = process.files.open(options.get("o"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        stream.write(data)
        stream.close()
    else:
        process.print(data)
    return 0


class _Reversed:
    """Sorts the other way round."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.value < self.value)  # type: ignore[operator]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.value == other.value

    def __le__(self, other: "_Reversed") -> bool:
        return not other < self or self == other

    __hash__ = None  # type: ignore[assignment]


def _key(text: str, options: Options) -> tuple[Callable[[bytes], object], bool]:
    """What a row is sorted by, and whether backwards: ``-k START[.OFFSET][OPTIONS][,END...]``."""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?([a-zA-Z]*)(?:,(\d+)(?:\.(\d+))?([a-zA-Z]*))?", text)
    if not found or found[1] == "0":
        raise Failure(f"bad field specification: {text}", 2)
    letters = (found[3] or "") + (found[6] or "")
    chosen = letters or "".join(letter for letter in "nhfbr" if letter in options)
    start, offset = int(found[1]) - 1, int(found[2] or 1) - 1
    end = int(found[4]) if found[4] else None
    separator = encoded(options.get("t"))

    def part(row: bytes) -> bytes:
        if start == 0 and end is None and not offset:
            return row
        fields = row.split(separator) if separator else re.findall(rb"\s*\S+", row)
        return (separator or b"").join(fields[start:end])[offset:]

    def key(row: bytes) -> object:
        value = part(row)
        value = value.lstrip() if "b" in chosen else value
        if "n" in chosen or "h" in chosen or "g" in chosen:
            digits = _NUMBER.match(value)
            text = digits.group(1) if digits else b""
            size = float(text) if re.search(rb"\d", text) else 0.0
            unit = _UNITS.get(value[digits.end() :][:1].upper(), 0) if "h" in chosen and digits else 0
            return unit, size
        return value.upper() if "f" in chosen else value

    return key, "r" in chosen


def uniq(process: Process) -> int:
    """uniq [-cdui] [-f N] [-s N] [-w N] [INPUT [OUTPUT]]"""
    options = parse(process.arguments, "cduif:s:w:z", {"count": "c", "repeated": "d", "unique": "u"}, most=2)
    groups: list[list[bytes]] = []
    for path, stream in inputs(process, options.operands[:1]):
        for row in lines(process, stream, path):
            if groups and _compared(groups[-1][0], options) == _compared(row, options):
                groups[-1].append(row)
            else:
                groups.append([row])
    data = b""
    for group in groups:
        if ("d" in options and len(group) == 1) or ("u" in options and len(group) > 1):
            continue
        data += (b"%7d " % len(group) if "c" in options else b"") + group[0] + b"\n"
    if len(options.operands) == 2:
        target = process.files.open(options.operands[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        target.write(data)
        target.close()
    else:
        process.print(data)
    return int(process.failed)


def _compared(row: bytes, options: Options) -> bytes:
    for _ in range(int(options.get("f", "0"))):
        row = re.sub(rb"^\s*\S+", b"", row)
    row = row[int(options.get("s", "0")) :]
    row = row[: int(options.get("w"))] if "w" in options else row
    return row.lower() if "i" in options else row


# ---------------------------------------------------------------- tr, cut, xargs

_RANGES = {
    b"alpha": range(65, 91),
    b"digit": range(48, 58),
    b"lower": range(97, 123),
    b"upper": range(65, 91),
    b"space": range(9, 14),
}


def tr(process: Process) -> int:
    """tr [-cds] SET1 [SET2]"""
    options = parse(process.arguments, "cCds", mixed=False, least=1, most=2)
    first = _set(options.operands[0])
    second = _set(options.operands[1]) if len(options.operands) > 1 else b""
    if not second and "d" not in options and "s" not in options:
        raise Usage("")
    if "c" in options or "C" in options:
        first = bytes(byte for byte in range(256) if byte not in first)
    padded = second + second[-1:] * (len(first) - len(second)) if second and "d" not in options else b""
    table = bytes.maketrans(first, padded[: len(first)]) if padded else None
    squeezed = (second or first) if "s" in options else b""
    last = -1
    for piece in pieces(process.stdin):
        process.step()
        data = piece.translate(table, first if "d" in options else b"")
        if squeezed:
            kept = bytearray()
            for byte in data:
                if byte != last or byte not in squeezed:
                    kept.append(byte)
                last = byte
            data = bytes(kept)
        process.print(data)
    return 0


def _set(text: str) -> bytes:
    """The bytes that ``a-z``, ``\\n`` and ``[:digit:]`` name."""
    data, _ = unescaped(encoded(text), False)
    found, at = bytearray(), 0
    while at < len(data):
        named = re.compile(rb"\[:(\w+):\]").match(data, at)
        if named:
            extra = b" " if named[1] == b"space" else bytes(range(97, 123)) if named[1] == b"alpha" else b""
            found += bytes(_RANGES.get(named[1], range(0))) + extra
            if named[1] == b"alnum":
                found += bytes([*range(48, 58), *range(65, 91), *range(97, 123)])
            at = named.end()
        elif data[at + 1 : at + 2] == b"-" and at + 2 < len(data):
            found += bytes(range(data[at], data[at + 2] + 1))
            at += 3
        else:
            found.append(data[at])
            at += 1
    return bytes(found)


def cut(process: Process) -> int:
    """cut -b LIST | -c LIST | -f LIST [-d CHAR] [-s] [FILE]..."""
    options = parse(process.arguments, "b:c:f:d:sn", {"delimiter": "d", "fields": "f"})
    kind = options.last("bcf")
    if not kind:
        raise Failure("expected a list of bytes, characters, or fields")
    ranges = [_range(part) for part in options.get(kind).split(",")]
    between = encoded(options.get("d", "\t"))
    for path, stream in inputs(process, options.operands, "{}"):
        for row in lines(process, stream, path):
            parts = row.split(between) if kind == "f" else [row[at : at + 1] for at in range(len(row))]
            if kind == "f" and len(parts) == 1:
                process.print(b"" if "s" in options else row + b"\n")
                continue
            chosen = [part for at, part in enumerate(parts, 1) if any(low <= at <= high for low, high in ranges)]
            process.print((between if kind == "f" else b"").join(chosen) + b"\n")
    return int(process.failed)


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d*)(-?)(\d*)", text)
    if not found or not text.strip("-"):
        raise Failure(f"invalid range {text}" if text else "missing list of positions")
    low = int(found[1] or 1)
    return low, (int(found[3]) if found[3] else 1 << 62) if found[2] else low


def xargs(process: Process) -> int:
    """xargs [-0rt] [-n N] [-I TEXT] [PROGRAM ARGUMENTS]"""
    options = parse(process.arguments, "0rtn:I:p", {"null": "0", "no-run-if-empty": "r"}, mixed=False)
    data = decoded(b"".join(pieces(process.stdin)))
    command = options.operands or ["echo"]
    words = data.split("\0")[:-1] if "0" in options else data.splitlines() if "I" in options else _words(data)
    if "I" in options:
        runs = [[part.replace(options.get("I"), word.strip()) for part in command] for word in words]
    else:
        size = int(options.get("n")) if options.get("n").isdigit() else max(len(words), 1)
        runs = [[*command, *words[at : at + size]] for at in range(0, len(words), size)]
        if not words and "r" not in options:
            runs = [command]
    worst = 0
    for run in runs:
        process.step()
        if "t" in options:
            process.error(" ".join(run) + "\n")
        status = process.spawn(run)
        if status in (126, 127):
            return status
        worst = 123 if status else worst
    return worst


def _words(text: str) -> list[str]:
    found = re.findall(r"""((?:"[^"]*"|'[^']*'|\\.|[^\s"'\\])+)""", text)
    return [
        re.sub(r"\"([^\"]*)\"|'([^']*)'|\\(.)", lambda match: match[1] or match[2] or match[3] or "", word)
        for word in found
    ]


COMMANDS = {
    "sort": Command(
        sort, "[-nrugMcszbdfiokt] [-o FILE] [-k START[.OFS][OPTS][,END[.OFS][OPTS]] [-t CHAR] [FILE]...", 2
    ),
    "uniq": Command(uniq, "[-cduiz] [-f,s,w N] [FILE [OUTFILE]]"),
    "tr": Command(tr, "[-cds] STRING1 [STRING2]"),
    "cut": Command(cut, "[OPTIONS] [FILE]..."),
    "xargs": Command(xargs, "[OPTIONS] [PROG ARGS]"),
}
