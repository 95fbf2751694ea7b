"""What a submission made, as the judge sees it: volumes and unions whose methods run in the submission's process.

To the kit they are volumes and unions like any other. Each call is a message (`session`), and what comes back is plain
data: exact numbers, bytes, and text. So no value of the submission is in the judge's process that could say that it is
equal to everything, and nothing of the judge is in the submission's.

What a submission does to its devices comes back with each answer and is counted again here, on devices that hold no
contents: a bill is what was asked of devices, wherever they are.

What it leaves out: a submission that keeps its data elsewhere than on its devices; no judge can tell.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from snapsim.base import errors
from snapsim.base.errors import InvalidInput, NoSpace, SnapsimError
from snapsim.block.device import BlockDevice, IOCounts
from snapsim.block.volume import Usage, Volume
from snapsim.course.exercises.session import Session
from snapsim.testing import Union
from snapsim.testing.failure import Broken
from snapsim.testing.isolation import FORM, GOES_ON, Stopped
from snapsim.testing.wire import Garbled, as_text, decode, encode

_MOST_BLOCKS, _GENERATIONS = 1 << 24, 5
_OPERATIONS = ("read", "write", "discard")


class Remote:
    """All that one process of a submission made, by the numbers that it gave.

    Parameters
    ----------
    session : Session
    kind : type
        Of what `make` gives.
    """

    def __init__(self, session: Session, kind: "type[Any]") -> None:
        self.session, self.kind, self.process = session, kind, session.number
        self._objects: dict[int, Any] = {}
        self._made: list[list[int]] = [[]]
        self._dropped: list[int] = []

    def call(self, of: int, verb: str, *arguments: Any) -> Any:
        """Have a method called; raises what it raises there, as the contract names it."""
        if self.session.ready() != self.process:  # that process is gone, and with it what it made
            self._objects, self._made, self._dropped = {}, [[]], []
            self.process = self.session.number
            if of:
                raise Stopped(GOES_ON, "an answer", "the process of an earlier call is gone")
        if verb == "make":
            self._next_generation()
        sent = [{"object": part._number} if isinstance(part, (RemoteVolume, RemoteUnion)) else encode(part)
                for part in arguments]  # fmt: skip
        message = {"call": verb, "of": of, "with": sent, "drop": self._dropped}
        self._dropped = []
        told = self.session.exchange(message)
        try:
            self._learn(told)
            if "raised" in told:
                raise exception(told["raised"])
            value = told["value"]
            if isinstance(value, dict) and "object" in value:
                return self._object(int(value["object"]))
            return text_of(decode(value))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError, Garbled) as error:
            if isinstance(error, SnapsimError):
                raise
            raise Stopped(FORM, "an answer", as_text(f"{type(error).__name__}: {error}", 200)) from None

    def _learn(self, told: dict[str, Any]) -> None:
        """What is new of each object, and what was done to the devices."""
        for number, state in told.get("news", ()):
            thing = self._object(number, "name" in state)
            if isinstance(thing, Mirror):
                thing.become(decode(state["size"]), decode(state["block_size"]), decode(state["name"]))
                continue
            known = vars(thing)
            for name, value in state.items():
                if name in ("family", "devices"):
                    devices = name == "devices"
                    known[name] = [self._object(int(other), devices) for other in value]
                elif name == "origin":
                    known[name] = None if value is None else self._object(int(value))
                else:
                    known[name] = text_of(decode(value))
            if "devices" in known:
                known["devices"] = tuple(known["devices"])
        for number, cells in told.get("born", ()):
            self._object(number, True).begin(decode(cells))
        for number, operation, first, length, purpose, size in told.get("io", ()):
            self._object(number, True).note(str(operation), int(first), int(length), as_text(purpose, 40), int(size))

    def _object(self, number: int, device: bool = False) -> Any:
        if number not in self._objects:
            thing = Mirror() if device else object.__new__(self.kind)
            if not device:
                vars(thing).update(_remote=self, _number=number)
            self._objects[number] = thing
            self._made[-1].append(number)
        return self._objects[number]

    def _next_generation(self) -> None:
        """What was made before the last few fresh volumes or unions is not asked again: the kit looks at one a time."""
        self._made.append([])
        if len(self._made) > _GENERATIONS:
            for number in self._made.pop(0):
                del self._objects[number]
                self._dropped.append(number)


def exception(told: Mapping[str, Any]) -> BaseException:
    """The exception that a submission raised: one of the contract by its class, any other as a broken promise."""
    said, where = as_text(told["said"]), as_text(told["where"])
    for name in told["kinds"]:
        kind = getattr(errors, str(name), None)
        if kind is NoSpace:
            return _with_place(NoSpace(said, int(decode(told["done"]))), where)
        if isinstance(kind, type) and issubclass(kind, SnapsimError):
            return _with_place(kind(said), where)
        if name == "FileNotFoundError":
            return _with_place(FileNotFoundError(said), where)
    told_where = f" ({where})" if where else ""
    return Broken("no exception but those of the contract", "no exception", f"{as_text(told['last'])}{told_where}")


def _with_place(error: BaseException, where: str) -> BaseException:
    error.where = where  # type: ignore[attr-defined]
    return error


def text_of(value: Any) -> Any:
    """The same, its text on one line and without what harms a terminal."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, list):
        return [text_of(part) for part in value]
    if isinstance(value, tuple):
        return tuple(map(text_of, value))
    if isinstance(value, dict):
        return {text_of(key): text_of(part) for key, part in value.items()}
    return value


