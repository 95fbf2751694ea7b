r"""Text of ``docker info``, ``docker system df [-v]``, ``docker ps -s`` and ``docker images``, as people paste it.

The text becomes the very objects that ``--format '{{json .}}'`` would have given, so that one reader (`reading`) serves
both. Several outputs may follow each other, with prompts, titles and JSON lines between them.

**The header's columns decide what is a row.** Docker aligns its tables with spaces, so a line is a row if the place
before each column is blank and each column has text (but for those that may be empty, such as PORTS). That is looked at
first: ``<none>`` is a repository and no prompt. A line that is no row ends the rows below this header only if it is
known for something else: a blank line, a title, another header, a warning, the first line of ``docker info``, or a
shell's prompt. Any other line is a row that was cut, wrapped or edited, and is refused by its number, since a row that
is left out makes a sum wrong and nobody sees it. What follows a prompt may be anything and is passed over, unless it
fits the columns once more.

Tables of all releases since 1.0 are read: VIRTUAL SIZE before 1.10, sizes with a blank before the unit before 17, a
negative RECLAIMABLE in 1.13 and 23, DISK USAGE and CONTENT SIZE from 29 on.
Layout: docker/cli ``cli/command/system/info.go``, ``cli/command/formatter``, ``cli/command/image/tree.go``.

>>> paste = '''-bash-4.2$ docker images
... REPOSITORY   TAG      IMAGE ID       CREATED       SIZE
... base         3.5      4a415e366388   4 days ago    3.98MB
... <none>       <none>   7c0dc97eb8c0   2 weeks ago   14.6MB
... -bash-4.2$'''
>>> [(row.text("Repository"), row.text("Size")) for row in read(paste).images]
[('base', '3.98MB'), ('<none>', '14.6MB')]

LEAVES OUT: rows of volumes and of the build cache (their totals are read), and tables that Docker wrote by a template
of the user's own. A text cut off inside a value (``Backing Filesystem: ext``) cannot be told from a whole one.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table, parse_json
from snapsim.hosts.prompts import after_prompt, is_prompt

_JSON = re.compile(r'\s*(?:[{"\d]|-\d|\[(?!\w+@)|(?:null|true|false)\s*\Z)')  # [root@host ~]# is a prompt
_ERROR = re.compile(r"error: |errors pretty printing|cannot connect", re.IGNORECASE)
_COLUMN = re.compile(r"\S+(?: \S+)*")
_TITLE = re.compile(r"[A-Z]\w*(?: \w+)? (?:space )?usage:")
_INFO_STARTS = re.compile(r"(?:Client|Server|Containers|Debug Mode|Images):")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9/%]*(?: [A-Z/%][A-Z0-9/%]*)*")
_SUM = re.compile(r"Build cache usage: *(\S+(?: [kMGTPE]?B)?)")
_SIZE = re.compile(r"(?:-?[\d.]+(?:e[+-]\d+)? ?[kMGTPE]?B|N/A)\b", re.ASCII)
_COLLAPSED = re.compile(r"\s*(?:REPOSITORY TAG|CONTAINER ID IMAGE|TYPE TOTAL|IMAGE ID DISK USAGE)\b")
_PLATFORM = re.compile(r"\s*[├└]─ ")
_PS = re.compile(r"\b(?:ps|container (?:ls|list|ps))\b")
_ALL = re.compile(r"\s(?:-[a-z]*a[a-z]*|--all)\b")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_INFO = {
    "Images": "Images",
    "Containers": "Containers",
    "Server Version": "ServerVersion",
    "Docker Root Dir": "DockerRootDir",
    "Kernel Version": "KernelVersion",
    "Operating System": "OperatingSystem",
}
_IMAGES = {
    "REPOSITORY": "Repository", "TAG": "Tag", "IMAGE ID": "ID", "SIZE": "Size", "VIRTUAL SIZE": "Size",
    "SHARED SIZE": "SharedSize", "UNIQUE SIZE": "UniqueSize", "CONTAINERS": "Containers",
}  # fmt: skip
_CACHE = {"CACHE ID": "ID", "SIZE": "Size", "SHARED": "Shared"}
_SINCE_29 = {"IMAGE": "Reference", "ID": "ID", "DISK USAGE": "Size", "CONTENT SIZE": "ContentSize", "EXTRA": "Extra"}
_CONTAINERS = {"CONTAINER ID": "ID", "IMAGE": "Image", "SIZE": "Size", "STATUS": "State", "NAMES": "Names"}
_TOTALS = {"TYPE": "Type", "TOTAL": "TotalCount", "ACTIVE": "Active", "SIZE": "Size", "RECLAIMABLE": "Reclaimable"}
_STATES = {"Up": "running", "Removal": "removing", "Restarting": "restarting"}
_MAY_BE_EMPTY = {"CREATED BY", "COMMENT", "PORTS", "EXTRA", "LABELS", "MOUNTS", "NETWORKS", "LOCAL VOLUMES", "COMMAND"}


@dataclass(frozen=True)
class Pasted:
    """The objects that ``--format json`` would have printed; `None` where the text has no such output.

    `objects` are lines of the text that were JSON already, `cache_sum` is that of the build cache, as printed, and
    `running_only` says whether the containers' list may lack those that do not run.
    """

    info: Table | None = None
    images: list[Table] | None = None
    containers: list[Table] | None = None
    totals: list[Table] | None = None
    cache: list[Table] | None = None
    cache_sum: str | None = None
    running_only: bool = False
    objects: list[Table] = field(default_factory=list)


def pasted(raw: bytes) -> str | None:
    """The text, or `None` where it is JSON or no text at all.

    A prompt may look like the start of a JSON value (``-bash-4.2$``, ``[12:00] $``), so that headers count first: no
    JSON has a line break inside a string.

    Examples
    --------
    >>> pasted(b'{"Driver": "vfs"}'), pasted(b" Storage Driver: vfs")
    (None, ' Storage Driver: vfs')
    """
    try:
        text = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError:
        return None
    if not text.strip():
        return None
    lines = _lines(text)
    if any(_header(line) or line.lstrip().startswith("Storage Driver:") for line in lines):
        return text
    first = next(line for line in lines if line.strip())
    return None if _JSON.match(text) and not is_prompt(first) else text


def read(text: str, file: str = "") -> Pasted:
    r"""Take the outputs of Docker's commands out of a text.

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
    >>> read("Storage Driver: btrfs\n Btrfs: \nLogging Driver: json-file").info.value
    {'Driver': 'btrfs', 'DriverStatus': [['Btrfs', '']]}
    >>> read("TYPE     TOTAL   SIZE\nImages   5       16.43MB\n").totals[0].value
    {'Type': 'Images', 'TotalCount': '5', 'Size': '16.43MB'}
    """
    lines = _lines(text)
    collapsed = next((number for number, line in enumerate(lines) if _COLLAPSED.match(line)), None)
    if collapsed is not None:
        raise InvalidInput(
            "a header whose columns one blank parts: paste it with all its blanks", _line(file, collapsed)
        )
    objects = [Table(value, file, f"line {number + 1}") for number, value in _objects(lines)]
    tables = {kind: _table(kind, lines, file) for kind in _NEEDED}
    sums = (_SUM.match(line.strip()) for line in lines)
    cache_sum = next((found[1] for found in sums if found), None)
    part = tables["containers"] is not None and _runs_only(lines, tables["containers"])
    found = Pasted(_info(lines, file), **tables, cache_sum=cache_sum, running_only=part, objects=objects)
    if found == Pasted():
        allowed = "docker info, docker system df [-v], docker ps -s or docker images"
        raise InvalidInput(f"neither JSON nor the text of {allowed}", file)
    return found


def _lines(text: str) -> list[str]:
    """Lines without tabs and blanks at the end; a header that a terminal put behind the command stands alone."""
    plain = [line.replace("\xa0", " ").replace("\ufeff", "").expandtabs().rstrip() for line in re.split(r"\r?\n", text)]
    bare = [after_prompt(_COLOUR.sub("", line)) for line in plain]  # docker images --tree has a header in colours
    return [header if _header(header) else line for header, line in zip(bare, plain, strict=True)]


def _objects(lines: list[str]) -> Iterator[tuple[int, dict[str, object]]]:
    """Lines that hold a JSON object, as ``--format '{{json .}}'`` prints it between other outputs."""
    for number, line in enumerate(lines):
        if line.startswith("{"):
            try:
                value = parse_json(line.encode("utf-8", "surrogatepass"))
            except InvalidInput:
                continue  # a line that begins with a brace need not be Docker's
            if isinstance(value, dict):
                yield number, value


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
    pairs, warnings = _pairs(lines, starts[0], file)
    facts = {"Driver": lines[starts[0]].partition(":")[2].strip(), "DriverStatus": pairs}
    return Table({**facts, **({"Warnings": warnings} if warnings else {}), **_facts(lines)}, file, "docker info")


def _check_not_cut(lines: list[str], file: str) -> None:
    below = [*lines[1:], ""]
    told = [
        number
        for number, line in enumerate(lines)
        if line.lstrip().startswith(("Server Version:", "Server:"))
        and not below[number].lstrip().startswith(("Engine:", "Version:"))  # of docker version
    ]
    if told:
        raise InvalidInput("docker info without its line 'Storage Driver': was it cut off?", _line(file, told[0]))


def _pairs(lines: list[str], start: int, file: str) -> tuple[list[list[str]], list[str]]:
    """The driver's status pairs, which are the lines below that are indented further; and the client's warnings.

    Before 18.09 the client wrote its warnings between the pairs of the driver that they are about.
    """
    pairs: list[list[str]] = []
    warnings = []
    for number in range(start + 1, len(lines)):
        line = lines[number]
        key, colon, value = line.strip().partition(":")
        if key == "WARNING" and colon:
            warnings.append(value.strip())
        elif _indent(line) <= _indent(lines[start]):
            break
        elif not colon:
            raise InvalidInput(f"{line.strip()[:60]!a} is no 'key: value': cut off?", _line(file, number))
        else:
            pairs.append([key, value.removeprefix(" ")])
    return pairs, warnings


def _facts(lines: list[str]) -> dict[str, int | str]:
    """The other lines of interest; the first of each counts."""
    facts: dict[str, int | str] = {}
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


@dataclass(frozen=True)
class _Header:
    """The columns of a table, where each begins, and what its rows are: "" for a table that is not read."""

    kind: str
    names: dict[str, str]
    titles: list[str]
    starts: list[int]

    def aligned(self, line: str) -> bool:
        """Is the place before each column blank?"""
        return not line[: self.starts[0]].strip() and not any(
            line[start - 1 : start].strip() for start in self.starts[1:]
        )

    def cells(self, line: str) -> dict[str, str]:
        """What stands in each column, by the column's title."""
        ends = [*self.starts[1:], None]
        return {
            title: line[start:end].strip() for title, start, end in zip(self.titles, self.starts, ends, strict=True)
        }


