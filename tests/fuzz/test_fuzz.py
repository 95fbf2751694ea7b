"""Parsers of input against what once broke them, and against some hundred fresh mutations of good files.

`tests/fuzz/README.md` says how to run the same for long.
"""

import json
from random import Random

import json_mutations
import pytest
import text_mutations
from judge import PARSE, limits, verdict
from run import FINE, inputs
from targets import CORPUS, TARGETS, Target, bill

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import parse_json
from snapsim.hosts.reading import parse_host
from snapsim.show.plots import cost_bars, save

KEPT = [path for name in TARGETS for path in sorted((CORPUS / name).glob("*"))]
FRESH = {"host-text": (300, 10), "host-json": (300, 10), "scenario": (200, 10), "workload": (200, 50),
         "daemon-config": (300, 1), "trace": (200, 20)}  # fmt: skip
"""How many inputs, and each which of them is also used."""


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_broke_does_no_more(path):
    assert verdict(TARGETS[path.parent.name], path.read_bytes()) in FINE


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_good(name):
    """A mutation of a file that is refused anyway would test little."""
    for raw in TARGETS[name].seeds():
        assert verdict(TARGETS[name], raw) == "used"


@pytest.mark.parametrize("name", TARGETS)
def test_fresh_mutations(name):
    count, use = FRESH[name]
    found = [(number, verdict(TARGETS[name], raw, number % use == 0)) for number, raw in inputs(name, 1, 0, count)]
    assert [(number, said) for number, said in found if said not in FINE] == []
    assert {"refused", "used"} <= {said for _, said in found}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_names_in_figures_are_no_formulas(tmp_path, suffix):
    """A ``$`` in a file's name or label would begin one for matplotlib; a letter without a glyph would be a warning."""
    found = parse_host((CORPUS / "host-json" / "formula-in-a-name.json").read_bytes(), "$a$$", "fuzzed")
    save(cost_bars(bill(), hosts=[found]), tmp_path / f"f.{suffix}")
    assert (tmp_path / f"f.{suffix}").stat().st_size > 10_000


# ---------------------------------------------------------------- the harness itself finds what it is there to find


def target(parse, use=lambda value: None):
    return Target(lambda: [b"{}"], json_mutations.mutated, parse, use)


def fails_with(error):
    def parse(raw):
        raise error

    return target(parse)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (InvalidInput("3 is not allowed: 1 or 2", "fuzzed: a"), "refused"),
        (InvalidInput("3 is not allowed: 1 or 2"), "error without place: '3 is not allowed: 1 or 2'"),
        (InvalidInput("two\nlines", "fuzzed"), "error of 17 letters, not one printable line: 'fuzzed: two\\nlines'"),
        (KeyError("a"), "parse: KeyError: \"'a'\" at "),
        (RecursionError("deep"), "parse: RecursionError: 'deep' at "),
    ],
)
def test_the_judge_tells_errors_apart(error, says):
    assert verdict(fails_with(error), b"") == says


def test_the_judge_knows_the_package_from_its_checkout():
    """A clone is called snapsim, and so is a folder on the way to a test; only the package's own frames count."""
    code = compile("def parse(raw):\n    raise KeyError(1)\n", "/home/someone/snapsim/tests/x.py", "exec")
    made = {}
    exec(code, made)
    assert verdict(target(made["parse"]), b"") == "parse: KeyError: '1' at "
    own = verdict(target(lambda raw: parse_json(raw[0])), b"{}")
    assert own.startswith("parse: AttributeError: ")
    assert " at base/foreign_json.py:" in own


def test_the_judge_limits_time_and_memory():
    """An endless loop ends after the 2 seconds, 2 GB are more than the 200 MiB, and neither limit stays."""

    def endless(raw):
        while True:
            pass

    assert PARSE == (2, 200 << 20)
    assert verdict(target(endless), b"").startswith("parse: TooLong")
    assert verdict(target(lambda raw: len(bytearray(2_000_000_000))), b"").startswith("parse: MemoryError")
    assert len(bytearray(300_000_000)) == 300_000_000
    with pytest.raises(ZeroDivisionError), limits(5, 1 << 30):
        1 / 0


def test_the_judge_goes_on_to_the_use():
    assert verdict(target(json.loads, lambda value: value["a"]), b"{}").startswith("use: KeyError")
    assert verdict(target(json.loads, lambda value: value["a"]), b"{}", use=False) == "read"


def test_an_input_follows_from_its_number():
    """So that a defect can be looked at again: the 7th input is the same, whichever was the first."""
    assert list(inputs("host-json", 3, 0, 8))[7] == next(iter(inputs("host-json", 3, 7, 1)))


def test_json_mutations_reach_what_they_are_meant_to():
    """Of a thousand some are no JSON, have a key twice, NaN, numbers beyond 64 bits, deep lists, lone surrogates."""
    made = [json_mutations.mutated(Random(number), b'{"a": [1, {"b": "c"}], "d": 2}') for number in range(1000)]
    for part in (b"NaN", b'"d": 2, "d": 2', b"9223372036854775808", b"[[", b"\\ud800", b"\\u0000", b"1e999"):
        assert any(part in raw for raw in made), part
    assert 10 < sum(not _is_json(raw) for raw in made) < 500


def _is_json(raw):
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def test_text_mutations_reach_what_they_are_meant_to():
    """Lines cut and wrapped, decimal commas, tabs, negative sizes."""
    seed = b"TYPE     TOTAL   SIZE\nImages   5       16.43MB\nContainers   5   1.2kB\n"
    made = [text_mutations.mutated(Random(number), seed) for number in range(1000)]
    for part in (b"16,43MB", b"\t", b"-3MB", b"\r\n", b"\xc2\xa0", b"N/A"):
        assert any(part in raw for raw in made), part
    assert len(set(made)) > 700
