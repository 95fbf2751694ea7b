"""`docker load`: an image archive comes into the engine."""

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import shown
from snapsim.docker.engine import Engine
from snapsim.docker.images import Image
from snapsim.images.archive import ArchivedImage


def load(engine: Engine, image: ArchivedImage) -> Image:
    """`docker load`: the layers come into the engine as a pull brings them, and all tags are set.

    Raises
    ------
    InvalidInput
        The driver cannot hold it: no room, more layers than it can stack, or entries that contradict each other.
    """
    names = image.names or (image.name,)
    try:
        held = engine.pull(names[0], [layer.diff for layer in image.layers], image.history)
        for name in names[1:]:
            engine.tag(held.id, name)
    except OSError as error:
        raise InvalidInput(
            f"{engine.driver.name} cannot hold it: {error.strerror}: {shown(error.filename)}", image.name
        ) from None
    return held
