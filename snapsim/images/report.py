"""The report of `snapsim image`: what each layer of an image adds, rewrites and hides, and the sums over the image.

The report is plain data that follows from the layers' entries alone; no driver is involved. Bytes are bytes of files.

| of a layer | means |
|---|---|
| packed, stored | its bytes in the archive, compressed or not; its bytes of files |
| new | files under names that the layers below do not show |
| rewritten | files under names that they do show: each is in the layer whole, however little changed |
| again | bytes of those that the file below has at the same place, in whole 4 KiB blocks |
| copied | new files whose bytes some file below or before has, under another name |
| hides | bytes of lower layers that it takes out of sight |
| unseen | its own bytes that this image does not show, since a higher layer (or itself) hides them |

>>> from snapsim.images.archives.layer_tar import Contents
>>> from snapsim.images.archive import ArchivedLayer
>>> from snapsim.drivers.diff import HistoryStep
>>> from snapsim.drivers.diff import Diff, Entry
>>> base = Diff((Entry("/f", content=b"hello"),), "sha256:" + "1" * 64)
>>> again = Diff((Entry("/f", content=b"hello", mode=0o600),), "sha256:" + "2" * 64)
>>> layers = tuple(ArchivedLayer(Contents(diff), 10240) for diff in (base, again))
>>> history = (HistoryStep("COPY"), HistoryStep("RUN chmod"))
>>> answer = report(ArchivedImage(("hello:1",), "sha256:" + "3" * 64, layers, history))
>>> answer["stored"], answer["seen"], answer["layers"][1]["again"], answer["hidden"][0]["why"]
(10, 5, 5, 'attributes only')

What it leaves out: compression (a hidden file costs its compressed bytes in a registry), and the bytes of names.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from snapsim.drivers.diff import Diff, chain_id
from snapsim.files.mounts.marks import OPAQUE_NAME, hidden
from snapsim.images.archive import ArchivedImage
from snapsim.images.archives.names import printable
from snapsim.images.efficiency import Efficiency, efficiency
from snapsim.images.tree import ImageTree, StoredFile


def report(image: ArchivedImage, top: int | None = None) -> dict[str, Any]:
    """The report of an image.

    Parameters
    ----------
    image : ArchivedImage
    top : int, optional
        How many hidden files to list, the largest first; all when left out.

    Returns
    -------
    dict
        names, id; packed, stored, seen and unseen bytes; ``attributes_only`` (unseen bytes that the hiding layer has
        once more, equal); efficiency (`dive`: score, waste, wasted_space; `seen`; causes of the difference); layers;
        hidden files.
    """
    tree, diffs = ImageTree(), [layer.diff for layer in image.layers]
    for diff in diffs:
        tree.add(diff)
    gone, copied = tree.hidden(), copies(tree.files)
    layers = [{**_facts(image, number), **_sizes(tree, copied, number)} for number in range(len(diffs))]
    found = efficiency(diffs, tree)
    return {
        "names": list(image.names),
        "id": image.id,
        "packed": sum(layer.packed for layer in image.layers),
        "stored": found.stored,
        "seen": found.seen,
        "unseen": found.stored - found.seen,
        "attributes_only": sum(file.size for file in gone if file.why == "attributes only"),
        "efficiency": _efficiency(found),
        "layers": layers,
        "hidden": [_hidden(file, image.steps) for file in gone[:top]],
        "hidden_files": len(gone),
    }


def copies(files: list[StoredFile]) -> list[StoredFile]:
    """Files whose bytes an earlier file has as well, under another name.

    Examples
    --------
    >>> from snapsim.drivers.diff import Entry
    >>> [file.path for file in copies([StoredFile(Entry(name, content=b"x"), 0) for name in ("/a", "/b")])]
    ['/b']
    """
    first: dict[tuple[int, bytes], StoredFile] = {}
    found = []
    for file in files:
        if file.size and first.setdefault(_key(file), file) is not file and file.again < file.size:
            found.append(file)
    return found


def _key(file: StoredFile) -> tuple[int, bytes]:
    entry = file.entry
    raw = (entry.content or file.path.encode()) if entry.stamps is None else entry.stamps.tobytes()
    return entry.size, hashlib.sha256(raw).digest()


def _facts(image: ArchivedImage, number: int) -> dict[str, Any]:
    """What the archive says of a layer."""
    layer = image.layers[number]
    ids = [each.diff.digest for each in image.layers[: number + 1]]
    marks = list(_marks(layer.diff))
    return {
        "created_by": image.steps[number],
        "diff_id": ids[-1],
        "chain_id": chain_id(ids),
        "packed": layer.packed,
        "compression": layer.compression,
        "entries": len(layer.diff.entries),
        "whiteouts": marks.count("whiteout"),
        "opaque": marks.count("opaque"),
        "pipes_left_out": layer.contents.pipes,
        "holes": layer.contents.holes,
    }


def _marks(diff: Diff) -> Iterator[str]:
    for entry in diff.entries:
        if entry.name == OPAQUE_NAME:
            yield "opaque"
        elif hidden(entry.path) is not None:
            yield "whiteout"


def _sizes(tree: ImageTree, copied: list[StoredFile], number: int) -> dict[str, int]:
    files = [file for file in tree.files if file.layer == number]
    old = [file for file in files if file.before is not None and file.before.entry.kind == "file"]
    stored = sum(file.size for file in files)
    return {
        "stored": stored,
        "files": sum(file.entry.kind == "file" for file in files),
        "new": stored - sum(file.size for file in old),
        "rewritten": sum(file.size for file in old),
        "again": sum(file.again for file in old),
        "copied": sum(file.size for file in copied if file.layer == number),
        "hides": sum(file.size for file in tree.files if file.hider == number != file.layer),
        "unseen": sum(file.size for file in files if not file.names),
    }


def _efficiency(found: Efficiency) -> dict[str, Any]:
    return {
        "dive": {"score": found.score, "waste": found.waste, "wasted_space": found.wasted_space},
        "seen": found.true,
        "causes": found.causes,
    }


def _hidden(file: StoredFile, steps: list[str]) -> dict[str, Any]:
    return {
        "path": printable(file.path),
        "size": file.size,
        "why": printable(file.why),
        "layer": file.layer,
        "made_by": steps[file.layer],
        "hider": file.hider,
        "hidden_by": steps[file.hider],
    }
