"""Containers that live: a process, a console, mounts; what the engine's containers do not have.

The engine knows layers and states; here is what runs in between. Every verb is called by one who holds the core.

What it leaves out: restart policies, health checks, ports, bind mounts of the host's directories.
"""

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snapsim.base.errors import NotFound
from snapsim.docker.containers import ACTIVE, Container
from snapsim.serve import programs
from snapsim.serve.bills import Bill
from snapsim.serve.console import Console
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.namespace import Namespace
from snapsim.serve.processes import KILLED, Process
from snapsim.serve.programs import Context
from snapsim.serve.shapes import configs
from snapsim.serve.shapes.containers import command, program
from snapsim.serve.tars import file_of, make_directories, packed, unpack

if TYPE_CHECKING:
    from snapsim.serve.daemon import Daemon

SMALL = ("hostname", "hosts", "resolv.conf")
"""Files of `/etc` that the daemon mounts into every container."""


@dataclass
class Live:
    """What a container has while the daemon runs.

    Attributes
    ----------
    console : Console
        Of its first process.
    process : Process or None
        None while it does not run.
    mounts : dict of str to str
        Destination to volume.
    exits : int
        How often it ended: who waits for the next end compares.
    """

    console: Console
    process: Process | None = None
    seen: Any = None
    mounts: dict[str, str] = field(default_factory=dict)
    exits: int = 0
    error: str = ""
    execs: dict[str, "Exec"] = field(default_factory=dict)
    restarts: int = 0


@dataclass
class Exec:
    """A command in a running container (`docker exec`)."""

    id: str
    container: str
    words: list[str]
    config: Mapping[str, Any]
    console: Console
    process: Process | None = None
    exit_code: int | None = None

    @property
    def line(self) -> str:
        """As its events call it."""
        return f"{self.words[0]} {' '.join(self.words[1:])}"


def start_process(daemon: "Daemon", words: Sequence[str], context: Context, console: Console, bill: Bill) -> Process:
    """A process on its bill; whoever calls this starts it."""

    def run(process: Process) -> int:
        return daemon.run(process, list(words), context)

    def output(stream: int, data: bytes) -> None:
        if context.tty:  # what the terminal shows of the keys (stream 0) is as it should be already
            data = data if stream == 0 else data.replace(b"\n", b"\r\n")
        console.write(1 if context.tty else stream, data)
        while console.crowded():
            with process.waiting():
                console.wait_for_room(1.0)

    process = Process(daemon.core, run, output, daemon.next_pid())
    meter = daemon.bills.meter(bill)
    process.on_take, process.on_give = meter.go, meter.stop
    return process


# -------------------------------------------------------------------- create


def create(daemon: "Daemon", name: str, said: Mapping[str, Any]) -> tuple[Container, list[str]]:
    """``POST /containers/create``: the container, and warnings."""
    if not said or not any(said.get(key) for key in ("Image", "Cmd", "Entrypoint", "HostConfig")):
        raise Refused(400, "Config cannot be empty in order to create a container")
    engine = daemon.engine
    asked, host = configs.config(said), configs.host(said.get("HostConfig"))
    image_name = daemon.shown(asked["Image"])
    image = engine.image(image_name)
    merged = {**configs.of_container(image.config, asked), "HostConfig": host}
    if not program(merged):
        raise Refused(400, "No command specified")
    mounts = _mounts_asked(merged, host, said)
    warnings = _check_host(host)
    network = daemon.networks.of_mode(host["NetworkMode"])
    options = host.get("StorageOpt") or {}
    box = engine.create(image_name, name, " ".join(program(merged)), options, (), network.name, merged)
    merged["Hostname"] = merged["Hostname"] or box.id[:12]
    live = daemon.lives[box.id] = Live(Console(daemon.now))
    for place, volume_name in mounts:
        new = volume_name not in daemon.volumes.all
        volume = daemon.volumes.create(volume_name)
        if new:
            engine.events.note("volume", "create", volume.name, driver="local")
        live.mounts[place] = volume.name
        volume.users.add(box.id)
        _fill(daemon, box, place, volume)
    box.volumes = tuple(live.mounts.values())
    return box, warnings


