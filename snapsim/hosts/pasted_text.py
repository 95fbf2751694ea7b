"""Text of ``docker info``, ``docker system df [-v]``, ``docker ps -s`` and ``docker images``, as people paste it.

The text becomes the very objects that ``--format '{{json .}}'`` would have given, so that one reader (`dockerdata`)
serves both. Several outputs may follow each other, with prompts and other lines between them. What a table's row says
is found by the column of its header, as Docker aligns them; a row that does not stand under its header was edited, and
is refused by its line. Layout: docker/cli ``cli/command/system/info.go``, ``cli/command/formatter``.

LEAVES OUT: volumes and build cache; a text cut off inside a value (``Backing Filesystem: ext``) cannot be told from a
whole one.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table

_JSON = re.compile(r'\s*(?:[{"\d-]|\[(?!\w+@)|(?:null|true|false)\s*\Z)')  # [root@host ~]# is a prompt
_PROMPT = re.compile(r"\S*[$#>%] |\[.*\][$#] |Client:|Server:")
_ERROR = re.compile(r"error: |errors pretty printing|cannot connect", re.IGNORECASE)
_COLUMN = re.compile(r"\S+(?: \S+)*")
_INFO = {
    "Images": "Images",
    "Containers": "Containers",
    "Server Version": "ServerVersion",
    "Docker Root Dir": "DockerRootDir",
    "Kernel Version": "KernelVersion",
    "Operating System": "OperatingSystem",
}
_TABLES = {
    "REPOSITORY": ("images", {
        "REPOSITORY": "Repository", "TAG": "Tag", "IMAGE ID": "ID", "SIZE": "Size", "SHARED SIZE": "SharedSize",
        "UNIQUE SIZE": "UniqueSize", "CONTAINERS": "Containers",
    }),
    "CONTAINER ID": ("containers", {
        "CONTAINER ID": "ID", "IMAGE": "Image", "SIZE": "Size", "STATUS": "State", "NAMES": "Names",
    }),
    "TYPE": ("totals", {"TYPE": "Type", "TOTAL": "TotalCount", "SIZE": "Size"}),
    "VOLUME NAME": ("", {}),
    "CACHE ID": ("", {}),
}  # fmt: skip
_NEEDED = {"images": "REPOSITORY", "containers": "NAMES", "totals": "TOTAL"}
_STATES = {"Up": "running", "Removal": "removing", "Restarting": "restarting"}


@dataclass(frozen=True)
class Pasted:
    """The objects that ``--format json`` would have printed; `None` where the text has no such output."""

    info: Table | None = None
    images: list[Table] | None = None
    containers: list[Table] | None = None
    totals: list[Table] | None = None


def pasted(raw: bytes) -> str | None:
    """The text, or `None` where it is JSON or no text at all.

    Examples
    --------
    >>> pasted(b'{"Driver": "vfs"}'), pasted(b" Storage Driver: vfs")
    (None, ' Storage Driver: vfs')
    """
    try:
        text = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError:
        return None
    return None if _JSON.match(text) or not text.strip() else text


def read(text: str, file: str = "") -> Pasted:
    """Take the outputs of Docker's commands out of a text.

    Parameters
    ----------
    text : str
        As it was pasted.
    file : str, optional
        Named in errors, with the line.

    Raises
    ------
    InvalidInput
        None of the commands' outputs is in it, or one is cut off or edited.

    Examples
    --------
    >>> read("Storage Driver: btrfs\\n Btrfs: \\nLogging Driver: json-file").info.value
    {'Driver': 'btrfs', 'DriverStatus': [['Btrfs', '']]}
    >>> read("TYPE     TOTAL   SIZE\\nImages   5       16.43MB\\n").totals[0].value
    {'Type': 'Images', 'TotalCount': '5', 'Size': '16.43MB'}
    """
    lines = [line.replace("\xa0", " ").expandtabs().rstrip() for line in re.split(r"\r?\n", text)]
    found = Pasted(_info(lines, file), *(_table(kind, lines, file) for kind in ("images", "containers", "totals")))
    if found == Pasted():
        allowed = "docker info, docker system df [-v], docker ps -s or docker images"
        raise InvalidInput(f"neither JSON nor the text of {allowed}", file)
    return found


# --------------------------------------------------------------- docker info


def _info(lines: list[str], file: str) -> Table | None:
    """The object of ``docker info``, if its output is there."""
    errors = [line for line in lines if _ERROR.match(line)]
    if errors:
        return Table({"ServerErrors": errors}, file, "docker info")
    starts = [number for number, line in enumerate(lines) if line.lstrip().startswith("Storage Driver:")]
    if len(starts) > 1:
        raise InvalidInput("a second 'Storage Driver': one host at a time is allowed", _line(file, starts[1]))
    if not starts:
        _check_not_cut(lines, file)
        return None
    facts = {"Driver": lines[starts[0]].partition(":")[2].strip(), "DriverStatus": _pairs(lines, starts[0], file)}
    return Table({**facts, **_facts(lines)}, file, "docker info")


def _check_not_cut(lines: list[str], file: str) -> None:
    told = [number for number, line in enumerate(lines) if line.lstrip().startswith(("Server Version:", "Server:"))]
    if told:
        raise InvalidInput("docker info without its line 'Storage Driver': was it cut off?", _line(file, told[0]))


def _pairs(lines: list[str], start: int, file: str) -> list[list[str]]:
    """The status pairs: the lines below that are indented further."""
    pairs = []
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if _indent(line) <= _indent(lines[start]):
            break
        key, colon, value = line.strip().partition(":")
        if not colon:
            raise InvalidInput(f"{line.strip()[:60]!a} is no 'key: value': cut off?", _line(file, number))
        pairs.append([key, value.removeprefix(" ")])
    return pairs


def _facts(lines: list[str]) -> dict[str, Any]:
    """The other lines of interest; the first of each counts."""
    facts: dict[str, Any] = {}
    for line in lines:
        key, colon, value = line.strip().partition(":")
        if colon and key in _INFO:
            number = re.fullmatch(r"-?\d{1,18}", value.strip(), re.ASCII) if key in ("Images", "Containers") else None
            facts.setdefault(_INFO[key], int(value) if number else value.strip())
    return facts


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 0


def _line(file: str, number: int) -> str:
    return f"{file}: line {number + 1}" if file else f"line {number + 1}"


# -------------------------------------------------------------------- tables


def _table(kind: str, lines: list[str], file: str) -> list[Table] | None:
    """The rows of all tables of one kind; rows of one image or container in several tables become one."""
    if kind not in (_TABLES[header[0][0]][0] for header in map(_header, lines) if header):
        return None
    rows: dict[str, Table] = {}
    for number, cells in _rows(kind, lines, file):
        row = Table(cells, file, f"line {number + 1}")
        key = row.text("ID") or row.text("Type") or row.path
        rows[key] = _joined(rows[key], row) if key in rows else row
    found = list(rows.values())
    return [row for row in found if row.has("SharedSize")] or found  # docker images -a has intermediate images too


def _header(line: str) -> list[re.Match[str]]:
    """The columns that a header names; empty for any other line."""
    columns = list(_COLUMN.finditer(line))
    return columns if len(columns) > 1 and columns[0][0] in _TABLES else []


def _joined(first: Table, second: Table) -> Table:
    """What two tables tell of one image or container; the longer text of a size tells more (``virtual``), and wins."""
    longest = max((first, second), key=lambda row: len(row.text("Size")))
    cells = {**first.value, **second.value, **({"Size": longest.value["Size"]} if longest.has("Size") else {})}
    return Table(cells, longest.file, longest.path)


def _rows(kind: str, lines: list[str], file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row, by the names that JSON has for them."""
    columns: list[re.Match[str]] = []
    names: dict[str, str] = {}
    inside = ""
    for number, line in enumerate(lines):
        header = _header(line)
        if header:
            columns, (inside, names) = header, _TABLES[header[0][0]]
            if inside == kind and _NEEDED[kind] not in (column[0] for column in columns):
                raise InvalidInput(f"no column {_NEEDED[kind]} in this header: was it cut off?", _line(file, number))
        elif not line or _PROMPT.match(line):
            inside = ""
        elif inside == kind:
            yield number, _cells(line, columns, names, _line(file, number))


def _cells(line: str, columns: list[re.Match[str]], names: dict[str, str], place: str) -> dict[str, str]:
    starts = [column.start() for column in columns]
    if any(line[start - 1 : start].strip() for start in starts[1:]):
        raise InvalidInput("this row does not stand under its header: cut, wrapped or edited?", place)
    texts = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    cells = {names[column[0]]: text for column, text in zip(columns, texts, strict=True) if column[0] in names}
    empty = next((key for key, text in cells.items() if not text), None)
    if empty:
        raise InvalidInput(f"this row has no {empty}: was it cut off?", place)
    return cells | ({"State": _state(cells["State"])} if "State" in cells else {})


def _state(status: str) -> str:
    """The state that the API tells, from what ``docker ps`` prints: ``Exited (0) 2 minutes ago`` is exited."""
    if status.endswith("(Paused)"):
        return "paused"
    word = status.partition(" ")[0]
    return _STATES.get(word, word.lower())
