"""Sequences of calls, drawn with Hypothesis from few names, so that they meet.

A call is a list of JSON values, its verb first: the same list goes to the kernel (`worker`) and to the model (`model`).
A sequence for a union also builds its lower layers, with the same calls, each in a directory of its own.

Hypothesis gives the source of chance (`st.randoms`), the rules of this module say what is made of it: paths that were
made before are taken more often than others, a descriptor is used after it was opened.
"""

import random
from typing import Any

from hypothesis import strategies as st

Call = list[Any]

PLAIN, UNIONS = ("ext4", "xfs", "btrfs"), ("overlay", "overlay-xfs", "metacopy")
AGAIN = ("remount", "restack")  # a union is mounted anew; the same, with its upper as the nearest lower of a new one
PATHS = (
    "/a",
    "/b",
    "/d",
    "/e",
    "/l",
    "/d/a",
    "/d/b",
    "/d/e",
    "/d/l",
    "/e/a",
    "/e/b",
    "/e/d",
    "/d/e/a",
    "/d/e/b",
    "/e/d/a",
)
ODD_ENDS = ("/", "/.", "/..", "//", "/./a", "/../a", "/l", "/l/a", "/a/b", "/../..", "/n")
ODD_PATHS = (
    "/",
    "/.",
    "/..",
    "//d//a",
    "/../a",
    "",
    "/" + "n" * 256,
    "/" + "n" * 255,
    "a",
    "d/../a",
    "/l/../a",
    "/l/a",
)
TARGETS = (
    "a",
    "b",
    "d",
    ".",
    "..",
    "/",
    "/d",
    "/a",
    "l",
    "/l",
    "../a",
    "e/a",
    "d/",
    "a/",
    "/d/l",
    "n",
    "/n/",
    "/d/n",
    "e/..",
)
FLAGS = ("O_CREAT", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND", "O_DIRECTORY", "O_NOFOLLOW")
ACCESS = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR")
ATTRIBUTES = (
    "user.one",
    "user.one",
    "user.two",
    "trusted.one",
    "security.capability",
    "trusted.overlay.opaque",
    "trusted.overlay.x",
    "odd.one",
    "user.",
)
CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
KINDS = (
    ("file", (0, 0)),
    ("device", (1, 3)),
    ("device", (0, 0)),
    ("fifo", (0, 0)),
    ("socket", (0, 0)),
    ("block", (240, 5)),
)
MODES = (0o644, 0o600, 0o755, 0o4755, 0o2755, 0o2644, 0o6744, 0o1777, 0)

BASES: tuple[tuple[Call, ...], ...] = (
    (),
    (["mkdir", "/d", 0o755], ["write", "/d/a", 0, "below"], ["write", "/a", 0, "first"], ["utime", "/a", 5, True]),
    (
        ["mkdir", "/d", 0o750],
        ["mkdir", "/d/e", 0o755],
        ["write", "/d/e/a", 0, "deep"],
        ["write", "/b", 0, "q*6000"],
        ["link", "/b", "/d/b"],
        ["symlink", "d", "/l"],
        ["utime", "/d", 6, True],
        ["utime", "/d/e", 7, True],
        ["utime", "/b", 8, True],
    ),
    (
        ["mkdir", "/d", 0o755],
        ["mkdir", "/e", 0o2775],
        ["chown", "/e", 7, 7, True],
        ["write", "/a", 0, "hello"],
        ["link", "/a", "/b"],
        ["link", "/a", "/d/a"],
        ["write", "/e/a", 9000, "y*4096"],
        ["setxattr", "/e/a", "user.one", "v", "", True],
        ["setxattr", "/e/a", "security.capability", CAPABILITY, "", True],
        ["chmod", "/a", 0o6755],
        ["symlink", "../a", "/d/l"],
        ["utime", "/a", 9, True],
        ["utime", "/e/a", 9, True],
        ["utime", "/e", 9, True],
    ),
    (["mkdir", "/e", 0o755], ["symlink", ".", "/l"], ["symlink", "../l", "/e/d"], ["write", "/e/a", 0, "ea"]),
    (
        ["mkdir", "/d", 0o755],
        ["mkdir", "/e", 0o755],
        ["mkdir", "/e/d", 0o755],
        ["mkdir", "/d/e", 0o700],
        ["write", "/e/d/a", 0, "deep"],
        ["mknod", "/d/b", "fifo", 0o644, [0, 0]],
        ["mknod", "/b", "device", 0o600, [1, 3]],
        ["symlink", "/e", "/l"],
    ),
)

BUILDING = (
    "write",
    "write",
    "mkdir",
    "mkdir",
    "symlink",
    "link",
    "chmod",
    "chown",
    "utime",
    "setxattr",
    "mknod",
    "truncate",
    "unlink",
    "rename",
)
CHANGING = (
    *BUILDING,
    "mkdir",
    "rename",
    "rename",
    "rename",
    "unlink",
    "unlink",
    "rmdir",
    "rmdir",
    "removexattr",
    "open",
    "open",
)
LOOKING = ("stat", "read", "read", "readdir", "readlink", "getxattr", "listxattr")
BY_SLOT = ("pwrite", "pwrite", "ftruncate", "pread", "pread", "fstat", "fsync", "close")


class Drawing:
    """One sequence in the making."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.made: list[str] = []
        self.slots: set[int] = set()

    def path(self, new: bool = False) -> str:
        """A path: more often one that was made, or for something new any."""
        number = self.chance.random()
        if self.made and number < (0.25 if new else 0.7):
            path = self.chance.choice(self.made)
        else:
            path = self.chance.choice(PATHS)
        odd = self.chance.random()
        if odd < 0.06:
            path += self.chance.choice(ODD_ENDS)
        elif odd < 0.09:
            path = self.chance.choice(ODD_PATHS)
        if new:
            self.made.append(path)
        return path

    def base(self) -> list[Call]:
        base = list(self.chance.choice(BASES))
        self.made += [call[2] if call[0] in ("link", "symlink") else call[1] for call in base if call[0] in MAKING]
        return base

    def call(self, verbs: tuple[str, ...]) -> Call:
        if self.slots and self.chance.random() < 0.25:
            verb = self.chance.choice(BY_SLOT)
            slot = self.chance.choice(sorted(self.slots))
            if verb == "close":
                self.slots.discard(slot)
            return [verb, slot, *self.rest(verb)]
        verb = self.chance.choice(verbs)
        call: Call = getattr(self, f"_{verb}", lambda: [verb, self.path(), *self.rest(verb)])()
        return call

    def rest(self, verb: str) -> list[Any]:
        """What follows the path or the descriptor."""
        pick, follow = self.chance.choice, self.chance.random() < 0.6
        return {
            "write": lambda: [self.offset(), self.text()],
            "pwrite": lambda: [self.offset(), self.text()],
            "pread": lambda: [self.offset(), pick((1, 4096, 10000))],
            "truncate": lambda: [pick((0, 2, 5, 4096, 6000, 6000, -1))],
            "ftruncate": lambda: [pick((0, 2, 5, 4096, 6000, 6000, -1))],
            "chmod": lambda: [pick(MODES)],
            "chown": lambda: [pick((-1, 0, 7)), pick((-1, 0, 7)), follow],
            "utime": lambda: [self.chance.randint(1, 99), follow],
            "stat": lambda: [follow],
            "getxattr": lambda: [pick(ATTRIBUTES), follow],
            "removexattr": lambda: [pick(ATTRIBUTES), follow],
            "listxattr": lambda: [follow],
        }.get(verb, list)()

    def offset(self) -> int:
        return self.chance.choice((0, 0, 3, 4096, 9000))

    def text(self) -> str:
        return self.chance.choice(("x", "hello", "y*4096", "z*5000", ""))

    def _write(self) -> Call:
        return ["write", self.path(new=True), *self.rest("write")]

    def _mkdir(self) -> Call:
        return ["mkdir", self.path(new=True), self.chance.choice((0o755, 0o700, 0o1777, 0o2755))]

    def _symlink(self) -> Call:
        return ["symlink", self.chance.choice(TARGETS), self.path(new=True)]

    def _link(self) -> Call:
        return ["link", self.path(), self.path(new=True), self.chance.random() < 0.3]

    def _mknod(self) -> Call:
        kind, numbers = self.chance.choice(KINDS)
        return ["mknod", self.path(new=True), kind, 0o644, list(numbers)]

    def _rename(self) -> Call:
        return [
            "rename",
            self.path(),
            self.path(new=True),
            self.chance.choice(("", "", "", "", "NOREPLACE", "EXCHANGE")),
        ]

    def _setxattr(self) -> Call:
        name = self.chance.choice(ATTRIBUTES)
        value = CAPABILITY if name == "security.capability" else self.chance.choice(("", "y", "a longer value"))
        flags = self.chance.choice(("", "", "CREATE", "REPLACE"))
        return ["setxattr", self.path(), name, value, flags, self.chance.random() < 0.6]

    def _open(self) -> Call:
        flags = sorted({self.chance.choice(FLAGS) for _ in range(self.chance.choice((0, 0, 1, 2, 3)))})
        slot = self.chance.randint(0, 1)
        self.slots.add(slot)
        return ["open", slot, self.path(), [self.chance.choice(ACCESS), *flags], self.chance.choice(MODES)]


MAKING = ("write", "mkdir", "symlink", "link", "mknod")


def text(short: str) -> bytes:
    """What a call writes: ``y*4096`` is the letter 4096 times."""
    letter, star, count = short.partition("*")
    return (letter * int(count) if star else short).encode()


def sequence(chance: random.Random, stack: str) -> tuple[str, list[list[Call]], list[Call]]:
    """A stack, its lower layers (the lowest first; none on a plain file system), and the calls that are compared."""
    drawing, layers = Drawing(chance), []
    for _ in range(chance.randint(1, 3) if stack in UNIONS else 0):
        layers.append([*drawing.base(), *(drawing.call(BUILDING) for _ in range(chance.randint(0, 5)))])
    start = [] if layers else drawing.base()
    verbs = (*CHANGING, *LOOKING, *AGAIN) if layers else (*CHANGING, *LOOKING)
    calls = []
    for _ in range(chance.randint(1, 25)):
        calls.append(drawing.call(verbs))
        if calls[-1][0] in AGAIN:
            del calls[-1][1:]
            drawing.slots.clear()
    return stack, layers, [*start, *calls]


def sequences(*stacks: str) -> st.SearchStrategy[tuple[str, list[list[Call]], list[Call]]]:
    """Sequences on one of these stacks."""
    return st.builds(sequence, st.randoms(use_true_random=True), st.sampled_from(stacks))
