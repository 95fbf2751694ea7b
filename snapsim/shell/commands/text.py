"""Commands that read files: cat, tee, head, tail, wc, and what others read them with.

Files are read through the page cache, so that the first reader pays and the next does not.

What it leaves out: following a file that grows (``tail -f`` waits for ever).
"""

import errno
import itertools
import os
import re
from collections.abc import Iterator

from snapsim.shell.process import Command, Failure, Process, number, parse
from snapsim.shell.streams import PIECE, FileStream, Stream, pieces, transfer
from snapsim.shell.world import StillRunning


def inputs(process: Process, paths: list[str], about: str = "can't open '{}'") -> Iterator[tuple[str, Stream]]:
    """Each file opened, standard input for ``-`` or for none; what cannot be opened is complained about.

    The caller learns of failures by `process.failed`.
    """
    for path in paths or ["-"]:
        if path == "-":
            yield path, process.stdin
            continue
        try:
            stream = process.files.open(path)
        except OSError as error:
            process.flush()
            process.complain(f"{about.format(path)}: {error.strerror}")
            process.failed = True
            continue
        try:
            yield path, stream
        except OSError as error:
            process.flush()
            process.complain(f"{about.format(path)}: {error.strerror}")
            process.failed = True
        finally:
            stream.close()


def whole(process: Process, stream: Stream, path: str) -> bytes:
    """All that is left of a stream; a directory is complained about, and is empty."""
    try:
        return b"".join(pieces(stream))
    except OSError as error:
        process.complain(f"{path}: {error.strerror}")
        process.failed = True
        return b""


# ---------------------------------------------------------------- cat, tee


def cat(process: Process) -> int:
    """cat [FILE]..."""
    options = parse(process.arguments, "nbvteAu", {"number": "n"})
    row = itertools.count(1)
    for _, stream in inputs(process, options.operands):
        try:
            if options.values:
                for line in b"".join(pieces(stream)).splitlines(keepends=True):
                    process.print(_numbered(line, row, options.values))
            else:
                _poured(process, stream)
        except OSError as error:
            process.flush()
            process.complain(f"read error: {error.strerror}")
            process.failed = True
    return int(process.failed)


def _poured(process: Process, stream: Stream) -> None:
    target = process.stdout
    if isinstance(stream, FileStream) and isinstance(target, FileStream):
        while transfer(stream, target, PIECE):
            process.step()
        return
    while piece := stream.read(PIECE):
        process.step()
        with process.writing():
            target.write(piece)


def _numbered(line: bytes, row: Iterator[int], options: dict[str, list[str]]) -> bytes:
    end = b"\n" if line.endswith(b"\n") else b""
    body = line[: len(line) - len(end)]
    if "v" in options or "A" in options or "e" in options or "t" in options:
        body = b"".join(_visible(byte, "A" in options or "t" in options) for byte in body)
    if "e" in options or "A" in options:
        body += b"$" if end else b""
    if "n" in options or ("b" in options and line != b"\n"):
        body = b"%6d\t" % next(row) + body
    return body + end


def _visible(byte: int, tabs: bool) -> bytes:
    if byte == 9:
        return b"^I" if tabs else b"\t"
    head, byte = (b"M-", byte - 128) if byte > 127 else (b"", byte)
    return head + (b"^" + bytes([byte ^ 64]) if byte < 32 or byte == 127 else bytes([byte]))


def tee(process: Process) -> int:
    """tee [FILE]..."""
    options = parse(process.arguments, "ai", {"append": "a"})
    how = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if "a" in options else os.O_TRUNC)
    files = []
    for path in options.operands:
        with process.complaining(path=path) as wrong:
            files.append(process.files.open(path, how))
        process.failed |= bool(wrong)
    try:
        for piece in pieces(process.stdin):
            process.step()
            for file in files:
                file.write(piece)
            with process.writing():
                process.stdout.write(piece)
    finally:
        for file in files:
            file.close()
    return int(process.failed)


# ---------------------------------------------------------------- echo, printf, yes, seq


# ---------------------------------------------------------------- head, tail, wc


def _amounts(arguments: list[str]) -> list[str]:
    """``-5`` as ``-n 5``."""
    return [
        f"-n{word[1:]}" if re.fullmatch(r"-\d+", word) and before not in ("-n", "-c") else word
        for before, word in zip(["", *arguments], arguments, strict=False)
    ]


def head(process: Process) -> int:
    """head [-n N] [-c N] [FILE]..."""
    options = parse(_amounts(process.arguments), "n:c:qv", {"lines": "n", "bytes": "c", "quiet": "q"})
    by_bytes = options.last("nc") == "c"
    text = options.get("c" if by_bytes else "n", "10")
    count = number(text.removeprefix("-"))
    start = ""
    for path, stream in inputs(process, options.operands, "{}"):
        if (len(options.operands) > 1 and "q" not in options) or "v" in options:
            process.print(f"{start}==> {'standard input' if path == '-' else path} <==\n")
        start = "\n"
        try:
            _head(process, stream, count, by_bytes, text.startswith("-"))
        except OSError as error:
            # busybox reads a directory by stdio, and finds an error that stdio has no name for
            why = os.strerror(errno.EIO) if error.errno == errno.EISDIR else error.strerror
            process.complain(f"{path}: {why}")
            process.failed = True
    return int(process.failed)


