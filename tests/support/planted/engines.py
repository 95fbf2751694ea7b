"""Engines with one bug each: snapsim's own on overlay2, and what a student might get wrong about it."""

from snapsim.base.errors import InUse, InvalidInput
from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.docker.image_name import full_name
from snapsim.docker.layer_store import LayerStore
from snapsim.drivers.diff import Change, Diff
from snapsim.drivers.graphdrivers import DRIVERS


class Right(Engine):
    """On overlay2."""

    store = LayerStore

    def __init__(self):
        super().__init__(lambda driver, options: DRIVERS[driver](), DaemonConfig("overlay2"))
        self.home.layers.__class__ = self.store


def with_store(store):
    """An engine whose layer store is of that class."""
    return type(store.__name__, (Right,), {"store": store, "__module__": __name__})


# ---------------------------------------------------------------- the layer store


class NothingIsShared(LayerStore):
    """Every pull unpacks every layer anew."""

    def find(self, diff, parent=None):
        return None

    def register(self, diff, parent=None):
        fresh = self._unpack(diff, parent)
        fresh.chain_id += f" {self._made}"
        self.layers[fresh.chain_id] = fresh
        if parent is not None:
            self.hold(parent)
        return self.hold(fresh)


class ContainersHaveOneLayer(LayerStore):
    """No init layer."""

    def create_read_write(self, id, parent, options=None, init=True):
        super().create_read_write(id, parent, options, init=False)


class TheInitLayerStays(LayerStore):
    def remove_read_write(self, id):
        below = self._below.pop(self._known(id))
        self.driver.remove(id)
        return self.release(below) if below else []


class ReleasesOneLayerOnly(LayerStore):
    """An image's lower layers stay when it goes."""

    def release(self, layer):
        parent, layer.parent = layer.parent, None
        gone = super().release(layer)
        layer.parent = parent
        return gone


class NoLimitOfDepth(LayerStore):
    def register(self, diff, parent=None):
        try:
            return super().register(diff, parent)
        except InvalidInput:
            fresh = self._unpack(diff, parent)
            self.layers[fresh.chain_id] = fresh
            self.hold(parent)
            return self.hold(fresh)


class SizeOfEveryLayerBelow(LayerStore):
    """Counts what the parents brought in each layer again."""

    def _unpack(self, diff, parent):
        layer = super()._unpack(diff, parent)
        layer.size += parent.size if parent else 0
        return layer


class SizeRwWithTheImage(LayerStore):
    """Virtual size where SizeRw is asked for."""

    def size(self, id):
        return super().size(id) + self.size_below(id)


# ---------------------------------------------------------------- the engine


class RemovesImagesInUse(Right):
    """The tag goes, also while a container needs it."""

    def rmi(self, name):
        try:
            return super().rmi(name)
        except InUse:
            return super().rmi(name, force=True)


class RemovesRunningContainers(Right):
    def rm(self, name, force=True):
        super().rm(name, force)


class CommitTakesAnEmptyLayer(Right):
    """Also where nothing changed."""

    def commit_layer(self, id, parent, step):
        diff = self.home.layers.commit(id)
        if diff.entries:
            return super().commit_layer(id, parent, step)
        below = parent.layer if parent else None
        return self.add_image(self.home.layers.register(diff, below), parent.history, parent.id)


class CommitForgetsDeletions(Right):
    def commit_layer(self, id, parent, step):
        store = self.home.layers
        whole = store.commit
        store.commit = lambda id: Diff(tuple(entry for entry in whole(id).entries if "/.wh." not in entry.path))
        try:
            return super().commit_layer(id, parent, step)
        finally:
            del store.commit


class CommitStandsOnNothing(Right):
    """Only the changes are in the image."""

    def commit_layer(self, id, parent, step):
        return super().commit_layer(id, None, step)


class DiffShowsAdditionsOnly(Right):
    def diff(self, name):
        return [change for change in super().diff(name) if change.kind == "A"]


class DiffAgainstTheEmptyTree(Right):
    """Everything that is seen was added."""

    def diff(self, name):
        return [Change("A", change.path) for change in self.driver.changes(self.container(name).id)]


class StopForgetsTheChanges(Right):
    """A container that is started again is as it was made."""

    def stop(self, name):
        super().stop(name)
        box = self.container(name)
        below = self.driver.parent(box.id)
        self.driver.remove(box.id)
        self.driver.create_read_write(box.id, below)


class ContainersShareALayer(Right):
    """The second container of an image is the first one."""

    def start(self, name, attach=False):
        first = min(
            (box for box in self.containers() if box.image_id == self.container(name).image_id),
            key=lambda box: box.created,
        )
        super().start(name, attach)
        return self.driver.get(first.id)


class SizesOfTheHeaders(LayerStore):
    """The recorded size is that of the headers, not what the driver told: links count nothing."""

    def _unpack(self, diff, parent):
        layer = super()._unpack(diff, parent)
        layer.size = diff.tar_size
        return layer


class DeletesWhatLosesItsName(Right):
    """An image whose name is given to another one goes."""

    def _tag(self, image, name):
        old = self.home.images.tags.get(full_name(name))
        super()._tag(image, name)
        found = self.home.images.images.get(old)
        if found is not None and not self.home.images.tags_of(old) and old not in used(self):
            del self.home.images.images[old]
            self.home.layers.release(found.layer)


def used(engine):
    return {box.image_id for box in engine.containers()} | {image.parent for image in engine.images(all=True)}


class OneNameIsAll(Right):
    """With one name of an image all of them go."""

    def rmi(self, name):
        tags = self.home.images.tags
        for other in self.home.images.tags_of(self.image(name).id):
            if other != full_name(name):
                del tags[other]
        return super().rmi(name)


STORES = (
    NothingIsShared,
    ContainersHaveOneLayer,
    TheInitLayerStays,
    ReleasesOneLayerOnly,
    NoLimitOfDepth,
    SizeOfEveryLayerBelow,
    SizeRwWithTheImage,
    SizesOfTheHeaders,
)
BUGS = (
    *map(with_store, STORES),
    RemovesImagesInUse,
    RemovesRunningContainers,
    CommitTakesAnEmptyLayer,
    CommitForgetsDeletions,
    CommitStandsOnNothing,
    DiffShowsAdditionsOnly,
    DiffAgainstTheEmptyTree,
    StopForgetsTheChanges,
    ContainersShareALayer,
    DeletesWhatLosesItsName,
    OneNameIsAll,
)
_PROBED = {
    "NoLimitOfDepth": "at_most_125_layers",
    "SizesOfTheHeaders": "the_size_of_links",
    "DeletesWhatLosesItsName": "an_image_that_loses_its_name",
    "OneNameIsAll": "two_names_of_one_image",
}
PROBED = {bug: _PROBED[bug.__name__] for bug in BUGS if bug.__name__ in _PROBED}
"""Found by a probe alone, the one that is named: no list of operations says so."""
