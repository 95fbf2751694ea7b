"""Measuring on the running kernel: the same workload file, real file systems, and the counters of a real block device.

| file | what |
|---|---|
| `syscalls` | the system calls that Python's standard library lacks |
| `needs` | what a machine has to have, and how to get it |
| `disk` | a loop device over a file without a name, and its counters |
| `layers` | how image layers and containers are made on each stack |
| `player` | the operations of a workload, on real files |
| `window` | one measurement: a quiet and cold system, the operations, a sync, a freeze |
| `child` | the process that does it, in mounts of its own |
| `measuring` | what a caller uses: `measure` |

Nothing is left behind, whatever happens: the process works in a mount namespace of its own, the loop device detaches
itself when nobody holds it, and the file below it has no name. So the kernel cleans up, even after SIGKILL.

What it leaves out: aufs, ZFS and device-mapper.
"""

from .measuring import measure
from .needs import missing

__all__ = ["measure", "missing"]
