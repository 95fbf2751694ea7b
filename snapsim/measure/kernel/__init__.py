"""Measuring on the running kernel: the same workload file, real file systems, and the counters of a real block device.

| file | what |
|---|---|
| `syscalls` | the system calls that Python's standard library lacks |
| `needs` | what a machine has to have, and how to get it |
| `loop` | a loop device over a file without a name, and its counters |
| `disk` | a file system on one |
| `layers` | how image layers and containers are made on each stack |
| `player` | the operations of a workload, on real files |
| `window` | one measurement: a quiet and cold system, the operations, a sync, a freeze |
| `mapper` | mappings of device-mapper, by dmsetup |
| `direct` | requests to a block device, past the page cache |
| `target` | the contract of targets: a trace is carried out and counted |
| `snapshot_target`, `thin_target` | dm-snapshot and dm-thin |
| `traces` | the scenarios of a trace, one after the other |
| `reaper` | the process that takes mappings down, whatever happens to the one that made them |
| `child` | the process that does it, in mounts of its own |
| `measuring`, `trace_measuring` | what a caller uses: `measure`, `measure_trace` |

Nothing is left behind, whatever happens: the process works in a mount namespace of its own, the loop device detaches
itself when nobody holds it, and the file below it has no name. So the kernel cleans up, even after SIGKILL. Mappings
of device-mapper outlive their process: `reaper` takes them down.

What it leaves out: aufs and ZFS; files on the devicemapper driver.
"""

from snapsim.measure.kernel.measuring import measure
from snapsim.measure.kernel.needs import missing
from snapsim.measure.kernel.trace_measuring import measure_trace
from snapsim.measure.kernel.traces import TARGETS

__all__ = ["TARGETS", "measure", "measure_trace", "missing"]
