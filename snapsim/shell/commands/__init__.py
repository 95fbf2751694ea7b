"""The commands of the shell, one small function each, in files by kind.

`text` (cat, head, wc, ...), `printing` (echo, printf, seq), `filters` (sort, uniq, tr, ...), `grep`, `copies` (cp, mv),
`files` (rm, mkdir, ln, ...), `modes` (chmod, chown), `trees` (ls, stat, du), `find`, `disk` (dd, df, sync), `process`
(sh, env, sleep, ...), `tests` (test, true, ...). What they print, complain about and return is BusyBox 1.35's.

`COMMANDS` is the registry: name -> `Command`. A higher package adds to it by handing `Shell` a mapping of its own.
"""

from collections.abc import Mapping

from snapsim.shell.commands import (
    copies,
    disk,
    files,
    filters,
    find,
    grep,
    modes,
    printing,
    process,
    tests,
    text,
    trees,
)
from snapsim.shell.process import Command

COMMANDS: Mapping[str, Command] = {
    name: command
    for module in (text, printing, filters, grep, copies, files, modes, trees, find, disk, process, tests)
    for name, command in module.COMMANDS.items()
}
