"""A file system of its own for a test: a sparse file behind a loop device, mounted in a private folder.

The file has no name once it is mounted, and the kernel lets go of the loop device with the mount: nothing remains.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from profiles import needs

from snapsim.measure.kernel.needs import Need, environment, missing

SIZE = 4 << 30
MKFS = {"ext4": Need("ext4", ("mkfs.ext4", "-q", "-F"), "e2fsprogs"),
        "btrfs": Need("btrfs", ("mkfs.btrfs", "-q", "-f"), "btrfs-progs"),
        "xfs": Need("xfs", ("mkfs.xfs", "-q", "-f"), "xfsprogs")}  # fmt: skip


@contextlib.contextmanager
def mounted(kind: str, *also: str) -> Iterator[Path]:
    """The folder where a fresh file system is; `also` are further file systems that the kernel has to know."""
    need = MKFS[kind]
    needs(missing(Need(need.kind, need.mkfs, need.package, also)))
    folder = Path(tempfile.mkdtemp(prefix="snapsim-"))
    try:
        with tempfile.NamedTemporaryFile(prefix="snapsim-") as file:
            os.truncate(file.name, SIZE)
            _command(*need.mkfs, file.name)
            _command("mount", "-o", "loop", file.name, str(folder))
        try:
            yield folder
        finally:
            _command("umount", str(folder))
    finally:
        os.rmdir(folder)


def _command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, env=environment())
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
