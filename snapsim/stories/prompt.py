"""A container at a prompt: each command is carried out, written back, and comes with its bill and its story.

The simulated shell runs on a fresh container of a stack. What a command costs is what the devices count until
everything that it left dirty has been written back; so a read that the page cache answers costs nothing, and a write
costs the same whether or not somebody types `sync`.

>>> prompt = Prompt("overlay2-ext4")
>>> done = prompt.run("dd if=/dev/urandom of=/data/app.db bs=1 count=1 seek=4096 conv=notrunc", err=print)
b'1+0 records in\\n1+0 records out\\n'
>>> done.status, done.counts.bytes("write", "copy"), done.counts.bytes("write", "data")
(0, 67108864, 4096)
>>> prompt.run("cat /etc/motd", out=print).counts.bytes("read", "data")
b'Welcome to the container.\\n'
4096
>>> prompt.run("cat /etc/motd").counts.requests()                # it is in the page cache now
0

What it leaves out: several containers, and the engine: an image is unpacked, and nothing of it has a name.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from snapsim.base.choose import choose
from snapsim.base.units import MiB
from snapsim.block.counts import IOCounts
from snapsim.block.device import counting, recording
from snapsim.drivers.diff import Diff
from snapsim.drivers.driver import Driver
from snapsim.lab.stacks import STACKS
from snapsim.shell import Shell, StillRunning
from snapsim.shell.parser import Parser
from snapsim.shell.words import ShellSyntaxError
from snapsim.stories.narration import bill, narrate

Give = Callable[[bytes], object]
START = 1_767_225_600
"""When the container was made: 2026-01-01, so that `ls -l` shows a date."""
STOPPED = 130
"""The exit status of a program that Ctrl-C ended."""


class Billed(NamedTuple):
    """A command, how it ended, and what it cost."""

    script: str
    status: int
    counts: IOCounts
    story: list[str]

    @property
    def bill(self) -> str:
        """The bill in one line."""
        return bill(self.counts) if self.counts != IOCounts() else "Bill: no request reached the disk"


class Prompt:
    """A shell in a container of its own.

    Parameters
    ----------
    stack : str
        One of `snapsim.lab.stacks.STACKS`.
    image : sequence of Diff
        The layers of its image; a small one of snapsim's own when left out, with a database of 64 MiB in /data.

    Raises
    ------
    InvalidInput
        No such stack.
    """

    def __init__(self, stack: str, image: Sequence[Diff] = ()) -> None:
        self.driver = choose(stack, STACKS, "stack").make()
        top = _unpacked(self.driver, image) if image else _own(self.driver)
        self.driver.create_read_write("container", top)
        self.driver.clock.see(START)
        self.shell = Shell(self.driver.get("container"), clock=self.driver.clock, hostname="container")
        self._settle()
        self._last: Billed | None = None

    def _settle(self) -> None:
        for fs in self.driver.filesystems():
            fs.freeze()
        self.driver.drop_caches()

    def run(self, script: str, out: Give | None = None, err: Give | None = None) -> Billed:
        """Carry a text out, and write back what is dirty; ``story`` tells about the command before."""
        if script.strip() == "story":
            lines = self._last.story if self._last else []
            if out:
                out(("\n".join(lines or ["  no request reached the disk"]) + "\n").encode())
            return Billed(script, 0, IOCounts(), [])
        with counting(*self.driver.devices) as io, recording(*self.driver.devices) as story:
            try:
                status = self.shell.run(script, out=out, err=err)
            except StillRunning as program:
                status = STOPPED
                if err:
                    err(f"{program}: stopped\n".encode())
            self.driver.sync()
        self._last = Billed(script, status, io.counts, list(narrate(story)))
        return self._last

    @property
    def exited(self) -> bool:
        """``exit`` was typed."""
        return self.shell.exited


def commands(text: str) -> Iterator[str]:
    """The complete commands of a script, each with the lines that it is made of; what is no script stays whole.

    >>> list(commands("echo a\\nif true\\nthen echo b; fi\\n"))
    ['echo a\\n', 'if true\\nthen echo b; fi\\n']
    """
    parser, start = Parser(text), 0
    while True:
        try:
            found = parser.command()
        except ShellSyntaxError:  # the shell tells it when it comes there
            yield text[start:]
            return
        if found is None:
            return
        yield text[start : parser.reader.at]
        start = parser.reader.at


def _unpacked(driver: Driver, image: Sequence[Diff]) -> str:
    parent: str | None = None
    for number, diff in enumerate(image):
        driver.create(f"layer{number}", parent)
        driver.apply_diff(f"layer{number}", parent, diff)
        parent = f"layer{number}"
    return parent or ""


def _own(driver: Driver) -> str:
    """A small image: a few directories, a user, and a database."""
    driver.create("image")
    with driver.mounted("image") as mount:
        for path in ("/bin", "/data", "/dev", "/etc", "/root", "/tmp"):
            mount.mkdir(path, 0o1777 if path == "/tmp" else 0o755)
        mount.write("/etc/passwd", 0, data=b"root:x:0:0:root:/root:/bin/sh\n")
        mount.write("/etc/group", 0, data=b"root:x:0:\n")
        mount.write("/etc/motd", 0, data=b"Welcome to the container.\n")
        mount.write("/data/app.db", 0, 64 * MiB)
        for path, _ in mount.files():
            mount.utime(path, START)
    return "image"
