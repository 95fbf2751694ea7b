"""The picture of the house, from the imports as they stand: ``make picture`` writes docs/images/house.svg.

A box is a package, with the first sentence of its docstring; an arrow says that one imports the other. Arrows that
follow from others (a imports b, b imports c, a imports c as well) are left out.
"""

import ast
import textwrap
from html import escape

from places import DOCS, ROOT

PACKAGE = ROOT / "snapsim"
PICTURE = DOCS / "images" / "house.svg"
WIDTH, HEIGHT, GAP, MARGIN = 1080, 58, 34, 24


def imported(package):
    """The packages that a package imports, at any place of its files."""
    found = set()
    for path in sorted((PACKAGE / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snapsim."):
                found.add(node.module.split(".")[1])
            elif isinstance(node, ast.ImportFrom) and node.module == "snapsim":
                found.update(alias.name for alias in node.names if (PACKAGE / alias.name).is_dir())
    return found - {package}


def arrows(order):
    """(from, to) for each import between packages, without those that follow from others."""
    graph = {name: imported(name) for row in order for name in row}

    def reach(name, seen):
        for target in graph[name]:
            if target not in seen:
                seen.add(target)
                reach(target, seen)
        return seen

    kept = []
    for name, targets in sorted(graph.items()):
        for target in sorted(targets):
            others = [reach(other, set()) for other in targets - {target}]
            if not any(target in found for found in others):
                kept.append((name, target))
    return kept


def summary(package):
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").rstrip(".")


def drawn(order):
    """The picture as SVG."""
    places, parts = {}, []
    height = 2 * MARGIN + len(order) * (HEIGHT + GAP) - GAP
    for number, row in enumerate(reversed(order)):
        top = MARGIN + number * (HEIGHT + GAP)
        parts.append(f'<text class="row" x="{MARGIN}" y="{top + HEIGHT / 2 + 5}">{len(order) - 1 - number}</text>')
        wide = (WIDTH - 3 * MARGIN - 20 * (len(row) - 1)) / len(row)
        for place, name in enumerate(sorted(row)):
            left = 2 * MARGIN + place * (wide + 20)
            places[name] = (left + wide / 2, top)
            lines = textwrap.wrap(summary(name), int(wide / 6.6))[:2]
            parts.append(f'<rect x="{left:.0f}" y="{top}" width="{wide:.0f}" height="{HEIGHT}" rx="6"/>')
            parts.append(f'<text class="name" x="{left + 12:.0f}" y="{top + 19}">{name}</text>')
            parts += [
                f'<text x="{left + 12:.0f}" y="{top + 35 + 15 * n}">{escape(line)}</text>'
                for n, line in enumerate(lines)
            ]
    leaving = {}
    for upper, lower in arrows(order):
        leaving.setdefault(upper, []).append(lower)
    for upper, targets in leaving.items():
        for n, lower in enumerate(sorted(targets, key=lambda name: places[name][0])):
            x, y = places[upper][0] + 26 * (n - (len(targets) - 1) / 2), places[upper][1] + HEIGHT
            end_x, end_y = places[lower][0] + (x - places[lower][0]) * 0.2, places[lower][1] - 2
            parts.append(f'<path d="M{x:.0f},{y} L{end_x:.0f},{end_y}" marker-end="url(#tip)"/>')
    title = "The packages of snapsim: each imports from lower rows only"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{title}</title>",
            "<desc>" + escape("; ".join(f"{a} imports {b}" for a, b in arrows(order))) + "</desc>",
            "<style>text{font:12px sans-serif;fill:#222}.name{font-weight:bold;font-size:15px}.row{fill:#767676}"
            "rect{fill:#f4f8fb;stroke:#0072b2}path{stroke:#555;fill:none}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0,0 L8,4 L0,8 z" style="fill:#555"/></marker></defs>',
            f'<rect x="0" y="0" width="{WIDTH}" height="{height}" style="fill:white;stroke:none"/>',
            *parts,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(ROOT / "tests" / "house"))
    from test_levels import ORDER

    PICTURE.write_text(drawn(ORDER), encoding="utf-8")
