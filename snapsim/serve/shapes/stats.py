"""`docker stats` and `docker top` as the Engine API gives them.

CPU and network are nothing here, which is true of them. Block I/O is what reached the simulated devices because of the
container, memory is its files' pages in the cache.
"""

from typing import TYPE_CHECKING, Any

from snapsim.docker.containers import Container
from snapsim.serve.shapes.containers import command
from snapsim.serve.shapes.times import stamp

if TYPE_CHECKING:
    from snapsim.serve.daemon import Daemon

TITLES = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
LIMIT = 1 << 30
"""Bytes of memory that a container is said to have."""


def process(box: Container, pid: int, words: list[str]) -> list[str]:
    """A row of `docker top`."""
    began = stamp(box.started)[11:16]
    return ["root", str(pid), "1", "0", began, "?", "00:00:00", " ".join(words) or command(words)]


def cached(daemon: "Daemon", box: Container) -> int:
    """Bytes of its files that are in the page cache."""
    if box.state == "exited":
        return 0
    with daemon.engine.driver.mounted(box.id) as mount:
        inodes = {id(inode): inode for _, inode in mount.files()}
        return sum(inode.pages.count() for inode in inodes.values()) * mount.fs.block_size


def stats(daemon: "Daemon", box: Container, last: int) -> dict[str, Any]:
    """One message; of a container that does not run it is empty but for its name, as with Docker."""
    live = daemon.lives.get(box.id)
    runs = live is not None and live.process is not None
    counts = daemon.bills.of_container(box.id)
    usage = cached(daemon, box) if runs else 0
    execs = [each for each in live.execs.values() if each.process and each.exit_code is None] if live else []
    blocks = [
        {"major": 259, "minor": 0, "op": operation, "value": counts.bytes(operation.lower())}
        for operation in ("Read", "Write")
    ]
    served = [
        {"major": 259, "minor": 0, "op": operation, "value": counts.requests(operation.lower())}
        for operation in ("Read", "Write")
    ]
    empty: dict[str, list[Any]] = {
        f"{name}_recursive": [] for name in ("io_queue", "io_service_time", "io_wait_time", "io_merged", "io_time")
    }
    cpu = {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    return {
        "read": stamp(daemon.now() if runs else 0),
        "preread": stamp(last),
        "pids_stats": {"current": 1 + len(execs)} if runs else {},
        "blkio_stats": {
            "io_service_bytes_recursive": blocks if runs else None,
            "io_serviced_recursive": served if runs else None,
            **empty,
            "sectors_recursive": [],
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": {**cpu, **({"system_cpu_usage": 0, "online_cpus": 1} if runs else {})},
        "precpu_stats": cpu,
        "memory_stats": {"usage": usage, "stats": {"cache": usage}, "limit": LIMIT} if runs else {},
        "name": f"/{box.name}",
        "id": box.id,
    }
