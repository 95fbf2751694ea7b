"""Volumes as the Engine API gives them."""

from typing import TYPE_CHECKING, Any

from snapsim.serve.shapes.times import seconds, stamp
from snapsim.serve.volumes import Volume

if TYPE_CHECKING:
    from snapsim.serve.daemon import Daemon


def volume(daemon: "Daemon", found: Volume, usage: bool = False) -> dict[str, Any]:
    """A volume; `usage` adds what `docker system df` asks for."""
    shape = {
        "CreatedAt": stamp(seconds(found.made) * 10**9),
        "Driver": "local",
        "Labels": dict(found.labels) if found.labels is not None else None,
        "Mountpoint": f"{daemon.engine.config.root}/volumes/{found.name}/_data",
        "Name": found.name,
        "Options": dict(found.options) if found.options is not None else None,
        "Scope": "local",
    }
    return {**shape, "UsageData": {"RefCount": len(found.users), "Size": found.size}} if usage else shape
