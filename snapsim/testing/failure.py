"""Failures are data: what broke, the operations that lead there, and what was expected; and the report of a check.

Nothing here knows whether a volume or a driver failed.

LEAVES OUT: pictures (`snapsim.show.plots` draws a failure).
"""

import base64
import html
import io
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from snapsim.stories.story import Story
from snapsim.testing.counter_example import story_of
from snapsim.testing.scene import Scene
from snapsim.testing.wire import as_text

if TYPE_CHECKING:
    from snapsim.show.player import Player

_LINES = 12
"""Lines of a difference that a report prints."""


def plain(value: Any) -> Any:
    """The value in terms of JSON: numbers, text, lists and objects.

    Examples
    --------
    >>> plain((np.uint64(3), range(0, 2), {0: None}, ValueError("no")))
    [3, '0:2', {'0': None}, "ValueError('no')"]
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, range):
        return f"{value.start}:{value.stop}"
    if isinstance(value, Scene):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return repr(value)


class Broken(Exception):
    """A promise that does not hold; raised inside the kit and turned into a `Failure`.

    Parameters
    ----------
    promise : str
        What should hold, in words.
    expected, actual : object
        What was wanted, and what came.
    call : str
        The expression that shows it, where there is one.
    """

    def __init__(self, promise: str, expected: Any, actual: Any, call: str = "") -> None:
        super().__init__(f"{promise}: expected {plain(expected)}, got {plain(actual)}")
        self.promise, self.expected, self.actual, self.call = promise, plain(expected), plain(actual), call


def same(promise: str, expected: Any, actual: Any, call: str = "") -> None:
    """Raise `Broken`, with these, unless the two are equal, whatever the second one says of that itself."""
    if expected != exact(actual):
        raise Broken(promise, expected, actual, call)


def exact(value: Any) -> Any:
    """The value in Python's and NumPy's own types, so that no code of whoever made it decides what it is equal to.

    A number of a class of its own becomes the number, a list the list; what is compared by such code becomes its text.

    Examples
    --------
    >>> class Equal(int):
    ...     def __eq__(self, other): return True
    ...     __hash__ = int.__hash__
    >>> [Equal(3)] == [7], exact([Equal(3)]) == [7], exact([Equal(3)])
    (True, False, [3])
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes) or _is_trusted(kind):
        return value
    if isinstance(value, np.ndarray):
        return np.ndarray.view(value, np.ndarray)
    for own, made in _EXACT.items():
        if issubclass(kind, own):
            return made(value)
    compares: Any = kind.__eq__
    return value if compares is object.__eq__ else as_text(object.__repr__(value))


def _is_trusted(kind: type) -> bool:
    """Whether a class really is one of snapsim or of NumPy, whatever it calls itself, and no array or container."""
    module = kind.__module__
    if module.partition(".")[0] not in ("snapsim", "numpy") or issubclass(kind, np.ndarray | list | dict):
        return False
    return getattr(sys.modules.get(module), kind.__qualname__, None) is kind


_EXACT: Mapping[type, Callable[[Any], Any]] = MappingProxyType(
    {
        int: lambda value: int.__add__(value, 0),
        float: lambda value: float.__add__(value, 0.0),
        str: str.__str__,
        bytes: lambda value: bytes(memoryview(value)),
        bytearray: lambda value: bytes(memoryview(value)),
        list: lambda value: [exact(part) for part in list.__iter__(value)],
        tuple: lambda value: tuple(exact(part) for part in tuple.__iter__(value)),
        set: lambda value: {exact(part) for part in set.__iter__(value)},
        frozenset: lambda value: frozenset(exact(part) for part in frozenset.__iter__(value)),
        dict: lambda value: {exact(key): exact(part) for key, part in dict.items(value)},
    }
)


def broken_by(error: BaseException, call: str = "") -> Broken:
    """The error if it is a `Broken`; else one of an exception that nobody expected: its last line, and where it arose.

    `call` is the expression that raised it, where a look did.

    Examples
    --------
    >>> broken_by(Broken("a write is read", 7, 0)).promise, broken_by(KeyError("x")).actual
    ('a write is read', "KeyError: 'x'")
    """
    if isinstance(error, Broken):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""
    place = getattr(error, "where", place)  # of an exception that arose in another process
    where = f" ({as_text(place)})" if place else ""
    last = as_text(_last_line(error))
    return Broken("no exception but those of the contract", "no exception", f"{last}{where}", call)


def _last_line(error: BaseException) -> str:
    """Its class and its text; the text is code of whoever wrote the class, and may fail."""
    try:
        return traceback.format_exception_only(error)[-1].strip()
    except Exception:
        return type(error).__name__


class Played(NamedTuple):
    """Before an operation: how many lines of the program were done, and what was to be seen."""

    lines: int
    scene: Scene