def _mounts_asked(merged: Mapping[str, Any], host: Mapping[str, Any], said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where volumes are to stand, and their names (empty: a fresh one)."""
    found: dict[str, str] = dict.fromkeys(merged.get("Volumes") or {}, "")
    for bind in host.get("Binds") or ():
        parts = bind.split(":")
        if len(parts) < 2 or not parts[1].startswith("/"):
            raise Refused(400, f"invalid volume specification: '{bind}'")
        if parts[0].startswith("/"):
            raise unsupported(f"a bind mount of a directory of the host ({bind})")
        found[parts[1]] = parts[0]
    for mount in host.get("Mounts") or ():
        if mount.get("Type") != "volume":
            raise unsupported(f"a mount of type {mount.get('Type')}")
        found[mount.get("Target", "")] = mount.get("Source", "")
    return [(posixpath.normpath("/" + place.lstrip("/")), name) for place, name in found.items()]


def _check_host(host: Mapping[str, Any]) -> list[str]:
    """Warnings for what is accepted and not simulated; what would change what is seen is refused."""
    if host["RestartPolicy"]["Name"] not in ("", "no"):
        raise unsupported(f"the restart policy {host['RestartPolicy']['Name']}")
    if host.get("VolumesFrom"):
        raise unsupported("--volumes-from")
    return ["Published ports are discarded: networks are not simulated."] if host.get("PortBindings") else []


def _fill(daemon: "Daemon", box: Container, place: str, volume: Any) -> None:
    """A new volume starts with what the image has at its place."""
    if volume.tree.listdir("/"):
        return
    with daemon.engine.driver.mounted(box.id) as mount:
        if mount.exists(place) and mount.stat(place).kind == "directory" and mount.listdir(place):
            unpack(file_of(packed(mount, place, "")), volume.tree, "/")


# -------------------------------------------------------------------- start and end


def start(daemon: "Daemon", box: Container) -> None:
    """``POST /containers/NAME/start``: mount it, look for its program, and let it run."""
    engine, live = daemon.engine, daemon.lives[box.id]
    if box.state in ACTIVE:
        raise Refused(304, "")
    words = program(box.asked)
    bill = daemon.bills.open(f"start {box.name}: {command(words)}", box.id)
    try:
        with daemon.bills.running(bill), engine.driver.mounted(box.id) as mount:
            seen = see(daemon, box, mount)
            context = _context(daemon, box, seen, box.asked, bool(box.asked["Tty"]))
            programs.check(context, words)
            engine.start(box.name, volumes=live.mounts)
    except programs.NotStarted as error:
        box.exit_code, live.error = error.code, error.message
        if box.asked["HostConfig"]["AutoRemove"]:
            remove(daemon, box, volumes=True)
        raise
    live.seen, live.error, box.exit_code = seen, "", 0
    process = start_process(daemon, words, context, live.console, bill)
    process.on_end.append(lambda code: _ended(daemon, box, bill, code))
    live.process = process
    if not box.asked["OpenStdin"]:
        process.stdin.close()
    process.start()


def see(daemon: "Daemon", box: Container, mount: Any) -> Namespace:
    """What its processes see: its tree, its volumes, and the daemon's small files; places that are missing are made."""
    live = daemon.lives[box.id]
    mounts: dict[str, tuple[Any, str]] = {f"/etc/{name}": (daemon.small, f"/{box.id}/{name}") for name in SMALL}
    _write_small(daemon, box)
    for place, name in live.mounts.items():
        make_directories(mount, place)
        mounts[place] = (daemon.volumes.find(name).tree, "/")
    directory = box.asked["WorkingDir"]
    if directory:
        make_directories(mount, directory)
    return Namespace(mount, mounts)


def _write_small(daemon: "Daemon", box: Container) -> None:
    small, hostname = daemon.small, box.asked["Hostname"]
    if small.exists(f"/{box.id}"):
        return
    hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    texts = {"hostname": f"{hostname}\n", "hosts": hosts, "resolv.conf": "# networks are not simulated\n"}
    small.mkdir(f"/{box.id}")
    for name, text in texts.items():
        small.write(f"/{box.id}/{name}", 0, data=text.encode())


def _context(daemon: "Daemon", box: Container, seen: Namespace, config: Mapping[str, Any], tty: bool) -> Context:
    env = programs.environment(box.asked, box.asked["Hostname"], tty)
    env |= dict(item.split("=", 1) for item in config.get("Env") or () if "=" in item)
    directory = config.get("WorkingDir") or box.asked["WorkingDir"] or "/"
    user, clock = config.get("User") or box.asked["User"], daemon.engine.driver.clock
    return Context(seen, env, directory, user, tty, clock, daemon.commands)


def _ended(daemon: "Daemon", box: Container, bill: Bill, code: int) -> None:
    """The first process has ended: so has everything else in the container."""
    live = daemon.lives[box.id]
    for exec in live.execs.values():
        if exec.process is not None and exec.exit_code is None:
            exec.process.kill()
    daemon.bills.close(bill)
    daemon.engine.finish(box.name, code)
    for name in live.mounts.values():
        daemon.engine.events.note("volume", "unmount", name, container=box.id, driver="local")
    live.process, live.seen = None, None
    live.exits += 1
    live.console.end()
    if box.asked["HostConfig"]["AutoRemove"]:
        remove(daemon, box, volumes=True)
    daemon.changes.tell()


def signal(daemon: "Daemon", box: Container, number: int) -> None:
    """A signal for the first process: KILL ends it; others only where an init passes them on (``--init``)."""
    live = daemon.lives[box.id]
    daemon.engine.note(box, "kill", signal=str(number))
    if live.process is None:
        return
    if number == 9:
        live.process.pause(False)
        live.process.kill(KILLED)
    elif box.asked["HostConfig"].get("Init"):
        live.process.kill(128 + number)


def pause(daemon: "Daemon", box: Container, paused: bool) -> None:
    """Freeze all its processes, or let them go on."""
    if paused and box.state == "paused":
        raise Refused(409, f"Container {box.id} is already paused")
    if not paused and box.state != "paused":
        raise Refused(500, f"Container {box.id} is not paused")
    must_run(box)
    (daemon.engine.pause if paused else daemon.engine.unpause)(box.name)
    live = daemon.lives[box.id]
    for process in (live.process, *(exec.process for exec in live.execs.values())):
        if process is not None:
            process.pause(paused)


def must_run(box: Container) -> None:
    """`Refused` (409) for a container that does not run."""
    if box.state not in ACTIVE:
        raise Refused(409, f"Container {box.id} is not running")


def remove(daemon: "Daemon", box: Container, volumes: bool = False) -> None:
    """Take a container that does not run away; with `volumes` the anonymous ones that it alone had go too."""
    daemon.engine.rm(box.name)
    live = daemon.lives.pop(box.id)
    for name in live.mounts.values():
        volume = daemon.volumes.find(name)
        volume.users.discard(box.id)
        if volumes and volume.anonymous and not volume.users:
            daemon.remove_volume(name)
    if daemon.small.exists(f"/{box.id}"):
        daemon.small.remove_tree(f"/{box.id}")
    daemon.bills.forget(box.id)
    live.console.end()
    for id in live.execs:
        daemon.execs.pop(id, None)
    daemon.changes.tell()


# -------------------------------------------------------------------- exec


def make_exec(daemon: "Daemon", box: Container, said: Mapping[str, Any]) -> Exec:
    """``POST /containers/NAME/exec``."""
    if box.state == "paused":
        raise Refused(409, f"Container {box.name} is paused, unpause the container before exec")
    must_run(box)
    words = said.get("Cmd")
    if not words or not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Refused(400, "No exec command specified")
    id = hashlib.sha256(f"exec {daemon.next_pid()} {box.id}".encode()).hexdigest()
    made = Exec(id, box.id, words, said, Console(daemon.now))
    daemon.lives[box.id].execs[id] = daemon.execs[id] = made
    daemon.engine.note(box, f"exec_create: {made.line}", execID=id)
    return made


def find_exec(daemon: "Daemon", id: str) -> Exec:
    """The exec of this id; `NotFound`."""
    if id not in daemon.execs:
        raise NotFound(f"No such exec instance: {id}")
    return daemon.execs[id]


def start_exec(daemon: "Daemon", exec: Exec, tty: bool) -> None:
    """``POST /exec/ID/start``; `NotStarted` where there is no such program."""
    if exec.process is not None or exec.exit_code is not None:
        raise Refused(409, f"Error: Exec command {exec.id} is already running")
    box = daemon.engine.container(exec.container)
    must_run(box)
    context = _context(daemon, box, daemon.lives[box.id].seen, exec.config, tty)
    daemon.engine.note(box, f"exec_start: {exec.line}", execID=exec.id)
    try:
        programs.check(context, exec.words, exec=True)
    except programs.NotStarted:
        exec.exit_code = 126
        raise
    bill = daemon.bills.open(f"exec {box.name} {command(exec.words)}", box.id)
    exec.process = start_process(daemon, exec.words, context, exec.console, bill)

    def ended(code: int) -> None:
        daemon.bills.close(bill)
        exec.exit_code = code
        daemon.engine.note(box, "exec_die", execID=exec.id, exitCode=str(code))
        exec.console.end()
        daemon.changes.tell()

    exec.process.on_end.append(ended)
    if not exec.config.get("AttachStdin"):
        exec.process.stdin.close()
    exec.process.start()