def _runs_only(lines: list[str], containers: list[Table]) -> bool:
    """May the list of containers be that of ``docker ps`` without ``-a``, which shows running ones alone?

    It is not if one of its rows does not run, if its command stands above it with ``-a``, or if ``docker system df -v``
    printed it, whose table has the column LOCAL VOLUMES.
    """
    above = ""
    for line in lines:
        header = _header(line)
        if header and header.kind == "containers":
            if "LOCAL VOLUMES" in header.titles or _ALL.search(above):
                return False
        elif _PS.search(line):
            above = line
    return all(row.text("State") in ("running", "paused", "restarting") for row in containers)


def _header(line: str) -> _Header | None:
    """The header that a line is: two columns or more, all of them in capitals."""
    columns = list(_COLUMN.finditer(line))
    titles = [column[0] for column in columns]
    if len(columns) < 2 or not all(_CAPITALS.fullmatch(title) for title in titles):
        return None
    kind, names = _kind(titles)
    return _Header(kind, names, titles, [column.start() for column in columns])


def _kind(titles: list[str]) -> tuple[str, dict[str, str]]:
    if titles[0] == "REPOSITORY":
        return "images", _IMAGES
    if titles[0] == "IMAGE" and "DISK USAGE" in titles:
        return "images", _SINCE_29
    if titles[0] == "CONTAINER ID" and "CPU %" not in titles:
        return "containers", _CONTAINERS
    if titles[0] == "CACHE ID":
        return "cache", _CACHE
    return ("totals", _TOTALS) if titles[0] == "TYPE" else ("", {})


