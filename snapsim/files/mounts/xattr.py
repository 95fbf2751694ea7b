"""Extended attributes as the VFS sees them: which names there are, and on which kinds of files.

| a name begins with | on | |
|---|---|---|
| ``user.`` | files and directories | EPERM on any other kind to set, ENODATA to read |
| ``trusted.`` | every kind | for root; overlayfs keeps its marks there |
| ``security.`` | every kind | ``security.capability`` goes with the first write, truncate or chown |

Any other name is EOPNOTSUPP, one that ends with its class EINVAL. Source: Linux fs/xattr.c, xattr(7).

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(64)); mount = TreeMount(fs, fs.root)
>>> mount.symlink("target", "/l"); mount.setxattr("/l", "trusted.note", "1", follow=False)
>>> mount.listxattr("/l", follow=False), mount.getxattr("/l", "trusted.note", follow=False)
(['trusted.note'], '1')
>>> mount.setxattr("/l", "user.note", "1", follow=False)
Traceback (most recent call last):
PermissionError: [Errno 1] Operation not permitted: '/l'

What it leaves out: access control lists (``system.posix_acl_access``), permissions of ``security.`` names, and how much
one file system takes (ext4 a block, where ENOSPC is the answer beyond; here all of them take 65,536 bytes).
"""

import errno
import os

from snapsim.files.inode import fail
from snapsim.files.mounts.contract import N, Tree

CLASSES = ("user.", "trusted.", "security.")
LONGEST_NAME, LONGEST_VALUE = 255, 65536


def set_value(tree: Tree[N], node: N, name: str, value: str, flags: int, path: str) -> None:
    """setxattr(2): give a node an attribute.

    Raises
    ------
    OSError
        EINVAL (flags), E2BIG (value), ERANGE, EOPNOTSUPP, EPERM (name), EROFS; EEXIST with XATTR_CREATE of one that is
        there, ENODATA with XATTR_REPLACE of one that is not.
    """
    if flags & ~(os.XATTR_CREATE | os.XATTR_REPLACE):
        raise fail(errno.EINVAL, path)
    if len(os.fsencode(value)) > LONGEST_VALUE:
        raise fail(errno.E2BIG, path)
    _check_kind(tree, node, name, errno.EPERM, path)
    tree.check_writable(path)
    stored = tree.stored_name(name)
    inode = tree.change(node, "attributes")
    _check_class(name, path)  # by the file system below: a union has copied up by then
    if stored in inode.xattrs and flags & os.XATTR_CREATE:
        raise fail(errno.EEXIST, path)
    if stored not in inode.xattrs and flags & os.XATTR_REPLACE:
        raise fail(errno.ENODATA, path)
    tree.fs.set_xattr(inode, stored, value)


def get_value(tree: Tree[N], node: N, name: str, path: str) -> str:
    """getxattr(2): the value of an attribute, ENODATA if there is none of that name."""
    _check_kind(tree, node, name, errno.ENODATA, path)
    _check_class(name, path)
    found = tree.attributes(node)
    if name not in found:
        raise fail(errno.ENODATA, path)
    return found[name]


def remove(tree: Tree[N], node: N, name: str, path: str) -> None:
    """removexattr(2); what is not there is ENODATA, and copies nothing up."""
    _check_kind(tree, node, name, errno.EPERM, path)
    tree.check_writable(path)
    _check_class(name, path)
    if name not in tree.attributes(node):
        raise fail(errno.ENODATA, path)
    tree.fs.remove_xattr(tree.change(node, "attributes"), tree.stored_name(name))


def _check_kind(tree: Tree[N], node: N, name: str, refusal: int, path: str) -> None:
    """Whether this kind of file may have an attribute of this class."""
    if not 0 < len(os.fsencode(name)) <= LONGEST_NAME:
        raise fail(errno.ERANGE, path)
    if name.startswith("user.") and tree.inode(node).kind not in ("file", "directory"):
        raise fail(refusal, path)


def _check_class(name: str, path: str) -> None:
    if not name.startswith(CLASSES):
        raise fail(errno.EOPNOTSUPP, path)
    if name in CLASSES:
        raise fail(errno.EINVAL, path)
