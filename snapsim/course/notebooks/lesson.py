"""What the chapters call besides the models: a control where there is one, a problem as text, the cost of one call.

>>> from snapsim.block.snapshots import ThinVolume
>>> disk = ThinVolume.new(8, chunk_size=4096)
>>> cost(disk.write, 3)
IOCounts(write_data=(1, 4096))

What it leaves out: figures (`figures`), and judging answers (`snapsim.course.quiz.grading`).
"""

import sys
from collections.abc import Callable
from typing import Any

from snapsim.base.units import MiB
from snapsim.block.device import IOCounts
from snapsim.course.quiz.problems import make
from snapsim.course.quiz.sheet import markdown
from snapsim.lab.experiment import run
from snapsim.lab.workload import parse


def explore(function: Callable[..., Any], **ranges: Any) -> Any:
    """Call a function with controls for its arguments, or once as it stands where there are no controls.

    Parameters
    ----------
    function : callable
        Has a default for each argument, which is used first, and alone where there are no controls.
    **ranges : tuple or list
        For each argument (lowest, highest) or (lowest, highest, step) of a slider, or a list to choose from.

    Returns
    -------
    object
        None where controls are displayed; else the function's result, which a notebook shows.

    Examples
    --------
    >>> explore(lambda snapshots=2: 1 + 2 * snapshots, snapshots=(0, 8))
    5
    """
    if not _in_notebook():
        return function()
    try:
        from ipywidgets import interact
    except ImportError:
        return function()
    for control in interact(function, **ranges).widget.children:
        if hasattr(control, "continuous_update"):
            control.continuous_update = False  # a run takes longer than a slider moves a step
    return None


def _in_notebook() -> bool:
    """Whether sliders can be moved: true if the code runs in a Jupyter kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class Text(str):
    """Markdown that a notebook shows as such."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


def problem(topic: str, seed: int, level: int = 1, direction: str = "state") -> Text:
    """A problem of a worksheet, to read; `snapsim.course.quiz.grading.Sheet.answer` judges the answers.

    Examples
    --------
    >>> print(problem("writes", 7).splitlines()[2])
    A volume has 16 blocks, all of them written before. Then, block by block:
    """
    return Text(markdown([make(topic, seed, level, direction)]).partition("\n\n")[2])


def cost(act: Callable[..., Any], *arguments: Any, **more: Any) -> IOCounts:
    """What one call of a volume's method costs, all devices of the volume together.

    Parameters
    ----------
    act : callable
        A method of a `Volume`.
    *arguments, **more
        Its arguments.
    """
    volume = act.__self__  # type: ignore[attr-defined]
    with volume.counting() as bill:
        act(*arguments, **more)
    counts: IOCounts = bill.counts
    return counts


def copied(stack: str, op: str, size: int = MiB, **more: Any) -> int:
    """Bytes that a stack copies when a container does one thing to a file of its image.

    Parameters
    ----------
    stack : str
        One of `snapsim.lab.stacks.STACKS`.
    op : str
        An operation of a workload file.
    size : int
        Bytes of the file.
    **more
        What the operation needs besides the path.

    Examples
    --------
    >>> copied("overlay2-ext4", "chmod", mode=0o600), copied("btrfs", "chmod", mode=0o600)
    (1048576, 0)
    """
    told: dict[str, Any] = {"op": op, "path": "f", **more}
    (workload,) = parse({"id": "probe", "layers": [[{"path": "f", "size": size}]], "ops": [told]})
    return int(run(workload, stack).counts.bytes("write", "copy"))
