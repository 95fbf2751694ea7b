"""Looking for a counter-example: every short list, then random ones.

The one place that drives Hypothesis. A *play* takes a list of operations and answers a `Failure`, or None.
Results depend on `seed` alone: no database, no global random state.

LEAVES OUT: fewer operations (`shrinking`), and parallel search.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import Flaky, NoSuchExample
from hypothesis.strategies import SearchStrategy

from snapsim.testing.failure import Failure

Operations = Sequence[Any]
Play = Callable[[Operations], Failure | None]


class TimeLimit:
    """A time limit that is looked at between two lists, seconds of processor time from now on.

    A machine with other work must not change a grade, so it is this process' own time that counts, and never that of
    the wall. Code that waits in one call for what does not come is ended by `isolation`.
    """

    def __init__(self, seconds: float) -> None:
        self._used_up = time.process_time() + seconds

    @property
    def over(self) -> bool:
        """No time is left."""
        return time.process_time() > self._used_up


def every_list(alphabet: Iterable[Any], length: int) -> Iterator[tuple[Any, ...]]:
    """All lists of up to `length` operations, the short ones first: proof by enumeration.

    Examples
    --------
    >>> ["".join(operations) for operations in every_list("ab", 2)]
    ['a', 'b', 'aa', 'ab', 'ba', 'bb']
    """
    letters = tuple(alphabet)
    return itertools.chain.from_iterable(itertools.product(letters, repeat=n) for n in range(1, length + 1))


def first_failure(lists: Iterable[Operations], play: Play, limit: TimeLimit) -> Failure | None:
    """The first failure of these lists, while there is time."""
    return next((failure for operations in lists if not limit.over and (failure := play(operations))), None)


SEEDS = 3
"""Searches that share the examples, each with a seed of its own: what one seed overlooks, another may find."""


def random_failure(
    strategy: SearchStrategy[Any], play: Callable[[Any], Failure | None], examples: int, seed: int, limit: TimeLimit
) -> tuple[Any, Failure] | None:
    """The shortest example that fails among `examples` of the strategy, and its failure."""
    for number in range(min(SEEDS, examples)):
        share = examples // SEEDS + (number < examples % SEEDS)
        found = _one_search(strategy, play, max(share, 1), SEEDS * seed + number, limit)
        if found:
            return found
    return None


def _one_search(
    strategy: SearchStrategy[Any], play: Callable[[Any], Failure | None], examples: int, seed: int, limit: TimeLimit
) -> tuple[Any, Failure] | None:
    seen: list[tuple[Any, Failure]] = []

    def fails(example: Any) -> bool:
        failure = None if limit.over else play(example)
        seen.extend([(example, failure)] if failure else [])
        return failure is not None

    options = settings(
        max_examples=examples,
        derandomize=False,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # operations name things: `shrinking` knows what may be left out
    )
    with suppress(NoSuchExample, Flaky):  # Flaky: the time was over, or the code is not repeatable
        find(strategy, fails, settings=options, random=Random(seed))
    return min(seen, key=lambda pair: len(pair[1].operations), default=None)
