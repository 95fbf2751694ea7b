"""Names and attributes by which a layer says that something is gone: whiteouts and opaque directories.

| | in an archive, and on disk under aufs | on disk under overlayfs |
|---|---|---|
| `f` is gone | an empty file `.wh.f` | a character device 0/0 named `f` |
| the directory is opaque | an empty file `.wh..wh..opq` in it | the attribute `trusted.overlay.opaque` = `y` |

Sources: OCI image-spec `layer.md`; Linux `Documentation/filesystems/overlayfs.rst`, `fs/overlayfs/overlayfs.h`.

>>> hidden(whiteout("/etc/issue"))
'/etc/issue'
"""

WHITEOUT_PREFIX = ".wh."
OPAQUE_NAME = ".wh..wh..opq"
AUFS_PRIVATE_PREFIX = ".wh..wh."  # never part of a layer, but for the opaque mark
OVERLAY_WHITEOUT = (0, 0)  # device number of overlayfs' whiteout
OVERLAY_OPAQUE = ("trusted.overlay.opaque", "y")
OVERLAY_OPAQUE_USER = ("user.overlay.opaque", "y")  # mounted with userxattr


def whiteout(path: str) -> str:
    """The path of the archive entry that says that `path` is gone.

    Examples
    --------
    >>> whiteout("/var/lib/dpkg")
    '/var/lib/.wh.dpkg'
    """
    directory, _, name = path.rpartition("/")
    return f"{directory}/{WHITEOUT_PREFIX}{name}"


def hidden(path: str) -> str | None:
    """The path that a whiteout hides; None if `path` names no whiteout (an opaque mark is none).

    Examples
    --------
    >>> hidden("/a/.wh.b"), hidden("/a/b"), hidden("/a/.wh..wh..opq")
    ('/a/b', None, None)
    """
    directory, _, name = path.rpartition("/")
    if name.startswith(AUFS_PRIVATE_PREFIX) or not name.startswith(WHITEOUT_PREFIX):
        return None
    return f"{directory}/{name.removeprefix(WHITEOUT_PREFIX)}"
