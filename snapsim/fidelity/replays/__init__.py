"""The players of `snapsim.replay`: one file a target, one line each."""

from collections.abc import Callable

from ..replay import Player
from .dm_snapshot import DmSnapshot
from .dm_thin import DmThin
from .zfs import Zfs

PLAYERS: dict[str, Callable[[int], Player]] = {
    "dm-snapshot": DmSnapshot,
    "dm-thin": DmThin,
    "zfs": Zfs,
}