@dataclass(frozen=True)
class Failure:
    """A counter-example.

    Attributes
    ----------
    mechanism : str
        Whose.
    promise : str
        What broke, in words.
    operations : tuple
        The operations, from a fresh volume or driver on; as few as were found.
    step : int
        Index of the operation at which it showed.
    expected, actual : object
        In terms of JSON.
    program : tuple of str
        The same as lines of Python, with the names and numbers that were used.
    call : str
        The expression that shows it after the program; empty if the last line itself fails.
    behaviour : str
        The named behaviour that was checked; empty if a search found it.
    before, after : Scene or None
        What was seen before that step, and after it; None where no list was played.
    played : tuple of Played
        One for each operation, the scene being what was right until then; empty where no list was played.

    Examples
    --------
    >>> print(Failure("Mine", "a snapshot keeps its content", (), 1, 0, 7,
    ...               ("v0 = Mine.new(1)", "v1 = v0.snapshot()", "v0.write(0, 7)"), "v1.read(0)"))
    # Mine: a snapshot keeps its content
    v0 = Mine.new(1)
    v1 = v0.snapshot()
    v0.write(0, 7)
    print(v1.read(0))  # expected 0, got 7
    """

    mechanism: str
    promise: str
    operations: tuple[Any, ...]
    step: int
    expected: Any
    actual: Any
    program: tuple[str, ...] = ()
    call: str = ""
    behaviour: str = ""
    before: Scene | None = None
    after: Scene | None = None
    played: tuple[Played, ...] = ()

    @property
    def difference(self) -> tuple[str, ...]:
        """Which blocks or paths differ after the failing step, and how: a line for each."""
        return self.after.lines() if self.after else ()

    @property
    def failing_step(self) -> str:
        """The number of the step that broke, counted from 1, and the line of the program that does it."""
        what = self.program[-1] if self.program else self.operations[self.step] if self.operations else ""
        return f"{self.step + 1} of {len(self.operations)}: {what}" if self.operations else ""

    def __str__(self) -> str:
        head = f"# {self.mechanism}: {self.promise}" + (f" ({self.behaviour})" if self.behaviour else "")
        expected, actual = self.expected, self.actual
        if str(expected) == str(actual):  # 1 and "1" do not look alike then
            expected, actual = repr(expected), repr(actual)
        verdict = f"# expected {expected}, got {actual}"
        return "\n".join([head, *self.program, f"print({self.call})  {verdict}" if self.call else verdict])

    def plot(self, ax: Any = None) -> Any:
        """The same as a picture: before and after the failing step, what is wrong marked."""
        from snapsim.show import plots as plot

        return plot.failure(self, ax)

    def story(self) -> Story:
        """The same as a story to step through: what was right before each operation, and what was wrong after the last.

        Raises
        ------
        InvalidInput
            No list of operations was played.
        """
        return story_of(self)

    def play(self) -> "Player":
        """Step through it: a widget in a notebook, a page with ``.save("failure.html")``."""
        from snapsim.show.player import Player

        return Player([self.story()])

    def _repr_html_(self) -> str:
        """What a notebook shows: the program, and the picture where there is something to draw."""
        return f"<pre>{html.escape(str(self))}</pre>" + (_picture(self.plot()) if self.operations else "")

    def to_dict(self) -> dict[str, Any]:
        """The same in terms of JSON."""
        operations = [{key: plain(value) for key, value in op._asdict().items()} for op in self.operations]
        rest = {
            name: plain(getattr(self, name))
            for name in self.__dataclass_fields__
            if name not in ("operations", "played")
        }
        return {**rest, "operations": operations}


def _picture(axes: Any) -> str:
    page = io.BytesIO()
    axes.figure.savefig(page, format="png", dpi=100, bbox_inches="tight")
    data = base64.b64encode(page.getvalue()).decode()
    return f'<img alt="{html.escape(axes.figure.alt_text())}" src="data:image/png;base64,{data}">'


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    mechanism : str
        Whose.
    passed : tuple of str
        The behaviours that hold.
    failures : tuple of Failure
        At most one for each behaviour.
    skipped : mapping of str to str
        What could not be told, with the reason.
    examples : int
        Lists of operations that were played.
    coverage : mapping of (str, str) to int
        How often each verb was played, by what it met: ("write", "a snapshot").
    unreached : tuple of (str, str)
        What the pack could have reached with these verbs and did not.

    Examples
    --------
    >>> print(Report("Mine", ("a", "b"), (), {"clone": "not part of it"}, 7))
    Mine: passes 2 of 2 (7 lists of operations)
    skipped clone: not part of it
    """

    mechanism: str
    passed: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    examples: int = 0
    coverage: Mapping[tuple[str, str], int] = field(default_factory=dict, compare=False)
    unreached: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def shortest(self) -> Failure | None:
        """The failure with the fewest operations."""
        return min(self.failures, key=lambda failure: len(failure.operations) or 99, default=None)

    def __str__(self) -> str:
        total = len(self.passed) + len(self.failures)
        lines = [f"{self.mechanism}: passes {len(self.passed)} of {total} ({self.examples} lists of operations)"]
        reasons = dict.fromkeys(self.skipped.values())
        lines += [
            f"skipped {', '.join(what for what in self.skipped if self.skipped[what] == why)}: {why}" for why in reasons
        ]
        if self.unreached and not self.failures:
            shown = [f"{verb} on {state}" for verb, state in self.unreached[:_LINES]]
            shown += [f"and {len(self.unreached) - _LINES} more"] if len(self.unreached) > _LINES else []
            lines += [f"never reached: {'; '.join(shown)}"]
        if self.shortest:
            lines += [f"failed {failure.behaviour}: {failure.promise}" for failure in self.failures]
            lines += ["the shortest counter-example:", str(self.shortest)]
            lines += [f"first failing step: {self.shortest.failing_step}"] if self.shortest.operations else []
            lines += ["what differs then:", *_cut(self.shortest.difference)] if self.shortest.difference else []
        return "\n".join(lines)


def _cut(lines: tuple[str, ...]) -> list[str]:
    """Indented, and no more than can be read."""
    more = [f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    return [f"  {line}" for line in (*lines[:_LINES], *more)]


class CheckFailed(AssertionError):
    """A check that found failures; `report` has them all, `failure` the shortest."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report
        self.failure = report.shortest
