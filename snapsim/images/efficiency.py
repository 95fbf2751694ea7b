"""Efficiency of an image: as dive counts it, as the visible bytes say, and what makes the difference, to the byte.

**dive** takes every path on which an entry stands in one layer or more: files, links, whiteouts, and directories that
have nothing in them in that layer. With *s* for the sizes of a path over the layers (a whiteout of a file counts 0, a
whiteout of a directory all that was in it, a hard link 0):

    score = sum over paths of min(s) / sum over paths of sum(s)
    potential wasted space = sum over paths that come in two layers or more of sum(s)

The second counts the copy that is seen as wasted, too. Source: dive `filetree/efficiency.go`, `image/analysis.go`.

**What is true** needs no score: bytes of files that are seen at the top, over all bytes of the layers. dive's waste,
sum(s) - min(s), is another number where

- a file went with its directory, by one whiteout or an opaque mark: dive sees the path once and calls it efficient, and
  counts the whiteout of the directory as bytes that are used, so that ``rm -r`` *raises* the score;
- a file grew: dive keeps the smallest version, the image shows the last one;
- a path came back after a whiteout: dive calls all of it waste, the last version included;
- a hard link was copied: its size is 0 in one layer and all of the file in another.

And it calls a copy of the same bytes (chmod, chown, touch) waste like any other, and finds no copy under another name.

>>> from snapsim.drivers.diff import Entry
>>> from snapsim.files.mounts.marks import whiteout
>>> base = Diff((Entry("/d", "directory"), Entry("/d/f", size=900), Entry("/g", size=100)))
>>> found = efficiency([base, Diff((Entry(whiteout("/d")),))])
>>> found.score, found.true, found.causes
(1.0, 0.1, {'gone with a directory': 900})

What it leaves out: dive's broken walk (it ends a layer early at a whiteout of nothing).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from snapsim.drivers.diff import Diff, Entry
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, hidden
from snapsim.images.tree import ImageTree


@dataclass(frozen=True)
class Efficiency:
    """The two counts.

    Attributes
    ----------
    smallest, discovered : int
        dive's sums over all paths of the smallest size and of all sizes.
    wasted_space : int
        dive's "potential wasted space".
    stored, seen : int
        Bytes of files in all layers, and of those that the image shows.
    causes : dict of str to int
        What must be added to dive's waste to get the bytes that are hidden, by its cause.
    """

    smallest: int
    discovered: int
    wasted_space: int
    stored: int
    seen: int
    causes: dict[str, int]

    @property
    def score(self) -> float:
        """dive's, from 0 to 1."""
        return self.smallest / self.discovered if self.discovered else 1.0

    @property
    def waste(self) -> int:
        """dive's waste: the bytes by which its score falls short of 1."""
        return self.discovered - self.smallest

    @property
    def true(self) -> float:
        """The visible part of the bytes, from 0 to 1."""
        return self.seen / self.stored if self.stored else 1.0


@dataclass
class _Path:
    """One path over the layers: its sizes by dive's rules, whether a whiteout or a hard link was among them."""

    sizes: list[int] = field(default_factory=list)
    marks: list[bool] = field(default_factory=list)
    linked: bool = False


def efficiency(layers: Sequence[Diff], tree: ImageTree | None = None) -> Efficiency:
    """Both counts.

    Parameters
    ----------
    layers : sequence of Diff
        From the base up.
    tree : ImageTree, optional
        Of these layers, if it is there already.
    """
    if tree is None:
        tree = ImageTree()
        for diff in layers:
            tree.add(diff)
    paths = dive_paths(layers)
    unseen = defaultdict[str, int](int)
    for file in tree.hidden():
        unseen[file.path] += file.size
    causes = defaultdict[str, int](int)
    for name, path in paths.items():
        if difference := unseen[name] - (sum(path.sizes) - min(path.sizes)):
            causes[_cause(path, name in tree.names)] += difference
    stored, hidden_ = sum(file.size for file in tree.files), sum(unseen.values())
    repeated = sum(sum(path.sizes) for path in paths.values() if len(path.sizes) > 1)
    return Efficiency(
        sum(min(path.sizes) for path in paths.values()),
        sum(sum(path.sizes) for path in paths.values()),
        repeated,
        stored,
        stored - hidden_,
        dict(causes),
    )


def _cause(path: _Path, seen: bool) -> str:
    if path.linked:
        return "hard links"
    if not seen:
        return "other" if path.marks[-1] else "gone with a directory"
    return "came back after a whiteout" if any(path.marks) else "grew"


# ---------------------------------------------------------------- dive's trees


@dataclass
class _DiveNode:
    """A node of dive's tree; `entry` is None for a directory that no entry speaks of."""

    entry: Entry | None = None
    inside: dict[str, "_DiveNode"] = field(default_factory=dict)

    def find(self, path: str, make: bool = False) -> "_DiveNode | None":
        node: _DiveNode | None = self
        for name in path.split("/")[1:]:
            if node is not None:
                node = node.inside.setdefault(name, _DiveNode()) if make else node.inside.get(name)
        return node

    def size(self) -> int:
        return (self.entry.tar_size if self.entry else 0) + sum(node.size() for node in self.inside.values())

    def leaves(self) -> Iterator[Entry]:
        """The deepest first; a leaf always has an entry."""
        for _, node in sorted(self.inside.items()):
            yield from node.leaves()
            if not node.inside and node.entry is not None:
                yield node.entry


def dive_paths(layers: Sequence[Diff]) -> dict[str, _Path]:
    """Every path that dive counts, with its sizes from the base up."""
    stack, found = _DiveNode(), defaultdict[str, _Path](_Path)
    for diff in layers:
        layer = _layer(diff)
        for entry in layer.leaves():
            gone = hidden(entry.path)
            path = found[gone or entry.path]
            path.sizes.append(entry.tar_size if gone is None else _went(stack, gone))
            path.marks.append(gone is not None)
        for entry in diff.entries:
            found[entry.path].linked |= entry.link is not None
            if entry.link is not None:
                found[entry.link].linked = True
        _put(stack, layer)
    return {name: path for name, path in found.items() if path.sizes}


def _layer(diff: Diff) -> _DiveNode:
    root = _DiveNode()
    for entry in diff.entries:
        if not entry.name.startswith(AUFS_PRIVATE_PREFIX):
            node = root.find(entry.path, make=True)
            assert node is not None
            node.entry = entry
    return root


def _went(stack: _DiveNode, path: str) -> int:
    node = stack.find(path)
    return node.size() if node is not None and node.entry is not None and node.entry.kind == "directory" else 0


def _put(stack: _DiveNode, layer: _DiveNode) -> None:
    """Apply one more layer to the tree; a whiteout takes effect at once, where it stands among the entries."""
    for name, node in layer.inside.items():
        gone = hidden(f"/{name}")
        if gone is not None:
            stack.inside.pop(gone[1:], None)
            continue
        under = stack.inside.setdefault(name, _DiveNode())
        under.entry = node.entry or under.entry
        _put(under, node)
