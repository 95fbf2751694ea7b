"""Commands that write what they are given: echo, printf, yes, seq.

What it leaves out: ``%n$`` in formats.
"""

import re

from snapsim.shell.process import Command, Failure, Process, Usage, decoded, encoded, parse

_ESCAPE = re.compile(rb"\\(?:(0[0-7]{0,3})|([1-7][0-7]{0,2})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)


_LETTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"e": b"\x1b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
}


def unescaped(data: bytes, zero: bool) -> tuple[bytes, bool]:
    r"""Backslashes carried out, and whether ``\c`` ended it; `zero`: octal numbers begin with 0, and have three more.

    >>> unescaped(rb"a\tb\0101\x41\c...", True)
    (b'a\tbAA', True)
    """
    found, at = [], 0
    for match in _ESCAPE.finditer(data):
        found.append(data[at : match.start()])
        at = match.end()
        octal, digits, code, letter = match.groups()
        if letter == b"c":
            return b"".join(found), True
        if octal is not None:
            octal, rest = (octal, b"") if zero else (octal[:3], octal[3:])
            found.append(bytes([int(octal, 8) & 255]) + rest)
        elif digits is not None:
            found.append(bytes([int(digits, 8) & 255]))
        elif code is not None:
            found.append(bytes([int(code, 16)]))
        else:
            found.append(_LETTERS.get(letter, b"\\" + letter))
    return b"".join(found) + data[at:], False


def echo(process: Process) -> int:
    """echo [-neE] [ARG]..."""
    words, end, escapes = list(process.arguments), b"\n", False
    while words and re.fullmatch("-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            end = b"" if letter == "n" else end
            escapes = letter == "e" if letter in "eE" else escapes
    data = encoded(" ".join(words))
    if escapes:
        data, stopped = unescaped(data, True)
        end = b"" if stopped else end
    process.print(data + end)
    return 0


_DIRECTIVE = re.compile(
    rb"%(?:%|([-+ 0#]*)(\*|\d*)(?:\.(\*|\d*))?([a-zA-Z]))|\\(?:[0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL
)


def printf(process: Process) -> int:
    """printf FORMAT [ARG]...: the format again and again, until the arguments are used up."""
    words = process.arguments[1:] if process.arguments[:1] == ["--"] else process.arguments
    if not words:
        raise Failure("usage: printf FORMAT [ARGUMENT...]", 2)
    form, arguments = encoded(words[0]), [encoded(word) for word in words[1:]]
    while True:
        before = len(arguments)
        if _printed(process, form, arguments):
            break
        if not arguments or len(arguments) == before:
            break
    return int(process.failed)


def _printed(process: Process, form: bytes, arguments: list[bytes]) -> bool:
    r"""The format once; True if ``\c`` ended it."""
    at = 0
    for match in _DIRECTIVE.finditer(form):
        process.print(form[at : match.start()])
        at = match.end()
        text = match.group()
        if text[:1] == b"\\":
            data, stopped = unescaped(text, False)
            process.print(data)
        elif text == b"%%":
            process.print(b"%")
            stopped = False
        else:
            stopped = _directive(process, match, arguments)
        if stopped:
            return True
    process.print(form[at:])
    return False


def _directive(process: Process, match: re.Match[bytes], arguments: list[bytes]) -> bool:
    flags, width, precision, kind = match.groups()
    sizes = [
        _argument(process, arguments) if part == b"*" else int(part) if part else None for part in (width, precision)
    ]
    if precision == b"":
        sizes[1] = 0
    shape = "%" + flags.decode() + ("" if sizes[0] is None else str(sizes[0]))
    shape += "" if sizes[1] is None else f".{sizes[1]}"
    letter = kind.decode()
    stopped = False
    if letter in "diouxX":
        value = _argument(process, arguments)
        process.print(_integer(shape, letter, value))
    elif letter in "eEfFgG":
        process.print((shape + letter) % _real(process, arguments))
    elif letter in "sbc":
        data = arguments.pop(0) if arguments else b""
        if letter == "b":
            data, stopped = unescaped(data, True)
        data = data[:1] if letter == "c" else data
        process.print(
            encoded((shape + "s") % data.decode("latin-1"))
            if data.isascii()
            else ((shape + "s") % data.decode("latin-1")).encode("latin-1")
        )
    else:
        raise Failure(f"{decoded(match.group())}: invalid format")
    return stopped


def _integer(shape: str, letter: str, value: int) -> str:
    if letter in "di":
        return (shape + "d") % value
    value %= 1 << 64
    return (shape + ("d" if letter == "u" else letter)).replace("#o", "o") % value


def _argument(process: Process, arguments: list[bytes]) -> int:
    text = decoded(arguments.pop(0)) if arguments else ""
    if text[:1] in ("'", '"') and len(text) > 1:
        return ord(text[1])
    if not text:
        return 0
    try:
        if "_" in text:
            raise ValueError(text)
        body = text.lstrip(" +-")
        octal = len(body) > 1 and body[0] == "0" and body.isdigit()
        return int(text, 8) if octal else int(text, 0)
    except ValueError:
        process.complain(f"invalid number '{text}'")
        process.failed = True
        return 0


def _real(process: Process, arguments: list[bytes]) -> float:
    text = decoded(arguments.pop(0)) if arguments else "0"
    try:
        return float(text)
    except ValueError:
        process.complain(f"invalid number '{text}'")
        process.failed = True
        return 0.0


def yes(process: Process) -> int:
    """yes [STRING]: without end, until nobody reads."""
    line = encoded((" ".join(process.arguments) or "y") + "\n")
    many = line * max(4096 // len(line), 1)
    while True:
        process.step()
        with process.writing():
            process.stdout.write(many)


def seq(process: Process) -> int:
    """seq [FIRST [INCREMENT]] LAST"""
    options = parse(process.arguments, "ws:", mixed=False)
    numbers = options.operands
    if not 1 <= len(numbers) <= 3:
        raise Usage("")
    try:
        values = [float(word) for word in numbers]
    except ValueError:
        raise Usage("") from None
    first, step, last = (
        (1.0, 1.0, values[0])
        if len(values) == 1
        else (values[0], 1.0, values[1])
        if len(values) == 2
        else (values[0], values[1], values[2])
    )
    places = max(len(word.partition(".")[2]) for word in numbers)
    width = max(len(f"{value:.{places}f}") for value in (first, last)) if "w" in options else 0
    between = options.get("s", "\n")
    if step == 0:
        raise Failure("increment is zero")
    value, printed = first, False
    while (value <= last) if step > 0 else (value >= last):
        process.print((between if printed else "") + f"{value:0{width}.{places}f}")
        value, printed = value + step, True
    process.print("\n" if printed else "")
    return 0


COMMANDS = {
    "echo": Command(echo, builtin=True),
    "printf": Command(printf, "FORMAT [ARG]...", builtin=True),
    "yes": Command(yes, "[STRING]"),
    "seq": Command(seq, "[-w] [-s SEP] [FIRST [INC]] LAST"),
}
