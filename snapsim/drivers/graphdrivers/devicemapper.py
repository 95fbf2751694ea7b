"""devicemapper: every layer is a thin volume with a file system of its own; a child is a thin snapshot of its parent.

One base device is formatted once, and each base layer is a snapshot of it. What is shared are pool blocks (64 KiB,
or 512 KiB with direct-lvm): the first write to a shared one copies what the write leaves out. Two ways to get a
pool: **loop-lvm**, on two sparse files of the host (the default, and not for production), and **direct-lvm**, on a
disk that the daemon turns into a volume group. Source: moby 24.0 `daemon/graphdriver/devmapper`.

>>> driver = DeviceMapper()
>>> driver.create("image")
>>> with driver.mounted("image") as mount:
...     mount.write("/bin", 0, 1 << 20)
1048576
>>> driver.create_read_write("box", "image")
>>> with driver.devices[0].counting() as io, driver.mounted("box") as mount:
...     mount.write("/bin", 0, 4096)
...     driver.sync()
4096
>>> io.counts.bytes("write", "data"), io.counts.bytes("write", "copy")     # the rest of the pool block moves along
(4096, 65536)
"""

from typing import Any

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.base.units import GiB, MiB, docker_size
from snapsim.block.device import BlockDevice
from snapsim.block.snapshots import ThinPool, ThinVolume
from snapsim.block.volume import Volume
from snapsim.drivers.clone_driver import CloneDriver
from snapsim.drivers.driver import About, Options
from snapsim.drivers.graphdrivers.dm_options import read_options
from snapsim.files.filesystem import FileSystem
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.mount import Mount

