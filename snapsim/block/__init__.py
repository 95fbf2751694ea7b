"""Block level: a device that counts its requests, the contract of snapshots, and the mechanisms that keep it.

Read in this order: `device` (a disk that keeps the books, with `requests` and `counts`), `volume` (the contract: what a
snapshot promises, and what copy-on-write and redirect-on-write each cost), then one mechanism of `snapshots/`. `costs`
estimates the time of what was counted; `space_map` and `paged_map` are what mechanisms keep their maps in.

Files, names and mounted trees do not live here: a volume is a row of blocks.
"""

from snapsim.block.counts import IOCounts
from snapsim.block.device import BlockDevice, counting, recording
from snapsim.block.volume import Usage, Volume

__all__ = ["BlockDevice", "IOCounts", "Usage", "Volume", "counting", "recording"]
