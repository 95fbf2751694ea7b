"""What is seen of the layers of a driver: their files, and what the driver says about them.

LEAVES OUT: comparing after every step (`driver_layers`, `driver_books`); this looks once, when something has failed.
"""

from typing import Any

from snapsim.testing.drivers.archives import allowing, expected_after
from snapsim.testing.drivers.flat_changes import flat_changes, size_bounds
from snapsim.testing.drivers.layers import Layer, Layers
from snapsim.testing.drivers.seen import Seen, difference, expected, fields_in_words, in_words, seen
from snapsim.testing.scene import MISSING, UNREADABLE, Scene, scene_of


class SeenLayers(Layers):
    """Layers that can be looked at, the topmost first."""

    def wanted_scene(self) -> Scene:
        """What each layer should show."""
        return scene_of(
            "path", {layer.id: _words(expected(layer.tree, self.limits)) for layer in reversed(self.layers)}
        )

    def seen_scene(self) -> Scene:
        """What each layer shows and what the driver says of it; of what is wrong, the fields that differ."""
        shown: dict[str, dict[str, str]] = {}
        wrong: dict[str, dict[str, str]] = {}
        for layer in [*([self.sibling] if self.sibling else []), *reversed(self.layers)]:
            shown[layer.id], wrong[layer.id] = self._files(layer)
            for figure, (right, told) in self._figures(layer).items():
                shown[layer.id][figure] = told
                wrong[layer.id].update({figure: right} if right != told else {})
        for row, figure, account, answer in self._accounts():
            shown.setdefault(row, {})[figure] = str(answer)
            wrong.setdefault(row, {})[figure] = str(account)
        return Scene("path", shown, {id: cells for id, cells in wrong.items() if cells})

    def _files(self, layer: Layer) -> tuple[dict[str, str], dict[str, str]]:
        """What is seen at each path, and what should be where that is something else."""
        unpacked, above = layer is self.sibling, layer.parent.tree if layer.parent else None
        wanted = expected_after(layer.tree, above, self.limits) if unpacked else expected(layer.tree, self.limits)
        try:
            with self.driver.mounted(layer.id) as mount:
                mine = seen(mount, wanted)
        except (Exception, SystemExit):  # what is broken may not be looked at
            return dict.fromkeys(_words(wanted), UNREADABLE), {}
        found, wrong = _words(mine), {}
        for path in dict.fromkeys([*wanted, *mine]):
            right, actual = wanted.get(path), mine.get(path)
            if right and actual:
                right = allowing(layer.tree, above, path, right, actual, self.limits) if unpacked else right
                link_space = "link space" in self.limits and right.kind == "directory"
                right = right._replace(mtime=None) if link_space else right
                actual = actual._replace(mtime=None) if right.mtime is None else actual
            expects, shows = difference(right, actual)
            if expects != shows:
                name = path or "/"
                if isinstance(expects, dict) and isinstance(shows, dict):
                    found[name], wrong[name] = fields_in_words(shows), fields_in_words(expects)
                else:
                    wrong[name] = in_words(right) if right else MISSING
        return found, wrong

    def _figures(self, layer: Layer) -> dict[str, tuple[str, str]]:
        """What `diff_size` and `changes` should say of a layer with a parent, and what they say."""
        if layer.parent is None or "diff" in self.limits:
            return {}
        low, high = size_bounds(layer.tree, layer.parent.tree)
        size = self._told("diff_size", layer, layer.parent)
        right = isinstance(size, int) and low <= size <= high
        found = {"diff_size": (str(size) if right else str(low) if low == high else f"{low} to {high}", str(size))}
        if "changes" not in self.limits:
            wanted = sorted(map(str, flat_changes(layer.tree, layer.parent.tree)))
            told = self._told("changes", layer, layer.parent)
            actual = sorted(map(str, told)) if isinstance(told, list) else [UNREADABLE]
            found["changes"] = ", ".join(wanted) or "none", ", ".join(actual) or "none"
        return found

    def _accounts(self) -> list[tuple[str, str, object, object]]:
        """Where the driver's accounts of parents and space are wrong: row, figure, what it should be, what it is."""
        driver, found = self.driver, list[tuple[str, str, object, object]]()
        try:
            parents = {layer.id: layer.parent.id if layer.parent else None for layer in self.layers}
            found += [(id, "parent", parent, driver.parent(id)) for id, parent in parents.items()]
            driver.sync()
            held = {id: set(driver.places(id).tolist()) for id in driver.ids()}
            found.append(("driver", "space", len(set().union(*held.values())) * driver.place_size, driver.space()))
            for id, mine in held.items():
                others = set[int]().union(*(places for other, places in held.items() if other != id))
                found.append((id, "exclusive", len(mine - others) * driver.place_size, driver.usage(id).exclusive))
        except (Exception, SystemExit):  # what is broken may not be asked
            return []
        return [account for account in found if account[2] != account[3]]

    def _told(self, verb: str, layer: Layer, parent: Layer) -> Any:
        try:
            return getattr(self.driver, verb)(layer.id, parent.id)
        except (Exception, SystemExit):  # what is broken may not be asked
            return UNREADABLE


def _words(found: dict[str, Seen]) -> dict[str, str]:
    return {path or "/": in_words(row) for path, row in found.items()}
