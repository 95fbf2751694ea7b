"""Carries the same sequences out on snapsim, and says what came of them in the words of `worker`."""

import errno
import itertools
import os

from differential.calls import text
from snapsim.block.device import BlockDevice
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.metacopy import MetacopyMount
from snapsim.files.mounts.mount import RENAME_EXCHANGE, RENAME_NOREPLACE
from snapsim.files.mounts.overlayfs import OverlayMount
from snapsim.files.mounts.tree import TreeMount

AGAIN = ("remount", "restack")
EARLY = 10**6  # ticks: the clock begins here, so that a time below was set by a call
UNIONS = {"overlay": OverlayMount, "overlay-xfs": OverlayMount, "metacopy": MetacopyMount}
RENAME_FLAGS = {"": 0, "NOREPLACE": RENAME_NOREPLACE, "EXCHANGE": RENAME_EXCHANGE}


def run(stack, layers, calls):
    """One sequence: what every call gave, and the trees in the end."""
    kind = "xfs" if "xfs" in stack else "btrfs" if stack == "btrfs" else "ext4"
    fs = FILESYSTEMS[kind](BlockDevice(1 << 16), clock=itertools.count(EARLY))
    if stack not in UNIONS:
        mount = TreeMount(fs, fs.create(fs.root, "base", "directory", mode=0o777))
        caller = Caller(mount)
        results = caller.calls(calls)
        caller.close_all()
        fs.freeze()
        return {"calls": results, "trees": [dump(mount)]}
    places = [fs.create(fs.root, f"layer{number}", "directory", mode=0o777) for number in range(len(layers))]
    for place, building in zip(places, layers, strict=True):
        inside = Caller(TreeMount(fs, place))
        inside.calls(building)
        inside.close_all()
    results, first, caller, upper, work = [], None, None, None, None
    for call in [["restack"], *calls]:
        if call[0] not in AGAIN:
            results.append(caller.call(*call))
            continue
        if caller is not None:
            caller.close_all()
        if call[0] == "restack":
            places = [*places, upper] if upper is not None else places
            upper, work = (
                fs.create(fs.root, f"{name}{len(places)}", "directory", mode=0o777) for name in ("upper", "work")
            )
        caller = Caller(UNIONS[stack](fs, places[::-1], upper, work))
        first = first or [row[:11] for row in dump(caller.mount)]
        results.append(None)
    caller.close_all()
    last = [dump(mount) for mount in (caller.mount, TreeMount(fs, upper), TreeMount(fs, work.entries["work"]))]
    again = dump(UNIONS[stack](fs, places[::-1], upper, work))
    fs.freeze()
    return {"calls": results[1:], "trees": [first, *last, again]}


def early(time):
    return time if time < EARLY else "now"


def facts(found):
    size = found.size if found.kind != "directory" else 0
    numbers = [found.kind, found.mode, found.nlink, found.uid, found.gid, size, list(found.rdev)]
    return [*numbers, early(found.mtime), early(found.atime)]


def dump(mount):
    """All that a mount shows, sorted by path; reading it changes no access time."""
    tree, rows = mount.tree, []

    def walk(node, path):
        inode, data, stat = tree.inode(node), tree.data(node), tree.stat(node)
        content = {"symlink": inode.target, "file": (data.content or b"").decode("latin-1")}.get(inode.kind, "")
        rows.append([path, stat.ino, *facts(stat), content, dict(tree.attributes(node))])
        if inode.kind == "directory":
            for name in sorted(tree.listed(node)):
                child = tree.child(node, name)
                if child is None:
                    rows.append([f"{path}/{name}", 0, "listed, not found"])
                else:
                    walk(child, f"{path}/{name}")

    walk(tree.root(), "")
    return rows


class Caller:
    """The calls on one mount, with its open descriptors."""

    def __init__(self, mount):
        self.mount, self.slots = mount, {}

    def close_all(self):
        for file in self.slots.values():
            file.close()
        self.slots.clear()

    def calls(self, calls):
        return [self.call(*call) for call in calls]

    def call(self, verb, *arguments):
        try:
            return getattr(self, f"do_{verb}")(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno]

    # ---------------------------------------------------------------- by descriptor

    def do_open(self, slot, path, flags, mode=0o644):
        number = 0
        for flag in flags:
            number |= getattr(os, flag)
        file = self.mount.open(path, number, mode)
        self.do_close(slot)
        self.slots[slot] = file

    def slot(self, slot):
        if slot not in self.slots:
            raise OSError(errno.EBADF, "")
        return self.slots[slot]

    def do_close(self, slot):
        if slot in self.slots:
            self.slots.pop(slot).close()

    def do_pwrite(self, slot, offset, data):
        return self.slot(slot).write(offset, data=text(data))

    def do_pread(self, slot, offset, length):
        return self.slot(slot).read_bytes(offset, length).decode("latin-1")

    def do_ftruncate(self, slot, size):
        self.slot(slot).truncate(size)

    def do_fsync(self, slot):
        self.slot(slot).fsync()

    def do_fstat(self, slot):
        return facts(self.slot(slot).stat())

    # ---------------------------------------------------------------- by path

    def do_write(self, path, offset, data):
        return self.mount.write(path, offset, data=text(data))

    def do_read(self, path):
        return self.mount.read_bytes(path).decode("latin-1")

    def do_truncate(self, path, size):
        self.mount.truncate(path, size)

    def do_mkdir(self, path, mode=0o755):
        self.mount.mkdir(path, mode)

    def do_rmdir(self, path):
        self.mount.rmdir(path)

    def do_unlink(self, path):
        self.mount.unlink(path)

    def do_symlink(self, target, path):
        self.mount.symlink(target, path)

    def do_mknod(self, path, kind, mode, rdev):
        self.mount.mknod(path, mode, tuple(rdev), kind)

    def do_link(self, path, to, follow=False):
        self.mount.link(path, to, follow)

    def do_rename(self, path, to, flags=""):
        self.mount.rename(path, to, RENAME_FLAGS[flags])

    def do_chmod(self, path, mode):
        self.mount.chmod(path, mode)

    def do_chown(self, path, uid, gid, follow=True):
        self.mount.chown(path, uid, gid, follow)

    def do_utime(self, path, seconds, follow=True):
        self.mount.utime(path, seconds, follow)

    def do_stat(self, path, follow=True):
        return facts(self.mount.stat(path, follow))

    def do_readdir(self, path):
        return self.mount.listdir(path)

    def do_readlink(self, path):
        return self.mount.readlink(path)

    def do_setxattr(self, path, name, value, flags="", follow=True):
        number = getattr(os, f"XATTR_{flags}") if flags else 0
        self.mount.setxattr(path, name, value, number, follow)

    def do_getxattr(self, path, name, follow=True):
        return self.mount.getxattr(path, name, follow)

    def do_listxattr(self, path, follow=True):
        return self.mount.listxattr(path, follow)

    def do_removexattr(self, path, name, follow=True):
        self.mount.removexattr(path, name, follow)

    def do_sync(self):
        self.mount.sync()
