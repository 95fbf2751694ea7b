"""THE CONTRACT of worksheet problems: a topic makes a draft from dice, and the draft knows its answers.

A problem is named by topic, seed, level, direction and `VERSION`; whoever has these five makes the same problem and
the same answers, on every machine, so no secret is stored anywhere. Answers come from the models, by playing what the
problem tells.

Three directions: *state* (what happened is told, figures are asked for), *operations* (a state is told, a list that
leads there is asked for; any that does is right), *mistake* (a solved problem with one wrong line).

What it leaves out: making a problem of a name (`problems`), printing it (`quiz_sheet`), judging answers (`grading`).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.splitmix import SplitMix64

VERSION = 1
"""Of the problems: a change of what a seed gives is a new version."""
LEVELS = (1, 2, 3)
DIRECTIONS = ("state", "operations", "mistake")

Answer = int | str | tuple[Any, ...] | frozenset[str]
"""A number, a word, a list in order, or names in any order."""


class Dice:
    """Random choices that are the same everywhere (`splitmix`)."""

    def __init__(self, *name: object) -> None:
        digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
        self._stream = SplitMix64(int.from_bytes(digest[:8], "big"))

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._stream.below(high - low + 1, 1)[0])

    def pick(self, among: Sequence[Any]) -> Any:
        """One of them."""
        return among[self.between(0, len(among) - 1)]

    def some(self, among: Sequence[Any], count: int) -> list[Any]:
        """So many different ones, in random order."""
        return [among[number] for number in self._stream.distinct(len(among), count)]

    def chance(self, percent: int) -> bool:
        """True so many times in a hundred."""
        return self.between(0, 99) < percent


@dataclass(frozen=True)
class Question:
    """One line of a problem.

    Attributes
    ----------
    prompt : str
    answer : int, str, tuple or frozenset
    traps : mapping
        Wrong answers to which a known mistake leads, and what to say to each.
    """

    prompt: str
    answer: Answer
    traps: Mapping[Answer, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Goal:
    """A state to reach.

    Attributes
    ----------
    words : str
        Which operations there are, in Markdown.
    example : tuple of str
        One list that reaches it.
    reach : callable
        What is wrong with the state that a list of operations leads to ("" for nothing), and the share that is right.
    """

    words: str
    example: tuple[str, ...]
    reach: Callable[[Sequence[str]], tuple[str, float]] = field(compare=False)


@dataclass(frozen=True)
class Draft:
    """What a topic makes.

    Attributes
    ----------
    story : str
        What is there and what happens, in Markdown.
    rule : str
        Why the answers are what they are, in a sentence or two.
    questions : tuple of Question
    goal : Goal, optional
        Of the direction "operations"; then there are no questions.
    """

    story: str
    rule: str
    questions: tuple[Question, ...] = ()
    goal: Goal | None = None

    @property
    def degenerate(self) -> bool:
        """Whether nothing has to be understood: no answer but 0 or nothing, or all answers the same."""
        if self.goal:
            return not self.goal.example or not self.goal.reach(())[0]
        answers = {question.answer for question in self.questions}
        return (len(answers) < 2 and len(self.questions) > 1) or not any(answers)


@dataclass(frozen=True)
class Topic:
    """A kind of problem.

    Attributes
    ----------
    name, title : str
    state : callable
        Dice and level to the draft of the direction "state".
    operations : callable, optional
        The same for "operations", where the topic has it.
    """

    name: str
    title: str
    state: Callable[[Dice, int], Draft]
    operations: Callable[[Dice, int], Draft] | None = None

    @property
    def directions(self) -> tuple[str, ...]:
        """Those that it has."""
        return tuple(name for name in DIRECTIONS if name != "operations" or self.operations)


@dataclass(frozen=True)
class Problem:
    """A draft and its name."""

    topic: str
    seed: int
    level: int
    direction: str
    title: str
    draft: Draft

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those of the draft."""
        return self.draft.questions


def spoilt(answer: Answer, dice: Dice) -> Answer:
    """Another answer of the same kind.

    Examples
    --------
    >>> spoilt(("a", "b"), Dice(1)), spoilt(frozenset({"a"}), Dice(1)), spoilt(0, Dice(1)) > 0
    (('b', 'a'), frozenset(), True)
    """
    if isinstance(answer, int):
        return answer + dice.between(1, 2) if answer < 2 else answer - 1
    if isinstance(answer, frozenset):
        return frozenset(sorted(answer)[1:]) if answer else frozenset({"f"})
    if isinstance(answer, tuple):
        turned = (*answer[1:], *answer[:1])
        return turned if turned != answer else (*answer, answer[0] if answer else 0)
    return f"{answer}'"


def label(number: int) -> str:
    """a, b, c, ..."""
    return chr(ord("a") + number)


def shown(answer: Answer | None) -> str:
    """An answer as a sheet shows it; "?" for none.

    Examples
    --------
    >>> shown(None), shown(12), shown((3, 0, "-")), shown(frozenset({"b", "a"})), shown(())
    ('?', '12', '3, 0, -', 'a, b', 'none')
    """
    if answer is None:
        return "?"
    if isinstance(answer, tuple | frozenset):
        parts = answer if isinstance(answer, tuple) else sorted(answer)
        return ", ".join(map(str, parts)) or "none"
    return str(answer)
