"""Fuzz one parser for long: ``python tests/fuzz/run.py scenario --inputs 100000 --seed 1 --keep /tmp/found``.

Each input is a mutation of a seed, and follows from the seed number and its own number alone. What breaks is kept, one
file for each kind of defect; put it under ``tests/data/fuzz/TARGET/``, and `test_fuzz.py` runs it ever after.
"""

import argparse
import re
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from judge import verdict
from targets import TARGETS

FINE = ("used", "read", "refused", "refused in use")


def inputs(name: str, seed: int, first: int, count: int):
    """The inputs of a target, with their numbers."""
    target = TARGETS[name]
    seeds = target.seeds()
    for number in range(first, first + count):
        rng = Random(f"{name} {seed} {number}")
        yield number, target.mutated(rng, rng.choice(seeds))


def main() -> int:
    """Fuzz, and say what was found; 1 where anything was."""
    options = _options()
    counts, kinds, began = Counter(), Counter(), time.monotonic()
    for number, raw in inputs(options.target, options.seed, options.first, options.inputs):
        found = verdict(TARGETS[options.target], raw, number % options.use == 0)
        counts[found if found in FINE else "defect"] += 1
        if counts.total() % 10_000 == 0:
            print(f"{counts.total():,} inputs, {time.monotonic() - began:.0f} s", flush=True)
        if found not in FINE:
            kind = re.sub(r"'[^']*'|\"[^\"]*\"|\d+(?=\D*at )", "*", found)
            kinds[kind] += 1
            if kinds[kind] == 1:
                print(number, found, flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{options.target}-{options.seed}-{number}").write_bytes(raw)
    print(options.target, dict(counts), f"{time.monotonic() - began:.0f} s", flush=True)
    for kind, times in kinds.most_common():
        print(f"{times:7} {kind}")
    return 1 if kinds else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--use", type=int, default=1, metavar="N", help="use what each Nth input gives; all are parsed")
    parser.add_argument("--keep", type=Path, help="a folder for what breaks")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
