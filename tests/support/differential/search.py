"""Draws many sequences, compares them on both sides, and prints the smallest of each kind of difference.

``python -m differential.search N [STACK...]`` (``make differential N=20000``) as root. A line that it prints belongs
into the corpus, once it is mended: ``--record FILE`` reads such lines, asks the kernel, and writes them with what it
answered.
"""

import argparse
import json
import re
import sys
import tempfile
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from differential import calls
from differential.comparison import Kernel, compare

CHECKS = list(HealthCheck)


def search(kernel, count, stacks, begin):
    """How many sequences were compared, and of each kind of difference how often it was met and the smallest case."""
    found, done = {}, 0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @seed(begin)
    @given(calls.sequences(*stacks))
    def look(case):
        nonlocal done
        done += 1
        said = compare(kernel, case)
        if said is not None:
            times, smallest, _ = found.get(kind(said), (0, case, said))
            found[kind(said)] = (times + 1, min(smallest, case, key=size), said)

    look()
    return done, found


def size(case):
    """Calls of a sequence, those of its layers included."""
    return len(case[2]) + sum(map(len, case[1]))


def kind(said):
    """What differs, without the paths and numbers of the case."""
    verb = re.match(r'\["(\w+)"', said)
    return f"{verb[1]}{said.partition(': the kernel')[2]}" if verb else re.sub(r", /.*?: (\w+).*", r" \1", said)


def reduced(kernel, case):
    """The case without every call that its difference does not need."""
    wanted, again = kind(compare(kernel, case)), True
    while again:
        again = False
        for smaller in _smaller(case):
            said = compare(kernel, smaller)
            if said is not None and kind(said) == wanted:
                case, again = smaller, True
                break
    return case


def _smaller(case):
    stack, layers, steps = case
    for number in range(len(steps)):
        yield stack, layers, steps[:number] + steps[number + 1 :]
    for at, layer in enumerate(layers):
        if len(layers) > 1:
            yield stack, layers[:at] + layers[at + 1 :], steps
        for number in range(len(layer)):
            yield stack, [*layers[:at], layer[:number] + layer[number + 1 :], *layers[at + 1 :]], steps


def record(kernel, path):
    """Write the lines of a corpus anew, with the kernel's answers."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            line["kernel"] = kernel.run(line["stack"], line["layers"], line["calls"])
            file.write(json.dumps(line) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="differential.search", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("stacks", nargs="*", default=[*calls.UNIONS, *calls.PLAIN])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--record", metavar="FILE")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        kernel = Kernel(place)
        if asked.record:
            record(kernel, asked.record)
        done, found = search(kernel, asked.count, asked.stacks, asked.seed) if asked.count else (0, {})
        differing = sum(times for times, *_ in found.values())
        print(
            f"{done} sequences on {', '.join(asked.stacks)} (seed {asked.seed}): {differing} differ, {len(found)} kinds"
        )
        for times, case, _ in sorted(found.values(), key=lambda each: -each[0]):
            stack, layers, steps = reduced(kernel, case)
            print(f"\n{times} times: {compare(kernel, (stack, layers, steps))}")
            print(json.dumps({"why": "", "stack": stack, "layers": layers, "calls": steps}))
        kernel.close()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
