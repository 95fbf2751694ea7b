"""The engine's log of events: what `docker events` prints, in Docker's types and actions.

Imports nothing. The types are `image`, `container`, `network`, `volume` and `builder`; the actions of each
were noted from a real daemon (20.10.24). The time of an event comes from the clock that the log is given; without one
it is 0, and the order is all there is.

LEAVES OUT: filters, health events, and those of plugins, swarm and the daemon itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """One line of the log.

    Attributes
    ----------
    type, action : str
        As Docker calls them: ``container``, ``create``.
    id : str
        Of the image, container, network or volume; empty where Docker gives none (prune).
    attributes : mapping of str to str
        Name, image, exit code and so on.
    time : int
        Nanoseconds since 1970, by the log's clock.
    """

    type: str
    action: str
    id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    time: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.type} {self.action}"


class EventLog(list[Event]):
    """All events, oldest first.

    Parameters
    ----------
    now : callable, optional
        Gives the time in nanoseconds since 1970; always 0 when left out.

    Attributes
    ----------
    listeners : list of callable
        Each is told every event as it is written down.

    Examples
    --------
    >>> log = EventLog()
    >>> log.note("image", "tag", "sha256:1f", name="base:1")
    >>> log.kinds(), log[0].attributes
    (['image tag'], {'name': 'base:1'})
    """

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        super().__init__()
        self.now = now
        self.listeners: list[Callable[[Event], None]] = []

    def note(self, type: str, action: str, id: str = "", /, **attributes: str) -> None:
        """Write one event down, and tell the listeners."""
        event = Event(type, action, id, attributes, self.now())
        self.append(event)
        for listener in self.listeners:
            listener(event)

    def kinds(self, since: int = 0) -> list[str]:
        """Types and actions, from event number `since` on."""
        return [str(event) for event in self[since:]]