class Mirror(BlockDevice):
    """A device of the submission, as its bill goes: it counts, and holds no contents."""

    def __init__(self) -> None:
        super().__init__(0)

    def become(self, size: Any, block_size: Any, name: Any) -> None:
        """What it is."""
        if not (type(size) is int and type(block_size) is int and 0 <= size <= _MOST_BLOCKS and block_size > 0):
            raise ValueError(f"a device of {size!r} blocks of {block_size!r} bytes")
        self.size, self.block_size, self.name = size, block_size, as_text(name, 60)

    def begin(self, cells: Mapping[str, Any]) -> None:
        """What was counted before anybody looked."""
        for name, (requests, size) in cells.items():
            self._tally[as_text(name, 60)] = [int(requests), int(size)]

    def note(self, operation: str, first: int, length: int, purpose: str, size: int) -> None:
        """One request."""
        if operation not in _OPERATIONS or first < 0 or length < 1:
            raise ValueError(f"{operation} of {length} blocks from {first} on")
        self._count(operation, slice(first, first + length), purpose, "", size)


class RemoteVolume(Volume):
    """A volume of the submission; what is not here is as the contract has it."""

    _remote: Remote
    _number: int
    inherits: tuple[str, ...] = ()

    def _call(self, verb: str, *arguments: Any) -> Any:
        return self._remote.call(self._number, verb, *arguments)

    def read(self, blocks: Any) -> Any:
        """As of a volume; a list where the submission gives one."""
        return self._call("read", blocks)

    def write(self, blocks: Any, data: Any = None) -> None:
        """As of a volume."""
        self._call("write", blocks, data)

    def discard(self, blocks: Any) -> None:
        """As of a volume."""
        self._call("discard", blocks)

    def snapshot(self) -> Any:
        """As of a volume."""
        return self._call("snapshot")

    def clone(self) -> Any:
        """As of a volume."""
        return self._call("clone")

    def delete(self) -> None:
        """As of a volume."""
        self._call("delete")

    def rollback(self, snapshot: Volume) -> None:
        """As of a volume."""
        self._call("rollback", snapshot)

    def flush(self) -> None:
        """As of a volume."""
        self._call("flush")

    def drop_caches(self) -> None:
        """As of a volume."""
        self._call("drop_caches")

    def places(self) -> Any:
        """As of a volume."""
        return super().places() if "places" in self.inherits else np.asarray(self._call("places"), np.int64)

    def allocated(self) -> int:
        """As of a volume."""
        return super().allocated() if "allocated" in self.inherits else int(self._call("allocated"))

    def usage(self) -> Usage:
        """As of a volume."""
        return super().usage() if "usage" in self.inherits else Usage(*self._call("usage"))

    @property
    def place_size(self) -> int:
        """As of a volume."""
        return int(self._call("place_size"))

    def _read(self, asked: Any) -> Any:
        raise AssertionError("it is read where it is")

    def _write(self, asked: Any, stamps: Any) -> None:
        raise AssertionError("it is written where it is")

    def _snapshot(self) -> Volume:
        raise AssertionError("its snapshots are taken where it is")


