"""Names in archives, made safe: a path from the root that does not climb, and text that a terminal can print.

>>> clean("./etc//motd", "a.tar"), clean("/etc/motd", "a.tar"), clean("etc/../motd", "a.tar")
('/etc/motd', '/etc/motd', '/motd')
>>> clean("etc/../../motd", "a.tar")
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: a.tar: "etc/../../motd" climbs out of the tree: names below it are allowed

An absolute name is one below the root of the image, as Docker reads it.

What it leaves out: links, which `layer_tar` checks.
"""

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import shown
from snapsim.images.archives.limits import Limits

LONGEST_NAME, LONGEST_PATH = 255, 4095  # bytes: NAME_MAX, and PATH_MAX without its NUL


def clean(name: str, place: str, limits: Limits | None = None) -> str:
    """A path from "/" on, without ".", ".." and empty parts; "/" for the root itself.

    Raises
    ------
    InvalidInput
        The name climbs out of the tree, is too long or too deep, or has a NUL.
    """
    limits = limits or Limits()
    parts: list[str] = []
    for part in name.split("/"):
        if part == ".." and not parts:
            raise InvalidInput(f"{shown(name)} climbs out of the tree: names below it are allowed", place)
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if not _fits(name, parts):
        raise InvalidInput(
            f"{shown(name)} is no name of a file: at most {LONGEST_NAME} bytes a part, {LONGEST_PATH} in all, no NUL",
            place,
        )
    if len(parts) > limits.depth + 1:
        raise InvalidInput(
            f"{shown(name)} is {len(parts) - 1} directories deep: at most {limits.depth} are allowed", place
        )
    return "/" + "/".join(parts)


def _fits(name: str, parts: list[str]) -> bool:
    """Whether a file can have this name: half of a surrogate pair, which JSON can spell, is in no name."""
    raw = name.encode("utf-8", "replace")
    return (
        raw.decode() == name
        and b"\0" not in raw
        and len(raw) <= LONGEST_PATH
        and all(len(part.encode()) <= LONGEST_NAME for part in parts)
    )


def printable(text: str) -> str:
    r"""The same text in one line, with all that a terminal would act on written as an escape.

    Examples
    --------
    >>> printable("RUN a \\\n  b\x1b[31m")
    'RUN a \\ b\\x1b[31m'
    """
    words = " ".join(text.split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)
