"""Stories: what operations on a mechanism or a storage driver do, request by request, as data and as text.

The data are in `story`, those who make them in `volumes` and `drivers`, operations of one's own in `operations`, the
text in `text`; the player (`snapsim.show.player`) draws them.

>>> story = tell("exception-store", "snapshot; write 3")
>>> [f"{frame.operation} {frame.device}" for frame in story.act(1) if frame.operation]
['read origin', 'write cow0', 'write cow0', 'write origin']

What it leaves out: what a mechanism should do; a story tells what the model did.
"""

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots import MECHANISMS
from snapsim.lab.stacks import FIRST
from snapsim.stories import drivers, volumes
from snapsim.stories.operations import drawn, parse
from snapsim.stories.story import Story

__all__ = ["SUBJECTS", "draw", "tell"]

SUBJECTS = (*MECHANISMS, *(name for name in FIRST if name != "plain"))
"""What a story can be about."""


def tell(subject: str, operations: str) -> Story:
    """The story of operations of one's own.

    Parameters
    ----------
    subject : str
        One of `SUBJECTS`.
    operations : str
        As `snapsim.stories.operations` reads them.

    Raises
    ------
    InvalidInput
        No such subject, or operations that are not allowed.
    """
    if subject not in SUBJECTS:
        raise InvalidInput(f"{subject!r} has no story: one of {', '.join(SUBJECTS)}")
    steps = parse(subject, operations)
    if subject in MECHANISMS:
        return volumes.tell(MECHANISMS[subject], subject, steps)
    return drivers.tell(subject, steps)


def draw(subject: str, seed: int) -> str:
    """Operations drawn by lot: a problem, the same for the same seed.

    Examples
    --------
    >>> draw("overlay2", 2) == draw("overlay2", 2)
    True
    """
    return drawn(subject, seed, paths=tuple(drivers.FILES))