def _head(process: Process, stream: Stream, count: int, by_bytes: bool, all_but: bool) -> None:
    if all_but:
        data = b"".join(pieces(stream))
        lines = [data[at : at + 1] for at in range(len(data))] if by_bytes else data.splitlines(keepends=True)
        process.print(b"".join(lines[: max(len(lines) - count, 0)]))
        return
    if not by_bytes:
        for _ in range(count):
            line = stream.read_line()
            if not line:
                return
            process.print(line)
        return
    target = process.stdout
    while count and (moved := transfer(stream, target, min(count, PIECE))):
        process.step()
        count -= moved


def tail(process: Process) -> int:
    """tail [-n [+]N] [-c [+]N] [FILE]..."""
    options = parse(
        _amounts(process.arguments), "n:c:qvfFs:", {"lines": "n", "bytes": "c", "quiet": "q", "follow": "f"}
    )
    by_bytes = options.last("nc") == "c"
    text = options.get("c" if by_bytes else "n", "10")
    count = number(text.lstrip("+-"))
    start, opened = "", 0
    for path, stream in inputs(process, options.operands):
        opened += 1
        if (len(options.operands) > 1 and "q" not in options) or "v" in options:
            process.print(f"{start}==> {'standard input' if path == '-' else path} <==\n")
        start = "\n"
        from_start = text.startswith("+")
        if by_bytes and isinstance(stream, FileStream) and not from_start:
            stream.seek(max(stream.size - count, 0))
        try:
            data = b"".join(pieces(stream))
        except OSError as error:
            process.complain(f"read error: {error.strerror}")
            process.failed = True
            continue
        process.print(_end(data, count, by_bytes, from_start))
    if not opened:
        raise Failure("no files")
    if "f" in options or "F" in options:
        process.flush()
        raise StillRunning("tail -f")
    return int(process.failed)


def _end(data: bytes, count: int, by_bytes: bool, from_start: bool) -> bytes:
    if by_bytes:
        return data[max(count - 1, 0) :] if from_start else data[max(len(data) - count, 0) :]
    lines = data.splitlines(keepends=True) if b"\r" not in data else re.findall(rb"[^\n]*\n|[^\n]+", data)
    return b"".join(lines[max(count - 1, 0) :] if from_start else lines[max(len(lines) - count, 0) :])


def wc(process: Process) -> int:
    """wc [-lwcmL] [FILE]..."""
    options = parse(process.arguments, "cmlwL", {"lines": "l", "words": "w", "bytes": "c", "chars": "m"})
    wanted = [letter for letter in "lwmcL" if letter in options] or ["l", "w", "c"]
    totals = dict.fromkeys("lwmcL", 0)
    for path, stream in inputs(process, options.operands, "{}"):
        found = _counts(process, stream, path)
        totals = {
            letter: max(totals[letter], found[letter]) if letter == "L" else totals[letter] + found[letter]
            for letter in totals
        }
        _show_counts(process, found, wanted, path if options.operands else "", len(options.operands))
    if len(options.operands) > 1:
        _show_counts(process, totals, wanted, "total", len(options.operands))
    return int(process.failed)


def _counts(process: Process, stream: Stream, path: str) -> dict[str, int]:
    found, word, longest, width = dict.fromkeys("lwmcL", 0), False, 0, 0
    while piece := whole_piece(process, stream, path):
        found["l"] += piece.count(b"\n")
        found["c"] += len(piece)
        found["m"] += len(piece)
        words = [part for part in piece.split() if re.search(rb"[!-~]", part)]  # control characters make no word
        found["w"] += len(words) - bool(words and word and not piece[:1].isspace())
        word = not piece[-1:].isspace()
        for number_, row in enumerate(piece.split(b"\n")):
            width = len(row) if number_ else width + len(row)
            longest = max(longest, width)
    found["L"] = longest
    return found


def whole_piece(process: Process, stream: Stream, path: str) -> bytes:
    """The next piece; a directory is complained about, and is empty."""
    try:
        return stream.read(PIECE)
    except OSError as error:
        process.complain(f"{path}: {error.strerror}")
        process.failed = True
        return b""


def _show_counts(process: Process, counts: dict[str, int], wanted: list[str], name: str, files: int) -> None:
    width = 9 if len(wanted) > 1 or files > 1 else 0
    process.print(" ".join(f"{counts[letter]:{width}}" for letter in wanted) + (f" {name}" if name else "") + "\n")


def lines(process: Process, stream: Stream, path: str) -> list[bytes]:
    """The lines of a stream, without their ends."""
    data = whole(process, stream, path)
    found = data.split(b"\n")
    return found[:-1] if found[-1] == b"" else found


COMMANDS = {
    "cat": Command(cat, "[-nbvteA] [FILE]..."),
    "tee": Command(tee, "[-ai] [FILE]..."),
    "head": Command(head, "[OPTIONS] [FILE]..."),
    "tail": Command(tail, "[OPTIONS] [FILE]..."),
    "wc": Command(wc, "[-cmlwL] [FILE]..."),
}
