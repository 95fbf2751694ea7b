"""What programs make of the system calls of a mount: a tree copied as cp(1) does it.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024)); mount = TreeMount(fs, fs.root)
>>> mount.mkdir("/d"); mount.write("/d/f", 0, data=b"hello"); mount.link("/d/f", "/d/g")
5
>>> copy_tree(mount, "/d", "/e"); mount.read_bytes("/e/f"), mount.stat("/e/g").nlink
(b'hello', 2)

What it leaves out: programs that do less than cp -a.
"""

from snapsim.files.mounts.contract import Making, N
from snapsim.files.mounts.mount import Mount


def copy_tree(mount: Mount[N], path: str, to: str, copied: dict[int, str] | None = None) -> None:
    """cp -a: attributes, holes and hard links kept, clones where the file system has them.

    Parameters
    ----------
    copied : dict of int to str, optional
        Inode numbers that were copied before, and where to: another name of one becomes a link.

    Raises
    ------
    OSError
        As of the calls: ENOENT, EEXIST, ENOSPC.
    """
    tree, node = mount.tree, mount.node(path, follow=False)
    inode, copied = tree.inode(node), {} if copied is None else copied
    if inode.kind != "directory" and copied.setdefault(inode.number, to) != to:
        return mount.link(copied[inode.number], to)
    place = mount.free_name(to, directory=inode.kind == "directory")
    like: Making = {"mode": inode.mode, "uid": inode.uid, "gid": inode.gid}
    like |= {"target": inode.target, "rdev": inode.rdev}
    copy = tree.create(place.directory, place.name, inode.kind, **like)
    if inode.kind == "file":
        mount.fs.copy_data(tree.data(node), tree.inode(copy))
    tree.accessed(node)
    for name in sorted(tree.names(node)) if inode.kind == "directory" else ():
        copy_tree(mount, f"{path}/{name}", f"{to}/{name}", copied)
    for name, value in tree.attributes(node).items():
        mount.fs.set_xattr(tree.inode(copy), tree.stored_name(name), value)
    mount.fs.set_attributes(tree.inode(copy), mtime=inode.mtime, atime=inode.atime)
