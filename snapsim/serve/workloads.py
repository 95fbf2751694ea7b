r"""``workload`` in a container: one of snapsim's generators, on what the container sees, so that it is on its bill.

    docker exec db workload random size=64M writes=100 --seed 7

The files that the workload stands on are made first where they are missing; made in an image (``RUN workload --files
...``) they are what its containers share. Without a name it lists the generators.

>>> from snapsim.drivers.graphdrivers import Vfs
>>> from snapsim.shell import Shell
>>> driver = Vfs(); driver.create("box")
>>> with driver.mounted("box") as mount:
...     shell = Shell(mount, commands={"workload": command(driver)})
...     shell.run("workload --files random size=8192; wc -c < /f; workload random size=8192; echo $?", out=print)
b'8192\n'
b'0\n'
0

What it leaves out: generators that make images and containers of their own (``containers``, ``build-image``, ...).
"""

import re
from functools import partial

from snapsim.base.errors import SnapsimError
from snapsim.drivers.driver import Driver
from snapsim.lab.executor import Executor
from snapsim.lab.generators import GENERATORS, generate
from snapsim.lab.operations import Op
from snapsim.lab.workload import Workload
from snapsim.shell import Command, Process
from snapsim.shell.process import parse

_OWN_LAYERS = ("layer", "snapshot", "seal")


def command(driver: Driver) -> Command:
    """The command, for containers of a driver."""
    return Command(partial(_run, driver), "[--files] [--seed N] [NAME [KEY=VALUE]...]")


def _run(driver: Driver, process: Process) -> int:
    options = parse(process.arguments, "fs:", {"files": "f", "seed": "s"})
    if not options.operands:
        process.print("".join(f"{name}\n" for name in GENERATORS))
        return 0
    name, *settings = options.operands
    try:
        workload = generate(name, int(options.get("s", "0")), **_parameters(settings))
        if any(op.op in _OWN_LAYERS or op.in_ != "s0" for op in (*workload.prepare, *workload.ops)):
            return process.complain(f"{name}: makes layers and containers of its own")
        _carry_out(driver, process, workload, files_only="f" in options)
    except (SnapsimError, ValueError) as error:
        return process.complain(str(error))
    return 0


def _parameters(settings: list[str]) -> dict[str, object]:
    pairs = (setting.partition("=") for setting in settings)
    return {key: int(value) if re.fullmatch("-?[0-9]{1,18}", value) else value for key, _, value in pairs}


def _carry_out(driver: Driver, process: Process, workload: Workload, files_only: bool) -> None:
    executor = Executor(driver, workload.id)
    executor.mounts["s0"] = process.world.mount
    missing = [
        spec for layer in workload.layers for spec in layer
        if not all(process.world.mount.exists(f"/{path}") for path, _, _ in spec.expand())
    ]  # fmt: skip
    if missing:
        executor.run(Op("create", files=tuple(missing)), "files")
    for number, op in enumerate(() if files_only else (*workload.prepare, *workload.ops)):
        process.step()
        executor.run(op, f"ops[{number}]")
