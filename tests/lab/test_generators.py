"""Generators: what they decide, that it stays the same for ever, and that the shipped file is theirs."""

import json
from importlib.resources import files

import numpy as np
import pytest
from places import DOCS

from snapsim.base.errors import InvalidInput
from snapsim.base.splitmix import SplitMix64
from snapsim.lab import generators, workload
from snapsim.lab.generator_parameters import GENERATOR_VERSION
from snapsim.lab.generators import GENERATORS, generate, parameters
from snapsim.lab.operations import OPS

HARNESS = set(OPS) - {"mkdir", "rmdir", "symlink", "remove", "fsync", "sync"}


def test_published_numbers():
    """The first five of seed 1234567, as the authors' C program prints them."""
    assert SplitMix64(1234567).bits(5).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_one_by_one_and_all_at_once():
    """A stream does not depend on how it is cut; a seed near the end of the range wraps round."""
    for seed in (0, 7, (1 << 64) - 1):
        one, all_ = SplitMix64(seed), SplitMix64(seed)
        assert [int(one.bits(1)[0]) for _ in range(5)] == all_.bits(5).tolist()
        assert one.counter == all_.counter


def test_against_python_integers():
    """The mixing function again, in whole numbers of any size."""

    def mixed(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % (1 << 64)
        x = (x ^ x >> 27) * 0x94D049BB133111EB % (1 << 64)
        return x ^ x >> 31

    numbers = [mixed((99 + (i + 1) * 0x9E3779B97F4A7C15) % (1 << 64)) for i in range(100)]
    assert SplitMix64(99).bits(100).tolist() == numbers
    assert SplitMix64(99).below(1000, 100).tolist() == [(x >> 32) * 1000 >> 32 for x in numbers]
    assert SplitMix64(99).below(1 << 32, 100).tolist() == [x >> 32 for x in numbers]
    assert SplitMix64(99).order(100).tolist() == sorted(range(100), key=numbers.__getitem__)


def test_zipf_frequencies():
    """Exponent 1 over 4 ranks: 12/25, 6/25, 4/25, 3/25 of 100,000 draws, within 5 standard deviations (under 800)."""
    found = np.bincount(SplitMix64(1).zipf(4, 1.0, 100_000), minlength=4)
    assert np.all(np.abs(found - [48_000, 24_000, 16_000, 12_000]) < 800)


def test_zipf_with_exponent_0_is_even():
    found = np.bincount(SplitMix64(1).zipf(4, 0.0, 100_000), minlength=4)
    assert np.all(np.abs(found - 25_000) < 700)


@pytest.mark.parametrize(("bound", "count"), [(5, 5), (100, 60), (100, 30), (1 << 32, 3)])
def test_distinct(bound, count):
    found = SplitMix64(3).distinct(bound, count)
    assert len(set(found)) == len(found) == count
    assert all(0 <= number < bound for number in found)


# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator(name):
    """Its file is read back as it was, runs on the harness, tells how it was made, and can be made again from that."""
    w = generate(name, seed=7)
    assert workload.parse(json.loads(workload.dump([w]))) == [w]
    assert {op.op for op in w.ops} <= HARNESS
    known = {key: value for key, value in w.params.items() if not key.startswith("generator")}
    assert w.params["generator"] == name == w.id
    assert w.params["generator_version"] == GENERATOR_VERSION
    assert generate(name, **known) == w


@pytest.mark.parametrize("name", [name for name in GENERATORS if "seed" in parameters(name)])
def test_the_seed_matters(name):
    assert generate(name, seed=7).ops == generate(name, seed=7).ops != generate(name, seed=8).ops


def test_generated_for_ever():
    """Files of version 1: if these change, the version goes up."""
    assert GENERATOR_VERSION == 1
    assert generate("random", 7, writes=4).ops[0].offsets == (26157056, 1126400, 60448768, 39116800)
    assert generate("zipf", 7, size="64K", writes=8).ops[0].offsets == (53248, 8192, 24576, 36864, 0, 8192, 0, 53248)
    assert [op.offsets for op in generate("database", 7, size="1M", transactions=2, pages=2).ops] == [
        (401408, 16384),
        (942080, 606208),
    ]
    assert [file.size for file in generate("build-image", 7, layers=1, files=5).ops[1].files] == [
        8192,
        1024,
        131072,
        16384,
        8192,
    ]


def test_sequential():
    """1 MiB in writes of 64 KiB: 16 of them, one after the other."""
    (op,) = generators.sequential(size=1 << 20).ops
    assert (op.offsets, op.length, op.fsync) == (tuple(range(0, 1 << 20, 65536)), 65536, "end")


def test_append_log():
    """10 records of 256 bytes, fsync after each third: 3 of them."""
    w = generators.append_log(records=10, sync_every=3)
    assert [op.op for op in w.ops] == (["append"] * 3 + ["fsync"]) * 3 + ["append"]
    assert sum(op.logical_bytes for op in w.ops) == 2560


def test_containers():
    """3 containers of one image; each writes 64 + 6 + 16384 bytes."""
    w = generators.containers(3)
    assert [op.name for op in w.ops if op.op == "snapshot"] == ["s0", "s1", "s2"]
    assert sum(op.logical_bytes for op in w.ops) == 3 * (64 + 6 + 16384)


def test_containerd():
    """16 layers, of which the first is the image. Layers 3, 6, 9, 12, 15 change 5 files, make 4, remove 1; the other 6
    even ones change 4, make 4, remove 2; 5, 7, 11, 13 make 10. Changed: 5*5 + 6*4 = 49; made: 5*4 + 6*4 + 4*10 = 84;
    removed: 5*1 + 6*2 = 17.
    """
    w = generators.containerd()
    count = {kind: sum(op.op == kind for op in w.ops) for kind in ("snapshot", "seal", "write", "create", "unlink")}
    assert count == {"snapshot": 15, "seal": 15, "write": 49, "create": 84, "unlink": 17}
    assert {op.offsets for op in w.ops if op.op == "write"} == {(524288,)}
    assert sum(op.logical_bytes for op in w.ops) == 84 * 1048576 + 49 * 4
    assert len(w.layers[0]) == 10


@pytest.mark.parametrize("name", ["containerd", "build-image", "package-install"])
def test_no_operation_misses_its_file(name):
    """Replay on a set of names: what is changed or deleted exists, what is renamed over too."""
    w, trees = generate(name, seed=3), {}
    for op in (*w.image_ops(), *w.ops):
        made = {f"{op.path}/{path}".strip("/") for file in op.files for path, _, _ in file.expand()}
        if op.op in ("layer", "snapshot"):
            trees[op.name] = trees.get(op.parent, set()) | made
        elif op.op != "seal":
            tree = trees[op.in_]
            assert op.op == "create" or op.path in tree
            tree |= made
            tree -= {op.path} if op.op in ("unlink", "rename") else set()
            assert op.op != "rename" or op.destination in tree


def test_shipped_workload_is_what_demo_makes():
    text = (files("snapsim") / "data/workloads/demo.json").read_text(encoding="utf-8")
    assert text == workload.dump([generate("demo")])


def test_page_holds_the_table():
    page = (DOCS / "reference" / "workload.md").read_text(encoding="utf-8")
    assert generators.parameters_table() in page


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("nosuch", {}, '"nosuch" is no generator: one of sequential, random'),
        ("random", {"wirtes": 3}, '"wirtes" is no parameter of random: seed, size, length, writes, fsync'),
        ("random", {"writes": 0}, "writes: 0 is not allowed: a whole number from 1 to 1000000"),
        ("random", {"seed": -1}, "seed: -1 is not allowed: a whole number from 0 to 18446744073709551615"),
        ("random", {"size": "many"}, "size: 'many' is not a size"),
        ("random", {"size": 1024}, "length: 4096 is more than the size of the file: up to 1024"),
        (
            "random",
            {"size": 1 << 50, "length": 1},
            "length: 1125899906842624 pages of 1 bytes are not allowed: up to 2",
        ),
        ("zipf", {"exponent": "nan"}, "exponent: NaN is not allowed: a number from 0 to 10"),
        ("zipf", {"exponent": "x"}, 'exponent: "x" is not allowed: a number from 0 to 10'),
        ("zipf", {"size": "1T"}, "268435456 ranks are not allowed: 1 to 16777216"),
        ("random", {"fsync": "often"}, 'fsync: "often" is not allowed: "end", "each", null or a whole number'),
        ("database", {"size": "8K"}, "pages: 4 is not allowed: up to the 1 pages of the file"),
        ("sequential", {"size": "1T", "length": 512}, "length: 2147483648 writes are not allowed: up to 1000000"),
    ],
)
def test_refused(name, chosen, message):
    with pytest.raises(InvalidInput) as caught:
        generate(name, **chosen)
    assert str(caught.value).startswith(message)
