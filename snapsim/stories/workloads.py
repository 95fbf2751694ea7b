"""The story of a workload on a stack: what `snapsim compare` bills, operation by operation.

>>> from snapsim.lab.generators import generate
>>> story = tell(generate("random", size="1M", writes=2), "overlay2-ext4")
>>> story.acts[-1].title, story.bill(len(story.frames) - 1)["write_copy"][1]
('sync', 1048576)

What it leaves out: what the workload prepares, which is there when the story begins.
"""

from functools import partial

from snapsim.base.choose import choose
from snapsim.base.errors import InvalidInput
from snapsim.lab.experiment import prepare
from snapsim.lab.stacks import STACKS
from snapsim.lab.workload import Workload
from snapsim.stories.coarse import readable
from snapsim.stories.drivers import LayerTeller
from snapsim.stories.story import Story

MOST_OPERATIONS = 200


def tell(workload: Workload, stack: str, place: str = "") -> Story:
    """The story of a workload's operations, and of the sync after them.

    Parameters
    ----------
    workload : Workload
    stack : str
        One of `STACKS`.
    place : str
        Where the workload stands, for errors.

    Raises
    ------
    InvalidInput
        No such stack, too many operations to step through, or one that cannot be done.
    """
    if len(workload.ops) > MOST_OPERATIONS:
        raise InvalidInput(f"{len(workload.ops)} operations: a story has at most {MOST_OPERATIONS}", place)
    driver = choose(stack, STACKS, "stack").make()
    playing = prepare(workload, driver, place)
    teller = LayerTeller(driver, playing.containers)
    for number, op in enumerate(workload.ops):
        title = f"{op.op} {op.path or op.name}".strip()
        teller.act(title, partial(playing.run, op, f"ops[{number}]"), title, sync=False)
    teller.act("sync", partial(playing.settle, "sync"), "sync", sync=False)
    return readable(teller.story(f"{workload.title or workload.id} on {stack}", stack))
