"""Unions with one bug each, and the right one that they derive from."""

from snapsim.testing import Union


class Right(Union):
    def read(self, name):
        found = next((layer[name] for layer in (self.upper, *reversed(self.lowers)) if name in layer), None)
        if found is None:
            raise FileNotFoundError(name)
        return found

    def write(self, name, offset, data):
        old = self.read(name) if name in self.names() else b""
        if name not in self.upper:
            self.copy_up(name, old)
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]

    def copy_up(self, name, old):
        self.copied += len(old)

    def unlink(self, name):
        self.read(name)
        self.upper.pop(name, None)
        if any(name in layer for layer in self.lowers):
            self.upper[name] = None

    def names(self):
        seen = {}
        for layer in (*self.lowers, self.upper):
            seen.update(layer)
        return sorted(name for name in seen if seen[name] is not None)


class LowestWins(Right):
    def read(self, name):
        found = next((layer[name] for layer in (self.upper, *self.lowers) if name in layer), None)
        if found is None:
            raise FileNotFoundError(name)
        return found


class NoWhiteout(Right):
    def unlink(self, name):
        self.read(name)
        self.upper.pop(name, None)


class WhiteoutIsListed(Right):
    def names(self):
        return sorted({name for layer in (*self.lowers, self.upper) for name in layer})


class WritesTheLowerLayer(Right):
    def write(self, name, offset, data):
        super().write(name, offset, data)
        for layer in self.lowers:
            if name in layer:
                layer[name] = self.upper[name]


class CopiesUpAgain(Right):
    def write(self, name, offset, data):
        old = self.read(name) if name in self.names() else b""
        self.copied += len(old) if any(name in layer for layer in self.lowers) else 0
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]


class CountsNothing(Right):
    def copy_up(self, name, old):
        pass


class CopiesUpABlockOnly(Right):
    def write(self, name, offset, data):
        old = self.upper.get(name) or b""
        self.copy_up(name, data)
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]


class WhiteoutForEverything(Right):
    def unlink(self, name):
        self.read(name)
        self.upper[name] = None


class DeletesWhatIsNotThere(Right):
    def unlink(self, name):
        if name in self.names():
            super().unlink(name)


class DeletedContentComesBack(Right):
    def write(self, name, offset, data):
        if self.upper.get(name, b"") is None:
            old = next(layer[name] for layer in self.lowers if name in layer) or b""
            self.upper[name] = old[:offset] + data + old[offset + len(data) :]
        else:
            super().write(name, offset, data)


class Hangs(Right):
    def unlink(self, name):
        while name in self.names():
            pass


class Raises(Right):
    def names(self):
        return sorted(self.upper | self.lowers[0])


class UpperIsDroppedWhenEqual(Right):
    """What is written and equal to what is below is not kept."""

    def write(self, name, offset, data):
        super().write(name, offset, data)
        if self.upper[name] in [layer.get(name) for layer in self.lowers]:
            del self.upper[name]


class LongFilesAreCut(Right):
    def write(self, name, offset, data):
        super().write(name, offset, data)
        self.upper[name] = self.upper[name][:8]


class TwoLowersOnly(Right):
    """Looks into the two highest lower layers."""

    def read(self, name):
        found = next((layer[name] for layer in (self.upper, *self.lowers[:-3:-1]) if name in layer), None)
        if found is None:
            raise FileNotFoundError(name)
        return found


class WhiteoutOfTheMiddleForgotten(Right):
    """A whiteout counts in the highest lower layer alone: below it the file comes back."""

    def read(self, name):
        places = [self.upper, *self.lowers[-1:], *reversed(self.lowers[:-1])]
        for number, layer in enumerate(places):
            if layer.get(name) is not None:
                return layer[name]
            if name in layer and number < 2:
                break
        raise FileNotFoundError(name)

    def names(self):
        return sorted(
            name for name in {name for layer in (*self.lowers, self.upper) for name in layer} if self._has(name)
        )

    def _has(self, name):
        try:
            return self.read(name) is not None
        except FileNotFoundError:
            return False


class CopiesUpFromTheTopLayerOnly(Right):
    """A file of a third layer is not counted as copied."""

    def copy_up(self, name, old):
        self.copied += len(old) if any(name in layer for layer in self.lowers[-2:]) else 0


BUGS = (
    LowestWins,
    NoWhiteout,
    WhiteoutIsListed,
    WritesTheLowerLayer,
    CopiesUpAgain,
    CountsNothing,
    CopiesUpABlockOnly,
    WhiteoutForEverything,
    DeletesWhatIsNotThere,
    DeletedContentComesBack,
    Hangs,
    Raises,
    UpperIsDroppedWhenEqual,
    LongFilesAreCut,
    TwoLowersOnly,
    WhiteoutOfTheMiddleForgotten,
    CopiesUpFromTheTopLayerOnly,
)
