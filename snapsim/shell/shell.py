r"""THE ENTRY of the simulated shell: programs and scripts, run on a mount.

A `Shell` is one container as its programs see it. `run` takes what a prompt or ``docker exec`` would: a *text*
is carried out by the shell itself, whose variables, functions and working directory last until the next call; a *list*
is a program with its arguments, in a process of its own. Output is given to the callbacks as it is written. The
exit status is returned; what a program did wrong is on its standard error, and never an exception.

>>> from snapsim.drivers.graphdrivers import Overlay2
>>> driver = Overlay2()
>>> driver.create("image"); driver.create_read_write("box", parent="image")
>>> mount = driver.get("box")
>>> shell = Shell(mount, cwd="/", user="root")
>>> shell.run("mkdir /data; cd /data; echo hello > motd")
0
>>> shell.run(["cat", "/data/motd"], out=print)
b'hello\n'
0
>>> shell.run("wc -c < motd; ls missing", out=print, err=print)
b'6\n'
b'ls: missing: No such file or directory\n'
1

**A program that does not end** (``sleep infinity``, ``tail -f``) raises `StillRunning`: all before it has been done,
and the process would sit there until somebody stops it. Other sleeps move the simulated clock, and take no time; a
`sleep` callback may decide otherwise. **Loops without end** are stopped after `most_steps` steps, with exit status 124.

**More commands** come from above: ``Shell(mount, commands={"workload": Command(run, usage="NAME")})``.

What it leaves out: signals, background commands, permissions (every user may do what root may), terminals' line
discipline, and the I/O of loading a program's own binary.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snapsim.files.mounts.mount import Mount
from snapsim.shell.commands import COMMANDS
from snapsim.shell.control import Exit, StepLimit
from snapsim.shell.interpreter import Interpreter
from snapsim.shell.parser import Parser
from snapsim.shell.process import Command
from snapsim.shell.session import Session
from snapsim.shell.streams import Input, Null, Output, Source, Stream
from snapsim.shell.words import Incomplete, ShellSyntaxError
from snapsim.shell.world import Files, StillRunning, World

Give = Callable[[bytes], object]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STOPPED = 124
"""The exit status of what the step limit stopped; that of timeout(1)."""

__all__ = ["PATH", "STOPPED", "Shell", "StillRunning"]


class Shell:
    """A container as its programs see it; see the top of this file.

    Parameters
    ----------
    mount : Mount
        What its files lie on; it has to stay mounted.
    env : mapping of str to str, optional
        Environment; PATH and HOME are added where they are missing.
    cwd : str
        The working directory; ``/`` where it does not exist.
    user : str
        ``name``, ``uid``, ``name:group`` or ``uid:gid``; root when left out.
    commands : mapping of str to Command, optional
        Commands beside, or instead of, those of `snapsim.shell.commands`.
    clock : object, optional
        What ``date`` shows and ``sleep`` moves: has `now` and `see`, as a driver's clock.
    hostname : str
    sleep : callable, optional
        Called with the seconds of each ``sleep``; may raise `StillRunning`.
    name : str
        What its messages begin with.
    most_steps : int
        Commands, rounds of loops and pieces of output that one call of `run` may take.

    Raises
    ------
    LookupError
        The mount's /etc/passwd or /etc/group has no such user or group, in Docker's words.
    """

    def __init__(
        self,
        mount: Mount[Any],
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: str = "",
        commands: Mapping[str, Command] | None = None,
        *,
        clock: Any = None,
        hostname: str = "snapsim",
        sleep: Callable[[float], None] | None = None,
        name: str = "sh",
        most_steps: int = 200_000,
    ) -> None:
        self.world = World(mount, user, clock, hostname, sleep)
        self._session = Session(self.world, {**COMMANDS, **(commands or {})}, most_steps)
        environment = {"PATH": PATH, "HOME": self.world.home(), **(env or {})}
        files = Files(self.world)
        files.directory = cwd if cwd.startswith("/") and files.kind(cwd) == "directory" else "/"
        self._shell = Interpreter(self._session, files, environment, {}, name)
        self.exited = False

    def run(
        self, script: str | Sequence[str], stdin: bytes | Source = b"", out: Give | None = None, err: Give | None = None
    ) -> int:
        """Run a text as the shell's own, or a program with its arguments.

        Parameters
        ----------
        script : str or sequence of str
        stdin : bytes or Source
            Standard input; a source's `read` may wait.
        out, err : callable, optional
            Take bytes as they are written; thrown away when left out.

        Returns
        -------
        int
            The exit status; 127 for what is not found, 124 for what the step limit stopped. After ``exit`` in a text,
            `exited` is True.

        Raises
        ------
        StillRunning
            The program does not end; all before has been done.
        """
        streams: dict[int, Stream] = {
            0: Input(stdin),
            1: Output(out) if out else Null(),
            2: Output(err) if err else Null(),
        }
        self._session.steps = self._session.depth = 0
        self._shell.streams = streams
        try:
            if isinstance(script, str):
                return self._text(script)
            if not script:
                raise ValueError("no program to run: a list with its name and arguments is allowed")
            return self._shell.fork(streams).isolated(lambda: self._shell.program(list(script)))
        except StepLimit as limit:
            self._shell.complain(str(limit))
            return STOPPED

    def _text(self, script: str) -> int:
        def work() -> int:
            try:
                return self._shell.run_text(script)
            except Exit:
                self.exited = True
                raise

        self._shell.status = self._shell.isolated(work)
        return self._shell.status

    def complete(self, text: str) -> bool:
        """Is the text a whole command, so that a prompt need not ask for more?"""
        parser = Parser(text, partial=True)
        try:
            while parser.command():
                pass
        except Incomplete:
            return False
        except ShellSyntaxError:  # it is told when it is carried out
            return True
        return True

    def find(self, name: str) -> str:
        """The path of a program, or its bare name where only the registry has it; empty for what is not found."""
        return self._shell.find(name) or (name if name in self._session.commands else "")

    @property
    def cwd(self) -> str:
        """The working directory."""
        return self._shell.files.directory

    @property
    def status(self) -> int:
        """``$?``."""
        return self._shell.status
