"""The players of `snapsim.fidelity.replay`: one file a target, one line each."""

from collections.abc import Callable

from snapsim.fidelity.replay import Player
from snapsim.fidelity.replays.dm_snapshot import DmSnapshot
from snapsim.fidelity.replays.dm_thin import DmThin
from snapsim.fidelity.replays.zfs import Zfs

PLAYERS: dict[str, Callable[[int], Player]] = {
    "dm-snapshot": DmSnapshot,
    "dm-thin": DmThin,
    "zfs": Zfs,
}