_NEEDED = {"cache": ("SIZE",), "images": ("REPOSITORY", "IMAGE"), "containers": ("NAMES",), "totals": ("TOTAL",)}


def _table(kind: str, lines: list[str], file: str) -> list[Table] | None:
    """The rows of all tables of one kind; rows of one image or container in several tables become one."""
    if not any(header and header.kind == kind for header in map(_header, lines)):
        return None
    rows: dict[tuple[str, ...], Table] = {}
    for number, cells in _rows(kind, lines, file):
        row = Table(cells, file, f"line {number + 1}")
        key = _key(row)
        if kind == "totals" and key in rows and rows[key].value != cells:
            raise InvalidInput("a second 'docker system df', with other figures: one is allowed", _line(file, number))
        rows[key] = _joined(rows[key], row) if key in rows else row
    found = list(rows.values())
    if not any(row.has("SharedSize") for row in found):
        return found
    # docker images -a lists the steps of builds too, which docker system df -v does not
    return [row for row in found if row.has("SharedSize") or row.text("Repository") != "<none>"]


def _key(row: Table) -> tuple[str, ...]:
    """What a row is about: an image under one of its names, a container, a line of totals."""
    id = row.text("ID").removeprefix("sha256:")[:12]
    names = (row.text(key) for key in ("Repository", "Tag", "Reference"))
    return (*names, id or row.text("Type") or row.path)