LEAVES_OUT = (
    "what mkfs and mounting write, the loop files' own file system, deferred removal and automatic extension (a "
    "pool never grows), and options that change no byte: they are read, and have no effect."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

_BLOCK = 4096
_LOW_WATER = 32768  # pool blocks
_EXTENT = 4 * MiB  # of a volume group; one of the disk is LVM's own


class DeviceMapper(CloneDriver):
    """Thin volumes of one pool.

    Parameters
    ----------
    options : mapping of str to str
        The daemon's options (``dm.basesize`` and so on). With ``dm.directlvm_device`` the pool is made on a disk, else
        on two loop files.
    disk_bytes : int
        Size of that disk; memory is used for what is written.
    host_free : int, optional
        Bytes that the file system below the loop files has free; plenty when left out.
    host : str
        The start of all device names: device and inode of the daemon's directory.
    library : str
        Version of the device-mapper library.
    """

    name = "devicemapper"
    about = About(
        "a file system in a thin volume for each layer",
        "pool blocks of 64 KiB (512 KiB in direct-lvm)",
        "the rest of a pool block that is partly written",
        "deprecated 18.09, removed 25.0",
    )
    storage_options = ("size",)

    def __init__(
        self,
        options: Options | None = None,
        disk_bytes: int = 100 * GiB,
        host_free: int | None = None,
        host: str = "docker-8:1-131073",
        library: str = "1.02.185 (2022-05-18)",
    ) -> None:
        self.options = read_options(options or {})
        self.direct, self.host, self.library = bool(self.options["dm.directlvm_device"]), host, library
        self.host_free = host_free
        self.pool = self._make_pool(disk_bytes)
        self.base_size = self.options["dm.basesize"]
        self.base = self.pool.create(self.base_size // _BLOCK)
        super().__init__((self.pool.data, self.pool.metadata_device), self.base)
        self.base_files = FILESYSTEMS[self.options["dm.fs"]](self.base, clock=self.clock)

    def _make_pool(self, disk_bytes: int) -> ThinPool:
        data, metadata = self.options["dm.loopdatasize"], self.options["dm.loopmetadatasize"]
        if self.direct:
            extents = disk_bytes // _EXTENT - 1
            data = extents * self.options["dm.thinp_percent"] // 100 * _EXTENT
            metadata = extents * self.options["dm.thinp_metapercent"] // 100 * _EXTENT
        return ThinPool(
            BlockDevice(data // _BLOCK, name="data"),
            BlockDevice(metadata // _BLOCK, name="metadata"),
            self.options["dm.blocksize"],
            zeroing=False,
            low_water=_LOW_WATER,
        )

    # ---------------------------------------------------------------- layers

    def _check_options(self, options: Options, writable: bool) -> None:
        super()._check_options(options, writable)
        if (self.size_option(options) or self.base_size) < self.base_size:
            raise InvalidInput(
                f"devmapper: Container size cannot be smaller than {docker_size(self.base_size)}",
                "devicemapper: storage-opt size",
            )

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        self._check_free_space()
        super()._create(id, parent, options, writable)
        size = self.size_option(options)
        if size is not None:
            self._grow(id, size // _BLOCK)

    def _check_free_space(self) -> None:
        """Docker refuses new layers when little is left of data or metadata (``dm.min_free_space``)."""
        space, metadata = self.pool.metadata.space, self.pool.metadata
        for kind, prefix, free, total in (
            ("data", "", space.free, space.size),
            ("metadata", "metadata ", metadata.room, metadata.blocks.total),
        ):
            least = self._least(total)
            if free < least:
                raise NoSpace(
                    f"devmapper: Thin Pool has {free} free {kind} blocks which is less than minimum required "
                    f"{least} free {kind} blocks. Create more free {prefix}space in thin pool or use "
                    "dm.min_free_space option to change behavior"
                )

    def _least(self, total: int) -> int:
        percent = self.options["dm.min_free_space"]
        return max(total * percent // 100, 1) if percent else 0

    def _grow(self, id: str, blocks: int) -> None:
        """A longer device, and the file system stretched over it."""
        volume, fs = self.thin(id), self._files[id]
        volume.size = fs.space.size = blocks
        volume.mappings.length = -(-blocks // volume.chunk_blocks)

    def thin(self, id: str) -> ThinVolume:
        """The thin volume of a layer."""
        volume = self.volumes[id]
        assert isinstance(volume, ThinVolume)
        return volume

    def _base(self) -> tuple[Volume, FileSystem]:
        volume = self.base.clone()
        return volume, self.base_files.on(volume)

    def _unmounted(self, id: str, mount: Mount[Any]) -> None:
        """Unmounting writes what is dirty, and the device goes, with its cache."""
        mount.fs.sync()
        mount.fs.drop_caches()

    def _remove(self, id: str) -> None:
        volume = self.volumes[id]
        if self.options["dm.blkdiscard"] == "true" or (not self.options["dm.blkdiscard"] and not self.direct):
            volume.discard(slice(0, volume.size))
        super()._remove(id)

    # ---------------------------------------------------------------- what is told to the engine

    def status(self) -> list[tuple[str, str]]:
        """The pool: names, sizes, and what is used of data and metadata."""
        self.pool.commit()
        space, metadata, block = self.pool.metadata.space, self.pool.metadata, self.pool.chunk_size
        pairs = [
            ("Pool Name", "docker-thinpool" if self.direct else f"{self.host}-pool"),
            ("Pool Blocksize", docker_size(block)),
            ("Base Device Size", docker_size(self.base_size)),
            ("Backing Filesystem", self.options["dm.fs"]),
            ("Udev Sync Supported", "true"),
        ]
        pairs += (
            []
            if self.direct
            else [
                ("Data file", "/dev/loop0"),
                ("Metadata file", "/dev/loop1"),
                ("Data loop file", "/var/lib/docker/devicemapper/devicemapper/data"),
                ("Metadata loop file", "/var/lib/docker/devicemapper/devicemapper/metadata"),
            ]
        )
        pairs += self._space("Data", space.used * block, space.size * block)
        pairs += self._space("Metadata", metadata.used * _BLOCK, metadata.blocks.total * _BLOCK)
        return [
            *pairs,
            ("Thin Pool Minimum Free Space", docker_size(self._least(space.size) * block)),
            ("Deferred Removal Enabled", str(self.options["dm.use_deferred_removal"]).lower()),
            ("Deferred Deletion Enabled", str(self.options["dm.use_deferred_deletion"]).lower()),
            ("Deferred Deleted Device Count", "0"),
            ("Library Version", self.library),
        ]

    def _space(self, kind: str, used: int, total: int) -> list[tuple[str, str]]:
        """Used, total, available; behind loop files no more is available than the host has free."""
        available = total - used
        if not self.direct and self.host_free is not None:
            available = min(available, self.host_free)
        return [
            (f"{kind} Space {what}", docker_size(size))
            for what, size in (("Used", used), ("Total", total), ("Available", available))
        ]

    def metadata(self, id: str) -> dict[str, str]:
        """Device number, size and name."""
        super().metadata(id)
        return {
            "DeviceId": str(self.thin(id).id),
            "DeviceName": f"{self.host}-{id}",
            "DeviceSize": str(self.volumes[id].size * _BLOCK),
        }
