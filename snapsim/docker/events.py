"""The engine's log of events: what `docker events` prints, in Docker's types and actions.

Imports nothing. The types are `image`, `container`, `network`, `volume` and `builder`; the actions of each
were noted from a real daemon (20.10.24). Times are the order: an event has a number, and no clock.

LEAVES OUT: filters, exec and health events, and those of plugins, swarm and the daemon itself.
"""

from collections.abc import Mapping
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
    """

    type: str
    action: str
    id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.type} {self.action}"


class EventLog(list[Event]):
    """All events, oldest first.

    Examples
    --------
    >>> log = EventLog()
    >>> log.note("image", "tag", "sha256:1f", name="base:1")
    >>> log.kinds(), log[0].attributes
    (['image tag'], {'name': 'base:1'})
    """

    def note(self, type: str, action: str, id: str = "", /, **attributes: str) -> None:
        """Write one event down."""
        self.append(Event(type, action, id, attributes))

    def kinds(self, since: int = 0) -> list[str]:
        """Types and actions, from event number `since` on."""
        return [str(event) for event in self[since:]]