def _joined(first: Table, second: Table) -> Table:
    """What two tables tell of one image or container; the longer text of a size tells more (``virtual``), and wins."""
    longest = max((first, second), key=lambda row: len(row.text("Size")))
    cells = {**first.value, **second.value, **({"Size": longest.value["Size"]} if longest.has("Size") else {})}
    return Table(cells, longest.file, longest.path)


def _rows(kind: str, lines: list[str], file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row of one kind, by the names that JSON has for them.

    `within` says whether the last line belonged to the table, and so the next one has to.
    """
    header: _Header | None = None
    within = False
    for number, line in enumerate(lines):
        new = _header(line)
        if new:
            header, within = new, True
            if new.kind == kind and not set(_NEEDED[kind]).intersection(new.titles):
                problem = f"no column {_NEEDED[kind][0]} in this header: was it cut off?"
                raise InvalidInput(problem, _line(file, number))
        elif header is None or header.kind != kind:
            continue
        elif _is_row(header, line, within):
            within = True
            if not _PLATFORM.match(line):  # docker images --tree: a part of the image above it
                yield number, _named(header, line)
        elif _ends_table(line):
            within = False
        elif within or _was_row(line):
            raise InvalidInput(_why(header, line), _line(file, number))


def _is_row(header: _Header, line: str, within: bool) -> bool:
    """Does a line stand in the columns? One that may be a prompt, or follows one, has to make sense in them, too."""
    if not line.strip() or not header.aligned(line) or _empty(header, line):
        return False
    return _makes_sense(header, line) or (within and not is_prompt(line) and not _ends_table(line))


def _empty(header: _Header, line: str) -> str:
    """The first column that has no text and needs some."""
    cells = header.cells(line)
    platform = _PLATFORM.match(line) is not None
    needed = (title for title in cells if title not in _MAY_BE_EMPTY and not (platform and title != header.titles[0]))
    return next((title for title in needed if not cells[title]), "")


def _makes_sense(header: _Header, line: str) -> bool:
    """Are sizes sizes, counts numbers, and ids hexadecimal?"""
    cells = header.cells(line)
    sizes = [text for title, text in cells.items() if title.endswith(("SIZE", "USAGE", "RECLAIMABLE"))]
    ids = [cells[title] for title in ("IMAGE ID", "CONTAINER ID", "ID") if title in cells]
    return (
        all(_SIZE.match(text) for text in sizes)
        and all(re.fullmatch(r"(?:sha256:)?[0-9a-f]{1,64}", text) for text in ids)
        and all(re.fullmatch(r"\d+", cells.get(title, "0"), re.ASCII) for title in ("TOTAL", "ACTIVE"))
    )


def _ends_table(line: str) -> bool:
    """Is a line, which is no row, known for something else?"""
    text = line.strip()
    return (
        not text
        or text.startswith(("WARNING:", "DEPRECATED:", "{", "i Info", "Info ->"))
        or _ERROR.match(text) is not None
        or _TITLE.match(text) is not None
        or _INFO_STARTS.match(text) is not None
        or is_prompt(line)
    )


def _was_row(line: str) -> bool:
    """Below a blank line or a prompt: has a line an id between columns, so that it must have been a row?"""
    words = re.split(r" {2,}", line.strip())
    return len(words) > 3 and any(re.fullmatch(r"[0-9a-f]{12}", word) for word in words[:3])


def _why(header: _Header, line: str) -> str:
    empty = _empty(header, line)
    if header.aligned(line) and empty and len(line) <= header.starts[header.titles.index(empty)]:
        return f"this row has no {header.names.get(empty, empty)}: was it cut off?"
    return "this row does not stand under its header: cut, wrapped or edited?"


def _named(header: _Header, line: str) -> dict[str, str]:
    """The cells of a row under the names that JSON has for them."""
    cells = {header.names[title]: text for title, text in header.cells(line).items() if title in header.names}
    if "State" in cells:
        cells["State"] = _state(cells["State"])
    name = cells.pop("Reference", "")
    if "@" in name:
        cells["Reference"] = name
    elif name:
        repository, _, tag = name.rpartition(":")
        cells |= {"Repository": repository or "<none>", "Tag": tag if repository else "<none>"}
    return cells


def _state(status: str) -> str:
    """The state that the API tells, from what ``docker ps`` prints: ``Exited (0) 2 minutes ago`` is exited."""
    if status.endswith("(Paused)"):
        return "paused"
    word = status.partition(" ")[0]
    return _STATES.get(word, word.lower())
