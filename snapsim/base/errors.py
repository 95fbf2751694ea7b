"""What can go wrong, as exceptions that name the value, the place and what is allowed.

Errors of a *mounted file system* are not here: a `Mount` raises `OSError` with the errno that Linux gives, since
that is what a program would see.
"""


class SnapsimError(Exception):
    """The parent of every error that snapsim raises on purpose."""


class InvalidInput(SnapsimError, ValueError):
    """An argument, a file or a key that is not allowed.

    Parameters
    ----------
    problem : str
        The value and what is allowed instead.
    place : str, optional
        Where the value stands: a file, a line, a key such as ``ops[3].offsets``.

    Examples
    --------
    >>> print(InvalidInput("-1 is not a size: a whole number from 0 on", "w.json: layers[0][2].size"))
    w.json: layers[0][2].size: -1 is not a size: a whole number from 0 on
    """

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.problem, self.place = problem, place


class NotFound(SnapsimError, LookupError):
    """A layer, a volume or a snapshot that does not exist, or no longer does."""


class AlreadyExists(SnapsimError):
    """A name or an id that is taken."""


class InUse(SnapsimError):
    """Something that cannot be deleted because something else needs it: a parent of a layer, the origin of a clone."""


class ReadOnly(SnapsimError):
    """A write to a snapshot, or to a store that went read-only."""


class Unsupported(SnapsimError, NotImplementedError):
    """A verb of the contract that this mechanism or driver does not have; its `limits` say why."""


class Invalidated(SnapsimError):
    """A snapshot whose store overflowed: its content is lost, reads fail (EIO in the kernel)."""


class NoSpace(SnapsimError):
    """No room left on a device, in a pool or in a store.

    Parameters
    ----------
    message : str
        Which device is full, and how full.
    done : int
        Number of requests of the array that succeeded before the error; what they wrote stays written.
    """

    def __init__(self, message: str, done: int = 0) -> None:
        super().__init__(message)
        self.done = done
