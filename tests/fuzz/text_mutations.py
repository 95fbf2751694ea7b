"""Mutations of the text that a terminal shows: lines cut, lost, wrapped, moved; columns edited; other sizes."""

import re
from collections.abc import Callable
from random import Random

from json_mutations import TEXTS

SIZES = ("73,36MB", "-3MB", "0B", "1e+03kB", "1000MB", "9.9EB", "1ZB", "N/A", "", "1.5 GiB", "٣MB", "NaNB", "5", "1B",
         "0.5B", "12345MB", "1.0000001MB", "999.9999kB", "38.8MB (virtual 112MB)", "38.8MB (virtual", "(virtual 1MB)",
         "1" * 400 + "MB", "0." + "0" * 50 + "1MB", "1e+99MB", "9.223EB", "9.224EB")  # fmt: skip
_SIZE = re.compile(r"\d[\d.]*(?:e\+\d+)?[kMGTPE]?B")
_NUMBER = re.compile(r"\d+")


def cut(rng: Random, lines: list[str]) -> None:
    """The text ends somewhere."""
    at = rng.randrange(len(lines))
    lines[at:] = [lines[at][: rng.randint(0, len(lines[at]))]]


def cut_line(rng: Random, lines: list[str]) -> None:
    """A line ends too early."""
    at = rng.randrange(len(lines))
    lines[at] = lines[at][: rng.randint(0, len(lines[at]))]


def lose(rng: Random, lines: list[str]) -> None:
    """Some lines are gone."""
    at = rng.randrange(len(lines))
    del lines[at : at + rng.randint(1, 3)]


def repeat(rng: Random, lines: list[str]) -> None:
    """A line, or a run of lines, stands again somewhere."""
    first, at = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[at:at] = lines[first : first + rng.choice([1, 1, 3, 20])] * rng.choice([1, 1, 2, 200])


def move(rng: Random, lines: list[str]) -> None:
    """Two lines change places."""
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def wrap(rng: Random, lines: list[str]) -> None:
    """The terminal was narrow: every line longer than that goes on below."""
    width = rng.choice([20, 40, 72, 80, 100])
    lines[:] = [line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)]


def edit(rng: Random, lines: list[str]) -> None:
    """Some letters of a line change, so that columns may shift."""
    at = rng.randrange(len(lines))
    first = rng.randint(0, len(lines[at]))
    lines[at] = lines[at][:first] + rng.choice(TEXTS) + lines[at][first + rng.randint(0, 6) :]


def resize(rng: Random, lines: list[str]) -> None:
    """A size becomes another."""
    _exchange(rng, lines, _SIZE, lambda old: rng.choice(SIZES))


def renumber(rng: Random, lines: list[str]) -> None:
    """A number becomes another."""
    _exchange(rng, lines, _NUMBER, lambda old: rng.choice(["-1", "0", "9" * 18, "9" * 19, "9" * 500, "1e5", "1,000"]))


def _exchange(rng: Random, lines: list[str], pattern: re.Pattern[str], new: Callable[[str], str]) -> None:
    found = [(number, match) for number, line in enumerate(lines) for match in pattern.finditer(line)]
    if found:
        number, match = rng.choice(found)
        line = lines[number]
        lines[number] = line[: match.start()] + new(match[0]).ljust(len(match[0])) + line[match.end() :]


def commas(rng: Random, lines: list[str]) -> None:
    """Another locale, or a spreadsheet between."""
    lines[:] = [_SIZE.sub(lambda match: match[0].replace(".", ","), line) for line in lines]


def blanks(rng: Random, lines: list[str]) -> None:
    """Blanks become tabs, single, or of the kind that never breaks; or all lines are indented."""
    old, new = rng.choice([("   ", "\t"), ("  ", " "), (" ", "\xa0"), (" ", "\u3000"), ("  ", "")])
    lines[:] = [line.replace(old, new) for line in lines] if rng.random() < 0.7 else [f"    {line}" for line in lines]


def quote(rng: Random, lines: list[str]) -> None:
    """A mail client, or a chat, was between."""
    mark = rng.choice(["> ", "| ", "```", "1: ", "\ufeff", "[", "{"])
    lines[:] = [mark + line for line in lines]


MUTATIONS = (cut, cut_line, cut_line, lose, lose, repeat, move, wrap, edit, edit, edit, resize, resize, renumber,
             commas, blanks, quote)  # fmt: skip


def mutated(rng: Random, seed: bytes) -> bytes:
    """A text made of a seed by one to five mutations."""
    lines = seed.decode("utf-8").split("\n")
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 5])):
        rng.choice(MUTATIONS)(rng, lines)
        lines = lines or [""]
    text = rng.choice(["\n", "\n", "\n", "\r\n", "\r"]).join(lines)
    return text.encode(rng.choice(["utf-8"] * 8 + ["utf-16", "utf-8-sig"]), "surrogatepass")
