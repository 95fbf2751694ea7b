"""A simulated shell: scripts and commands as busybox runs them, on the mounts of the model.

What lives here: the language (`syntax`, `parser`, `expansion` with `patterns` and `arithmetic`, `interpreter` with
`builtins`), what programs see of the world (`world`, `streams`), pipelines (`tasks`), and the commands (`process`,
`commands/`). What does not: drivers and images, which give the mount that a shell runs on; containers, which decide
when a program runs; and the prompt, which is the command line's.

Read `shell` first: it is the entry, and all that others need. Then `syntax`, `interpreter` and `compound` for the
language, and any file of `commands/` with `process`.
"""

from snapsim.shell.process import Command, Process
from snapsim.shell.shell import Shell, StillRunning

__all__ = ["Command", "Process", "Shell", "StillRunning"]