class RemoteUnion(Union):
    """A union of the submission."""

    _remote: Remote
    _number: int

    def __new__(cls, lowers: Any = None) -> Any:
        """A fresh one over these layers; none is made for something that is there already."""
        if lowers is None:
            return super().__new__(cls)
        return cls._of.call(0, "make", list(lowers))

    _of: Remote

    def __init__(self, lowers: Any = None) -> None:
        pass

    def read(self, name: str) -> Any:
        """As of a union."""
        return self._remote.call(self._number, "read", name)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """As of a union."""
        self._remote.call(self._number, "write", name, offset, data)

    def unlink(self, name: str) -> None:
        """As of a union."""
        self._remote.call(self._number, "unlink", name)

    def names(self) -> Any:
        """As of a union."""
        return self._remote.call(self._number, "names")


def remote_class(session: Session, name: str, contract: str) -> type[Any]:
    """The class that was handed in, as the judge sees it."""

    def new(kind: type[Any], size: int, block_size: int = 4096, chunk_size: int | None = None) -> Any:
        return kind._of.call(0, "make", size, block_size, chunk_size)

    base: type[Any] = {"Volume": RemoteVolume, "Union": RemoteUnion}[contract]
    more = {"new": classmethod(new)} if contract == "Volume" else {}
    made: Any = type(name if name.isidentifier() else "Submission", (base,), {**more, "__module__": "submission"})
    made._of = Remote(session, made)
    return cast(type[Any], made)


# ---------------------------------------------------------------- tests, whose volumes are here

_VERBS: Mapping[str, Callable[..., Any]] = {
    verb: getattr(Volume, verb)
    for verb in (
        "read",
        "write",
        "discard",
        "snapshot",
        "clone",
        "delete",
        "rollback",
        "flush",
        "drop_caches",
        "usage",
        "places",
        "allocated",
    )
}
_ASKED = ("size", "block_size", "chunk_size", "chunk_blocks", "read_only", "deleted", "limits", "place_size")
MOST_VOLUMES, LARGEST = 20_000, 1 << 16


class Desk:
    """Volumes for a test: it knows them by numbers, and what it asks is carried out here.

    Parameters
    ----------
    make : callable
        ``make(size, chunk_blocks=1)`` gives a fresh volume.
    """

    def __init__(self, make: Callable[..., Volume]) -> None:
        self._make = make
        self._volumes: list[Volume] = []
        self._numbers: dict[int, int] = {}

    def serve(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a message of `snapsim.course.exercises.judges_volume.Judge`, both in terms of JSON."""
        try:
            return {"value": self._value(self._carried_out(message))}
        except Exception as error:  # a volume with a bug may raise anything
            return {"raised": {"kind": type(error).__name__, "said": as_text(error)}}

    def _carried_out(self, message: Mapping[str, Any]) -> Any:
        verb, of, arguments = message.get("ask"), message.get("of"), message.get("with")
        arguments = decode(arguments if isinstance(arguments, list) else [])
        if verb == "make":
            if len(self._volumes) >= MOST_VOLUMES:
                raise InvalidInput(f"{MOST_VOLUMES} volumes were made already")
            if any(type(part) is not int or part > LARGEST for part in arguments):
                raise InvalidInput(f"{arguments} are not allowed: whole numbers up to {LARGEST}")
            return self._make(*arguments)
        if type(of) is not int or not 1 <= of <= len(self._volumes):
            raise InvalidInput(f"{of!r} is no volume")
        volume = self._volumes[of - 1]
        if verb == "counts":
            return sum((device.counts for device in volume.devices), IOCounts()).cells()
        if verb in ("origin", "family") or verb in _ASKED:
            return getattr(volume, str(verb))
        if verb not in _VERBS:
            raise InvalidInput(f"{verb!r} is no verb of a volume")
        if verb == "rollback":
            arguments = [self._volumes[int(part) - 1] for part in arguments]
        return getattr(volume, str(verb))(*arguments)

    def _value(self, value: Any) -> Any:
        if isinstance(value, Volume):
            return {"object": self._number(value)}
        if isinstance(value, list) and value and isinstance(value[0], Volume):
            return {"objects": [self._number(each) for each in value]}
        return encode(tuple(value) if isinstance(value, Usage) else value)

    def _number(self, volume: Volume) -> int:
        if id(volume) not in self._numbers:
            self._volumes.append(volume)  # held, so that no other gets its id
            self._numbers[id(volume)] = len(self._volumes)
        return self._numbers[id(volume)]
