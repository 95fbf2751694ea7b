"""zfs: every layer is a dataset; a child is a clone of a snapshot of its parent's, and the snapshot goes with it.

What is shared are records (128 KiB); a change of a part of one reads it and writes it anew in whole. The datasets
lie side by side below one parent dataset, and all share one cache (the ARC). Source: moby `daemon/graphdriver/zfs`.

>>> driver = Zfs()
>>> driver.create("image")
>>> with driver.mounted("image") as mount:
...     mount.write("/bin", 0, 1 << 20)
1048576
>>> driver.create_read_write("box", "image")
>>> with driver.devices[0].counting() as io, driver.mounted("box") as mount:
...     mount.write("/bin", 0, 4096)
...     driver.sync()
4096
>>> io.counts.bytes("write", "data"), io.counts.bytes("write", "copy"), driver.usage("box").exclusive
(4096, 126976, 131072)

What the pool writes and reads beside data is in `snapsim.files.filesystems.zfs.pool_metadata`. Each command of moby's
is a transaction group of the pool's own, at least: `zfs create` and `zfs clone` with ``mountpoint=legacy`` are two
(it is made, its property is set), `zfs snapshot`, `zfs set quota`, `zfs destroy -d` of the snapshot and `zfs destroy
-r` of a layer one each.

>>> with driver.devices[0].counting() as io:
...     driver.create_read_write("other", "image")       # zfs snapshot; clone, twice; destroy -d
...     driver.sync()                                    # and a group with the last command's line of history
>>> group = 3 * 3 * 6 + 4                                # blocks of the pool's own objects, and the uberblock
>>> io.counts.bytes("write", "metadata") // 4096 == 5 * group + 4 * 3
True

What it leaves out: the names of snapshots (moby takes the clock), mounting (moby sets the owner of the root directory
each time, which changes its dnode), metadata as a user of the pool's space and of quotas, sync(2) as the kernel does it
(it commits the intent logs; here it ends the transaction group), compression of data.
"""

from typing import cast

from snapsim.base.units import GiB, KiB, TiB, parse_size
from snapsim.block.snapshots import Records
from snapsim.block.volume import Volume
from snapsim.drivers.clone_driver import CloneDriver
from snapsim.drivers.driver import About, Options
from snapsim.files.filesystem import FileSystem
from snapsim.files.filesystems import ZfsDataset
from snapsim.files.filesystems.zfs.pool_metadata import PoolMetadata

_BLOCK = 4096
_WITH_PROPERTIES = 2
"""Groups of a command that makes a dataset and sets a property of it."""


class Zfs(CloneDriver):
    """Datasets of one pool.

    Parameters
    ----------
    device_bytes : int
        Room for records; memory is used for what is written.
    fsname : str
        ``zfs.fsname``: the parent dataset; what is before the first slash is the pool.
    recordsize : int or str
        Of all datasets.
    """

    name = "zfs"
    about = About(
        "a dataset for each layer, a clone of its parent's snapshot",
        "records of 128 KiB",
        "the rest of a record that is partly written",
        "kept",
    )
    storage_options = ("size",)

    def __init__(
        self, device_bytes: int = 64 * GiB, fsname: str = "zpool-docker", recordsize: int | str = 128 * KiB
    ) -> None:
        record = parse_size(recordsize, "zfs: recordsize")
        self.top = Records(16 * TiB // _BLOCK, _BLOCK, record, device_size=device_bytes // _BLOCK)
        super().__init__(self.top.devices, self.top)
        self.account = PoolMetadata(self.top.pool)
        self.fsname = fsname
        self._at_start = self.space(), self.top.pool.space.free * _BLOCK

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        super()._create(id, parent, options, writable)
        limit = self._files[id].limit = self.size_option(options)  # quota: what is shared does not count
        if limit is not None:
            self.account.command()

    def _base(self) -> tuple[Volume, FileSystem]:
        volume = self.top.dataset()
        self.account.created(volume, files=True)
        self.account.command(_WITH_PROPERTIES)
        return volume, ZfsDataset(volume, clock=self.clock)

    def _clone(self, parent: str) -> Volume:
        """`zfs snapshot`, `zfs clone`, `zfs destroy -d`: the snapshot goes with the clone."""
        dataset = cast(Records, self.volumes[parent])
        snapshot = cast(Records, dataset.snapshot())
        self.account.snapshot(dataset, snapshot)
        self.account.command()
        clone = cast(Records, snapshot.clone())
        self.account.clone(snapshot, clone)
        self.account.command(_WITH_PROPERTIES)
        snapshot.delete_later()
        self.account.deferred(snapshot)
        self.account.command()
        return clone

    def _remove(self, id: str) -> None:
        dataset = cast(Records, self.volumes[id])
        super()._remove(id)
        self.account.destroyed(dataset)
        self.account.command()

    # ---------------------------------------------------------------- one transaction group for all

    def sync(self) -> None:
        """Write all dirty pages of all datasets, and end the transaction group."""
        for fs in self.filesystems():
            cast(ZfsDataset, fs).write_data()
        self.top.flush()

    def freeze(self) -> None:
        """The same: there is no log to bring home."""
        self.sync()

    def metadata_space(self) -> int:
        """The metadata of all datasets and of the snapshots between them, with their copies."""
        return self.account.space()

    # ---------------------------------------------------------------- one cache for all

    def drop_caches(self) -> None:
        """Forget all clean pages, and the pool's cache."""
        super().drop_caches()
        self.account.drop_caches()

    def page_cache_bytes(self) -> int:
        """Bytes in the pool's cache, each once however many datasets have them."""
        pool = self.top.pool
        return int(pool.cached(pool.space.in_use()).sum()) * _BLOCK

    # ---------------------------------------------------------------- what is told to the engine

    def status(self) -> list[tuple[str, str]]:
        """Pool, parent dataset, and its space in plain bytes.

        The space is that of the daemon's start: moby asks for it once, so that a daemon that ran for a year still
        prints it (a capture before and one after a scenario are equal).
        """
        used, available = self._at_start
        return [
            ("Zpool", self.fsname.split("/")[0]),
            ("Zpool Health", "ONLINE"),
            ("Parent Dataset", self.fsname),
            ("Space Used By Parent", str(used)),
            ("Space Available", str(available)),
            ("Parent Quota", "no"),
            ("Compression", "off"),
        ]

    def metadata(self, id: str) -> dict[str, str]:
        """Dataset and mount point."""
        super().metadata(id)
        return {"Dataset": f"{self.fsname}/{id}", "Mountpoint": f"/var/lib/docker/zfs/graph/{id}"}
