"""Maps: which content lies in which block before and after a write, and which file in which layer.

The data are those of `snapsim.show.diagrams`; `snapsim.course.stories.block.story` makes them from a volume that ran.

What it leaves out: maps of thousands of blocks, which nobody could read.
"""

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

from snapsim.base.errors import InvalidInput
from snapsim.show.diagrams import LAYER_MARKS, BlockMap, Cell, Move
from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import COLOURS, INK, PALE, SMALL, TEXT, axes_or_new, bare, legend_above

Places = Mapping[Cell, tuple[float, float]]

_CONTENTS = ("#BFD9EA", "#FBE3B5", "#BFE3D5", "#F2D3E4", "#D6ECF8", "#E4E4E4", "#FBF7C0", "#F3CDB6")
_MARKS = {
    "file": ("#BFD9EA", "", "file"),
    "copy-up": ("#E69F00", "////", "copied up"),
    "hidden": ("#EEEEEE", "", "hidden"),
    "whiteout": ("#222222", "", "whiteout"),
    "opaque": ("#CC79A7", "\\\\\\\\", "opaque directory"),
}
_ROW, _GAP, _HALF = 1.7, 3.2, 0.5


def block_map(before: BlockMap, after: BlockMap, moves: Sequence[Move] = (), ax: Axes | None = None) -> Axes:
    """The blocks before and after a write: a row for each volume and device, one colour and letter for each content.

    Grey lines say from where a volume or snapshot reads a block; arrows what was copied (orange, from where to where)
    and where new data went (blue, from outside). A block whose content changed has a heavy frame.

    Parameters
    ----------
    before, after : BlockMap
        Drawn side by side.
    moves : sequence of Move
    ax : Axes, optional

    Raises
    ------
    InvalidInput
        A link or a move names a cell that is not there.

    Examples
    --------
    >>> before = BlockMap({"origin": ["A", "B"], "store": ["", ""]})
    >>> after = BlockMap({"origin": ["A", "B'"], "store": ["B", ""]})
    >>> panel = block_map(before, after, [Move(Cell("origin", 1), Cell("store", 0), "copy"),
    ...                                   Move(None, Cell("origin", 1), "data")])
    >>> len(panel.patches)                               # 8 cells and 2 arrows
    10
    """
    cells = max((len(row) for row in before.rows.values()), default=0)
    shift = cells + _GAP
    ax = axes_or_new(ax, 1 + 0.42 * (shift + cells + 1.4), 0.6 + 0.42 * (_ROW * len(before.rows) + 0.8))
    colours = _content_colours(before, after)
    left, right = _places(before, 0), _places(after, shift)
    _draw_map(ax, before, left, colours, {})
    _draw_map(ax, after, right, colours, before.rows)
    for move in moves:
        _arrow(ax, move, left, right)
    for text, x in (("before", cells / 2), ("after", shift + cells / 2)):
        ax.text(x, 1.2, text, ha="center", va="bottom", fontsize=TEXT, color=PALE)
    bare(ax, "")
    ax.set_xlim(-0.2, shift + cells + 1.2)
    ax.set_ylim(-_ROW * (len(before.rows) - 1) - 0.5, 2)
    ax.set_aspect("equal")
    legend_above(ax, _legend({move.purpose for move in moves}))
    describe(ax, f"Blocks before: {_in_words(before)}. After: {_in_words(after)}. " + " ".join(map(_told, moves)))
    return ax


def _in_words(picture: BlockMap) -> str:
    return "; ".join(
        f"{name} holds {', '.join(content or 'nothing' for content in row)}" for name, row in picture.rows.items()
    )


def _told(move: Move) -> str:
    target = f"{move.target.row} {move.target.number}"
    return (
        f"{move.source.row} {move.source.number} is copied to {target}."
        if move.source
        else f"New {move.purpose} goes to {target}."
    )


def _content_colours(*maps: BlockMap) -> dict[str, str]:
    """One colour for a letter and all its successors (A, A', A'')."""
    letters = dict.fromkeys(name.rstrip("'") for one in maps for row in one.rows.values() for name in row if name)
    return {letter: _CONTENTS[number % len(_CONTENTS)] for number, letter in enumerate(letters)}


def _places(picture: BlockMap, shift: float) -> dict[Cell, tuple[float, float]]:
    return {
        Cell(name, number): (shift + number, -_ROW * y)
        for y, (name, row) in enumerate(picture.rows.items())
        for number in range(len(row))
    }


def _draw_map(
    ax: Axes, picture: BlockMap, places: Places, colours: Mapping[str, str], older: Mapping[str, Sequence[str]]
) -> None:
    for start, end in picture.links:
        (x0, y0), (x1, y1) = _at(places, start), _at(places, end)
        far = abs(y0 - y1) > _ROW  # over another row: beside its letters, and on top
        inset, (top, bottom) = 0.18 if far else _HALF, (y0, y1 + 1) if y0 > y1 else (y0 + 1, y1)
        ax.plot([x0 + inset, x1 + inset], [top, bottom], color=PALE, linewidth=0.8, zorder=4 if far else 0)
    for name, row in picture.rows.items():
        for number, content in enumerate(row):
            changed = name in older and (number >= len(older[name]) or older[name][number] != content)
            _cell(ax, places[Cell(name, number)], content, colours.get(content.rstrip("'"), "white"), changed)
        if not older and row:
            ax.text(
                places[Cell(name, 0)][0] - 0.25,
                places[Cell(name, 0)][1] + _HALF,
                name,
                ha="right",
                va="center",
                fontsize=SMALL + 1,
                color=INK,
            )


