"""The daemon: an engine, and what a client of it sees besides: processes, volumes, networks, images to pull, bills.

Whoever calls a verb holds the `core`; the routes do. What is not the engine's own stands in modules beside this one:
`containers` (processes and consoles), `volumes`, `networks`, `catalog`, `bills`.

What it leaves out: registries, plugins, swarm.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from snapsim.block.device import BlockDevice
from snapsim.docker.containers import Container
from snapsim.docker.daemon import start as start_engine
from snapsim.docker.engine import Engine
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.tree import TreeMount
from snapsim.serve import containers, workloads
from snapsim.serve.bills import Bills
from snapsim.serve.catalog import Catalog
from snapsim.serve.changes import Changes
from snapsim.serve.names import familiar
from snapsim.serve.networks import Networks
from snapsim.serve.processes import Core, Process
from snapsim.serve.programs import Context, carry_out
from snapsim.serve.releases import Release
from snapsim.serve.volumes import Volumes

_MOST_EVENTS = 256
"""Events that a daemon remembers: moby's `daemon/events`."""


class Daemon:
    """One daemon on one storage driver.

    Parameters
    ----------
    config : mapping
        As of `daemon.json`.
    stack : str
        What the driver stands on; its first stack when empty.
    release : Release
    catalog : Catalog, optional
        The images that can be pulled.
    now : callable, optional
        The time in nanoseconds since 1970.

    Attributes
    ----------
    core : Core
        To be held by whoever calls a verb.
    engine : Engine
    changes : Changes
        Told after whatever somebody may wait for.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        stack: str,
        release: Release,
        catalog: Catalog | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.release, self.now, self.catalog = release, now, catalog or Catalog()
        self.engine: Engine = start_engine(config, stack, ".".join(map(str, release.numbers)), now)
        self.core, self.changes = Core(), Changes()
        self.volumes = Volumes(self.engine.driver.clock, now)
        self.networks = Networks(now)
        self.bills = Bills(self._devices, self._write_back)
        self.lives: dict[str, containers.Live] = {}
        self.execs: dict[str, containers.Exec] = {}
        fs = FILESYSTEMS["ext4"](BlockDevice(1 << 20, name="small"), clock=self.engine.driver.clock)
        self.small = TreeMount(fs, fs.root)
        self._pids = 1000
        self.commands = {"workload": workloads.command(self.engine.driver)}
        self.listeners = 0
        self.engine.events.listeners.append(lambda event: self.changes.tell())

    def _devices(self) -> list[BlockDevice]:
        return [*self.engine.driver.devices, self.volumes.device]

    def _write_back(self) -> None:
        self.engine.driver.sync()
        self.volumes.sync()

    def tick(self) -> None:
        """The files' clock goes on with the time: called before each verb."""
        self.engine.driver.clock.see(self.now() // 10**9)

    def next_pid(self) -> int:
        """A number for the next process."""
        self._pids += 1
        return self._pids

    def run(self, process: Process, words: list[str], context: Context) -> int:
        """What a process does: its program, in the simulated shell."""
        self.tick()
        return carry_out(process, words, context)

    # ---------------------------------------------------------------- containers and images by name

    def container(self, name: str) -> Container:
        """By name or id; `NotFound`."""
        return self.engine.container(name)

    def live(self, box: Container) -> containers.Live:
        """What a container has while the daemon runs."""
        return self.lives[box.id]

    def shown(self, name: str) -> str:
        """The name of an image as the daemon keeps it."""
        return familiar(name)

    def mounts(self, box: Container) -> list[dict[str, Any]]:
        """`Mounts` of a container."""
        root = self.engine.config.root
        return [
            {
                "Type": "volume",
                "Name": name,
                "Source": f"{root}/volumes/{name}/_data",
                "Destination": place,
                "Driver": "local",
                "Mode": "z",
                "RW": True,
                "Propagation": "",
            }
            for place, name in self.lives[box.id].mounts.items()
        ]

    def sizes(self, box: Container) -> tuple[int, int]:
        """SizeRw and SizeRootFs."""
        size = self.engine.size_rw(box.name)
        return size, size + self.engine.home.layers.size_below(box.id)

    # ---------------------------------------------------------------- volumes

    def remove_volume(self, name: str) -> None:
        """`docker volume rm`."""
        self.volumes.remove(name)
        self.engine.events.note("volume", "destroy", name, driver="local")

    def prune_volumes(self, all: bool) -> tuple[list[str], int]:
        """`docker volume prune`: up to 20.10 all that no container has, later the anonymous ones; names and bytes."""
        every = all or self.release.numbers < (23,)
        gone = [volume for volume in self.volumes.all.values() if not volume.users and (every or volume.anonymous)]
        size = sum(volume.size for volume in gone)
        for volume in gone:
            self.remove_volume(volume.name)
        self.engine.events.note("volume", "prune", reclaimed=str(size))
        return [volume.name for volume in gone], size

    # ---------------------------------------------------------------- events

    def recent_events(self) -> list[Any]:
        """What the daemon remembers, oldest first."""
        return self.engine.events[-_MOST_EVENTS:]

    def stop(self) -> None:
        """The daemon ends: all processes are killed."""
        for live in list(self.lives.values()):
            for process in (live.process, *(exec.process for exec in live.execs.values())):
                if process is not None:
                    process.pause(False)
                    process.kill()
