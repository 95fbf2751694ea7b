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

What it leaves out: the names of snapshots (moby takes the clock), mounting, compression.
"""

from ..clones import CloneDriver
from ..driver import About, Options
from ..filesystem import FileSystem
from ..filesystems import FILESYSTEMS
from ..snapshots import Records
from ..units import GiB, KiB, TiB, parse_size
from ..volume import Volume

_BLOCK = 4096


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
    about = About("a dataset for each layer, a clone of its parent's snapshot",
                  "records of 128 KiB", "the rest of a record that is partly written",
                  "kept")
    storage_options = ("size",)

    def __init__(self, device_bytes: int = 64 * GiB, fsname: str = "zpool-docker",
                 recordsize: int | str = 128 * KiB) -> None:
        record = parse_size(recordsize, "zfs: recordsize")
        self.top = Records(16 * TiB // _BLOCK, _BLOCK, record, device_size=device_bytes // _BLOCK)
        super().__init__(self.top.devices, self.top)
        self.fsname = fsname
        self._at_start = self.space(), self.top.pool.space.free * _BLOCK

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        super()._create(id, parent, options, writable)
        self._files[id].limit = self.size_option(options)      # quota of the dataset: what it shares does not count

    def _base(self) -> tuple[Volume, FileSystem]:
        volume = self.top.dataset()
        return volume, FILESYSTEMS["zfs"](volume, clock=self.clock)

    # ---------------------------------------------------------------- one cache for all

    def drop_caches(self) -> None:
        """Forget all clean pages, and the pool's cache."""
        super().drop_caches()
        self.top.drop_caches()

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
        return [("Zpool", self.fsname.split("/")[0]), ("Zpool Health", "ONLINE"), ("Parent Dataset", self.fsname),
                ("Space Used By Parent", str(used)), ("Space Available", str(available)), ("Parent Quota", "no"),
                ("Compression", "off")]

    def metadata(self, id: str) -> dict[str, str]:
        """Dataset and mount point."""
        super().metadata(id)
        return {"Dataset": f"{self.fsname}/{id}", "Mountpoint": f"/var/lib/docker/zfs/graph/{id}"}
