"""What a container's processes see: its own tree, and others mounted in it (volumes, and the daemon's small files).

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> def tree():
...     fs = Ext4(BlockDevice(1024))
...     return TreeMount(fs, fs.root)
>>> root, volume = tree(), tree()
>>> root.mkdir("/data")
>>> seen = Namespace(root, {"/data": (volume, "/")})
>>> seen.write("/data/f", 0, data=b"hello"), seen.exists("/data/f"), root.exists("/data/f"), volume.listdir("/")
(5, True, False, ['f'])
>>> seen.rename("/data/f", "/f")
Traceback (most recent call last):
OSError: [Errno 18] Invalid cross-device link: '/f'

What it leaves out: symbolic links that lead from one tree into another, and mounts in mounts.
"""

import errno
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from snapsim.files.inode import fail
from snapsim.files.mounts.mount import Mount

_TWO = ("rename", "link", "copy_tree")


class Namespace:
    """A tree with trees in it; every call of `Mount` by a path goes to the tree in which the path lies.

    Parameters
    ----------
    root : Mount
        The container's own tree.
    mounts : mapping of str to (Mount, str)
        Other trees by the path where they stand, each with the path in it that is seen there: a directory or a file.
    """

    def __init__(self, root: Mount[Any], mounts: Mapping[str, tuple[Mount[Any], str]]) -> None:
        self.root, self.mounts = root, dict(mounts)
        self.fs = root.fs

    def at(self, path: str) -> tuple[Mount[Any], str]:
        """The tree of a path, and the path in it."""
        if not self.mounts:
            return self.root, path
        clean = posixpath.normpath("/" + path.lstrip("/"))
        for place, (mount, top) in self.mounts.items():
            if clean == place or clean.startswith(f"{place}/"):
                return mount, (top.rstrip("/") + clean[len(place) :]) or "/"
        return self.root, path

    @property
    def read_only(self) -> bool:
        """Is the container's own tree read-only?"""
        return self.root.read_only

    def symlink(self, target: str, path: str) -> None:
        """symlink(2): here the second argument is the path."""
        mount, inner = self.at(path)
        mount.symlink(target, inner)

    def sync(self) -> None:
        """Write all dirty pages of every tree."""
        for mount in (self.root, *(mount for mount, _ in self.mounts.values())):
            mount.sync()

    def remove_tree(self, path: str) -> None:
        """rm -r; a mounted tree is busy."""
        clean = posixpath.normpath("/" + path.lstrip("/"))
        if any(place == clean or place.startswith(f"{clean.rstrip('/')}/") for place in self.mounts):
            raise fail(errno.EBUSY, path)
        mount, inner = self.at(path)
        mount.remove_tree(inner)

    def files(self, directory: str = "") -> Iterator[tuple[str, Any]]:
        """All that is seen below a directory of the container's own tree."""
        return self.root.files(directory)

    def __getattr__(self, name: str) -> Any:
        """Any other call: its first argument is a path; of two paths both have to lie in one tree."""
        if name.startswith("_"):
            raise AttributeError(name)

        def call(path: str = "/", *arguments: Any, **keywords: Any) -> Any:
            mount, inner = self.at(path)
            if name in _TWO:
                other, to = self.at(arguments[0])
                if other is not mount:
                    raise fail(errno.EXDEV, arguments[0])
                arguments = (to, *arguments[1:])
            return getattr(mount, name)(inner, *arguments, **keywords)

        return call
