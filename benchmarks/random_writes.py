"""Random writes of 4 KiB to a volume with a live snapshot, for each mechanism, as ratios in one run.

Each mechanism is measured against what any model in arrays costs at least: one NumPy scatter of as many stamps as the
mechanism has to move, into an array of as many blocks. The two alternate, and the medians of the rounds are compared. A
dictionary model of thirty lines shows what a model written block by block costs; it gets fewer writes, and its time is
scaled up. The result is a table, and JSON with ``--json FILE``.

    python benchmarks/random_writes.py [--writes N] [--blocks N] [--batch N] [--rounds N] [--json FILE]
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np

from snapsim import CowBtree, ExceptionStore, Records, ThinVolume

DEMANDS = {"exception store": 4, "thin volume": 6, "records of 128 KiB": 8, "B-tree": 100}
"""How many times the scatter's time each may take."""


class DictionaryVolume:
    """The simplest copy-on-write volume: a dictionary of blocks, one of saved blocks for each snapshot."""

    def __init__(self, blocks):
        self.blocks, self.saved, self.stamp = dict.fromkeys(range(blocks), 0), [], 0
        self.reads = self.writes = 0

    def snapshot(self):
        self.saved.append({})
        return self.saved[-1]

    def write(self, blocks):
        for block in blocks:
            for saved in self.saved:
                if block not in saved:
                    saved[block] = self.blocks[block]
                    self.reads += 1
                    self.writes += 1
            self.stamp += 1
            self.blocks[block] = self.stamp
            self.writes += 1

    def read(self, saved, block):
        return saved.get(block, self.blocks[block])


def made(name, blocks):
    """A volume that is written in full, with a live snapshot."""
    volume = {
        "exception store": lambda: ExceptionStore.new(blocks, chunk_size=16384, store="N"),
        "thin volume": lambda: ThinVolume.new(blocks, chunk_size=65536),
        "records of 128 KiB": lambda: Records.new(blocks, device_size=8 * blocks),
        "B-tree": lambda: CowBtree.new(blocks, device_size=4 * blocks),
    }[name]()
    volume.write(slice(0, blocks))
    volume.snapshot()
    return volume


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measured(name, rounds, options, random):
    """Median ratio and the parts of it: a round's batches to the mechanism, then as many blocks to the array."""
    volume, array, found = made(name, options.blocks), np.zeros(options.blocks, np.uint64), []
    for batches in rounds:
        with volume.counting() as io:
            model = seconds(lambda batches=batches: [volume.write(batch) for batch in batches] + [volume.flush()])
        moved = options.batch
        if name == "records of 128 KiB":  # the rest of each record moves as well
            total = (io.counts.bytes("read") + io.counts.bytes("write")) // volume.block_size
            moved = total // len(batches)
        where = [random.integers(0, options.blocks, moved) for _ in batches]
        stamps = np.arange(moved, dtype=np.uint64)

        def scatter(where=where, stamps=stamps):
            for each in where:
                array[each] = stamps

        found.append((model, seconds(scatter), moved))
    writes = len(rounds[0]) * options.batch
    ratio = statistics.median(model / bare for model, bare, _ in found)
    return {"mechanism": name, "ratio": round(ratio, 1), "demand": DEMANDS[name], "met": ratio <= DEMANDS[name]} | {
        "nanoseconds_a_write": round(1e9 * statistics.median(model for model, _, _ in found) / writes),
        "blocks_moved_a_write": round(statistics.median(moved for _, _, moved in found) / options.batch, 1),
    }


def dictionary(blocks, batches):
    """Nanoseconds a write of the dictionary model, by a tenth of the first batch."""
    model, share = DictionaryVolume(blocks), batches[0][: max(batches[0].size // 10, 1)].tolist()
    model.snapshot()
    return round(1e9 * seconds(lambda: model.write(share)) / len(share))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--blocks", type=int, default=1 << 20, help="of 4 KiB: 4 GiB")
    parser.add_argument("--batch", type=int, default=65536, help="writes of a call")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writes", type=int, default=10_000_000, help="in all; a tenth to the B-tree and to records")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    random = np.random.Generator(np.random.PCG64(7))
    rows = []
    for name in DEMANDS:
        calls = options.writes // options.batch // options.rounds // (1 if DEMANDS[name] < 8 else 10)
        drawn = [
            [random.integers(0, options.blocks, options.batch) for _ in range(max(calls, 1))]
            for _ in range(options.rounds)
        ]
        rows.append(measured(name, drawn, options, random))
    machine = {"cores": os.cpu_count(), "numpy": np.__version__}
    print(f"{options.writes} random writes to {options.blocks} blocks, {options.rounds} rounds; {machine}")
    slow = dictionary(options.blocks, drawn[0])
    print(f"{'mechanism':20} {'times the scatter':>18} {'demand':>7} {'ns a write':>11} {'moved':>6} {'met':>4}")
    for row in rows:
        print(
            f"{row['mechanism']:20} {row['ratio']:>18} {row['demand']:>7} {row['nanoseconds_a_write']:>11}"
            f" {row['blocks_moved_a_write']:>6} {'yes' if row['met'] else 'no':>4}"
        )
    print(f"{'dictionary model':20} {'':>18} {'':>7} {slow:>11}")
    if options.json:
        Path(options.json).write_text(json.dumps({**machine, "rows": rows, "dictionary_ns_a_write": slow}, indent=1))


if __name__ == "__main__":
    main()
