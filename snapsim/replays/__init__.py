"""The players of `snapsim.replay`: one file a target, one line each."""

from collections.abc import Callable

from ..replay import Player

PLAYERS: dict[str, Callable[[int], Player]] = {}