def _cell(ax: Axes, corner: tuple[float, float], content: str, colour: str, changed: bool) -> None:
    ax.add_patch(
        Rectangle(
            corner,
            1,
            1,
            facecolor=colour,
            edgecolor=INK if content else PALE,
            linewidth=2.2 if changed else 0.7,
            linestyle="-" if content else ":",
            zorder=2 + changed,
        )
    )
    ax.text(
        corner[0] + _HALF, corner[1] + _HALF, content, ha="center", va="center", fontsize=SMALL, color=INK, zorder=4
    )


def _at(places: Places, cell: Cell) -> tuple[float, float]:
    if cell not in places:
        raise InvalidInput(f"{tuple(cell)} is no cell of the map")
    return places[cell]


def _arrow(ax: Axes, move: Move, left: Places, right: Places) -> None:
    x, y = _at(right, move.target)
    x0, y0 = _at(left, move.source) if move.source else (x, y + 1.05)
    start = (x0 + _HALF, y0 + 0.05) if move.source else (x + _HALF, y + 1.75)
    end = (x + _HALF, y + 0.92) if not move.source else (x + 0.1, y + _HALF) if y < y0 else (x + _HALF, y + 0.05)
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=11,
            color=COLOURS[move.purpose],
            zorder=5,
            linewidth=1.8,
            connectionstyle=f"arc3,rad={0.1 if move.source else 0}",
        )
    )


def _legend(purposes: Iterable[str]) -> list[Patch]:
    words = {"data": "new data", "copy": "copied", "metadata": "metadata", "zero": "zeros"}
    return [Patch(color=COLOURS[name], label=word) for name, word in words.items() if name in purposes]


def layer_stack(layers: Sequence[tuple[str, Mapping[str, str]]], ax: Axes | None = None) -> Axes:
    """Layers as rows, the topmost first, paths as columns; an arrow for every copy-up.

    Parameters
    ----------
    layers : sequence of (name, mapping of path to mark)
        Marks: "file", "copy-up" (its arrow comes from the nearest file below), "whiteout", "opaque" (a directory that
        hides what is below), "hidden" (a file that something above hides).
    ax : Axes, optional

    Raises
    ------
    InvalidInput
        No layers, or an unknown mark.

    Examples
    --------
    >>> panel = layer_stack([("upper", {"app.db": "copy-up", "old.log": "whiteout"}),
    ...                      ("lower", {"app.db": "hidden", "old.log": "hidden", "etc": "file"})])
    >>> len(panel.patches)                               # 2 + 3 cells, one arrow
    6
    """
    paths = sorted({path for _, files in layers for path in files})
    if not paths:
        raise InvalidInput("no layers with files: nothing to draw")
    ax = axes_or_new(ax, max(2 + 1.15 * len(paths), 6.5), 1.2 + 0.55 * len(layers))
    for y, (_, files) in enumerate(layers):
        ax.axhline(-y, color="#DDDDDD", linewidth=0.8, zorder=0)
        for path, mark in files.items():
            _file(ax, paths.index(path), -y, path, mark)
            if mark == "copy-up":
                _copy_up(ax, layers, path, paths.index(path), y)
    bare(ax, "Layers, the topmost first")
    ax.set_xticks([x + _HALF for x in range(len(paths))], paths, fontsize=SMALL, rotation=20, ha="right")
    ax.set_yticks([_HALF - y for y in range(len(layers))], [name for name, _ in layers], fontsize=SMALL + 1)
    ax.tick_params(length=0)
    ax.set_xlim(-0.1, len(paths) + 0.1)
    ax.set_ylim(1 - len(layers), 1)
    describe(
        ax,
        {
            name: ", ".join(f"{path} {_MARKS[mark][2]}" for path, mark in files.items()) or "nothing"
            for name, files in layers
        },
    )
    present = {mark for _, files in layers for mark in files.values()}
    legend_above(
        ax,
        [
            Patch(facecolor=colour, hatch=hatch, edgecolor=PALE, label=word)
            for mark, (colour, hatch, word) in _MARKS.items()
            if mark in present
        ],
    )
    return ax


def _file(ax: Axes, x: int, y: int, path: str, mark: str) -> None:
    if mark not in _MARKS:
        raise InvalidInput(f"{mark!r} is no mark: {', '.join(LAYER_MARKS)}", path)
    colour, hatch, word = _MARKS[mark]
    ax.add_patch(
        Rectangle(
            (x + 0.06, y + 0.14),
            0.88,
            0.72,
            facecolor=colour,
            hatch=hatch,
            edgecolor=PALE,
            zorder=1,
            linestyle=":" if mark == "hidden" else "-",
        )
    )
    ax.text(
        x + _HALF,
        y + _HALF,
        word.removesuffix(" directory"),
        ha="center",
        va="center",
        fontsize=SMALL - 1,
        zorder=3,
        color="white" if mark == "whiteout" else PALE if mark == "hidden" else INK,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1} if hatch else None,
    )


def _copy_up(ax: Axes, layers: Sequence[tuple[str, Mapping[str, str]]], path: str, x: int, y: int) -> None:
    sources = ("file", "hidden", "copy-up")
    below = [depth for depth in range(y + 1, len(layers)) if layers[depth][1].get(path) in sources]
    if below:
        ax.add_patch(
            FancyArrowPatch(
                (x + 0.84, _HALF - below[0]),
                (x + 0.84, _HALF - y - 0.2),
                arrowstyle="-|>",
                mutation_scale=12,
                color=INK,
                linewidth=1.4,
                zorder=4,
            )
        )
