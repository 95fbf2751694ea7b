"""Said before the tests begin: what this machine lacks, so that tests will be skipped, and how to get it."""

import importlib.util
import shutil

import daemon
import loop_disk

from snapsim.measure.kernel.needs import missing

TOOLS = {
    "skopeo": "images of other tools",
    "umoci": "images of other tools",
    "buildah": "images of other tools",
    "zstd": "layers packed with zstd",
    "fuse-overlayfs": "the fuse-overlayfs driver",
}


def lacking():
    """(what is missing and how to get it, what is skipped without it), each line once."""
    for need in loop_disk.MKFS.values():
        yield from ((line, f"measurements and file systems on {need.kind}") for line in missing(need))
    yield from ((line, "comparisons with a real Docker daemon") for line in daemon.missing())
    for tool, what in TOOLS.items():
        if shutil.which(tool) is None:
            yield f"no {tool}: apt-get install {tool}", what
    for module in ("nbgrader", "otter"):
        if importlib.util.find_spec(module) is None:
            yield f"{module} is not installed", "assignments for it"


if __name__ == "__main__":
    found = {}
    for line, what in lacking():
        found.setdefault(line, []).append(what)
    if found:
        print("Tests will be skipped on this machine:")
    for line, what in found.items():
        print(f"  {line} ({'; '.join(dict.fromkeys(what))})")
    print("Nothing is lacking: no test is skipped." if not found else "")
