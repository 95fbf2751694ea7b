"""Errors as the Engine API gives them: a status, and a message in Docker's words.

The engine raises its own errors (`NotFound`, `AlreadyExists`, ...); `status_of` says which status each of them is.

>>> status_of(NotFound("No such container: box"))
(404, 'No such container: box')
>>> status_of(unsupported("swarm"))
(501, 'swarm is not simulated: see docs/reference/engine-api.md')

What it leaves out: `errdefs` kinds that no simulated verb raises.
"""

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NoSpace, NotFound, SnapsimError, Unsupported


class Refused(SnapsimError):
    """A request that is not carried out.

    Parameters
    ----------
    status : int
        Of HTTP.
    message : str
        Docker's words.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def unsupported(what: str) -> Refused:
    """What the simulation does not have, said as such."""
    return Refused(501, f"{what} is not simulated: see docs/reference/engine-api.md")


_STATUS = {NotFound: 404, AlreadyExists: 409, InUse: 409, InvalidInput: 400, NoSpace: 500, Unsupported: 501}


def status_of(error: Exception) -> tuple[int, str]:
    """The status and the message of an error that an engine or a mount raised."""
    if isinstance(error, Refused):
        return error.status, error.message
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return 500, f"{where}{(error.strerror or str(error)).lower()}"
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500), str(error)
