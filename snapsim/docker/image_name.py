"""Names of images, as people type them.

LEAVES OUT: digests (``name@sha256:...``) and the registry that a bare name stands for.
"""

from snapsim.base.errors import InvalidInput


def full_name(name: str) -> str:
    """A name with its tag.

    Examples
    --------
    >>> full_name("base"), full_name("localhost:5000/base"), full_name("base:1")
    ('base:latest', 'localhost:5000/base:latest', 'base:1')
    """
    if not name or name.startswith(":") or name.endswith(":"):
        raise InvalidInput(f"{name!r} is no name of an image: name or name:tag")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
