"""The players of `snapsim.fidelity.replay`: one file a target, one line each."""

from collections.abc import Callable

from snapsim.fidelity.replay import Player
from snapsim.fidelity.replays.dm_snapshot import DmSnapshotPlayer
from snapsim.fidelity.replays.dm_thin import DmThinPlayer
from snapsim.fidelity.replays.zfs import ZfsPlayer

PLAYERS: dict[str, Callable[[int], Player]] = {
    "dm-snapshot": DmSnapshotPlayer,
    "dm-thin": DmThinPlayer,
    "zfs": ZfsPlayer,
}
