"""Ten million random writes to an exception store and to a thin volume with a live snapshot, as ratios in one run.

Against a bare NumPy scatter (what any model in arrays costs at least) and against a dictionary model of thirty lines
(what a model written block by block costs; it gets fewer writes, and its time is scaled up).

    python benchmarks/random_writes.py [--writes N] [--blocks N] [--batch N]
"""

import argparse
import time

import numpy as np

from snapsim.block.snapshots import ExceptionStore, ThinVolume


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


def seconds(work, batches):
    start = time.perf_counter()
    for batch in batches:
        work(batch)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--writes", type=int, default=10_000_000)
    parser.add_argument("--blocks", type=int, default=1 << 20, help="of 4 KiB: 4 GiB")
    parser.add_argument("--batch", type=int, default=100_000)
    options = parser.parse_args()
    random = np.random.Generator(np.random.PCG64(7))
    batches = [random.integers(0, options.blocks, options.batch) for _ in range(options.writes // options.batch)]

    array = np.zeros(options.blocks, np.uint64)
    stamps = np.arange(options.batch, dtype=np.uint64)

    def scatter(batch):
        array[batch] = stamps

    scatter(batches[0])
    bare = min(seconds(scatter, batches) for _ in range(3))

    store = ExceptionStore.new(options.blocks, chunk_size=16384, store="N")
    thin = ThinVolume.new(options.blocks, chunk_size=65536)
    thin.write(slice(0, options.blocks))
    found = {}
    for name, volume in (("exception store (CoW), 16 KiB chunks", store), ("thin volume (RoW), 64 KiB blocks", thin)):
        volume.snapshot()
        found[name] = seconds(volume.write, batches)

    model, share = DictionaryVolume(options.blocks), max(len(batches) // 10, 1)
    model.snapshot()
    found["dictionary model"] = (
        seconds(model.write, [batch.tolist() for batch in batches[:share]]) * len(batches) / share
    )

    print(
        f"{options.writes:,} random 4 KiB writes to {options.blocks:,} blocks, {options.batch:,} a batch, one snapshot"
    )
    print(f"{'bare NumPy scatter':40} {bare:8.2f} s   1.0 x the scatter")
    for name, took in found.items():
        print(
            f"{name:40} {took:8.2f} s {took / bare:5.1f} x the scatter, "
            f"{found['dictionary model'] / took:6.1f} x as fast as the dictionary"
        )


if __name__ == "__main__":
    main()
