"""Every format that people hand in as JSON is read by one reader: the same bounds, errors that name file and line."""

import json

import pytest

from snapsim.base import foreign_json
from snapsim.base.errors import InvalidInput
from snapsim.course.quiz.grading import grade
from snapsim.docker import scenario
from snapsim.hosts.reading import load_host
from snapsim.lab import workload
from snapsim.measure import measurements, trace

LOADERS = {
    "workload": workload.load,
    "scenario": scenario.load,
    "trace": trace.load,
    "measurement": measurements.load,
    "host": load_host,
    "sheet": grade,
}
BAD = {
    "cut off": (b'{"a": 1,\n "b": [}', "not JSON: Expecting value at line 2, column 8"),
    "a key twice": (b'{"a": 1, "a": 2}', 'the key "a" stands twice in one object: once is allowed'),
    "a key twice, deep inside": (b'[{"x": {"a": 1, "b": 2, "a": 2}}]', 'the key "a" stands twice'),
    "no number": (b'{"a": NaN}', "NaN is no number of JSON"),
    "no end": (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
    "too deep": (b"[" * 200_000, "nested too deeply"),
    "objects too deep": (b'{"a":' * 200_000, "nested too deeply"),
    "no UTF-8": (b'{"a": "\xff"}', "not UTF-8: byte 7 is 0xff"),
    "nothing": (b"", "not JSON: Expecting value at line 1, column 1"),
}


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize(("raw", "problem"), BAD.values(), ids=BAD)
def test_all_formats_refuse_the_same(load, raw, problem, tmp_path):
    file = tmp_path / "bad.json"
    file.write_bytes(raw)
    with pytest.raises(InvalidInput) as error:
        load(str(file))
    assert "bad.json" in error.value.place
    assert problem in error.value.problem


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_all_formats_have_a_bound_of_size(load, tmp_path, monkeypatch):
    """64 MiB; here 1000 bytes, which the reader has to look at before it parses."""
    monkeypatch.setattr(foreign_json, "FILE_LIMIT", 1000)
    file = tmp_path / "large.json"
    file.write_bytes(b" " * 2000)
    with pytest.raises(InvalidInput, match=r"larger than the 1000 B that are allowed"):
        load(str(file))


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_no_such_file(load, tmp_path):
    with pytest.raises(InvalidInput, match=r"No such file or directory: (?:.* is allowed|a file)"):
        load(str(tmp_path / "none.json"))


@pytest.mark.parametrize("load", [each for name, each in LOADERS.items() if name != "host"])
def test_one_value_a_file(load, tmp_path):
    """Docker's command line alone prints several."""
    file = tmp_path / "two.json"
    file.write_text('{"a": 1}\n{"b": 2}\n')
    with pytest.raises(InvalidInput, match="Extra data at line 2, column 1"):
        load(str(file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_of_shells(encoding):
    value = {"a": "ü", "b": [1, 2.5, None, True]}
    assert foreign_json.parse_json(json.dumps(value, ensure_ascii=False).encode(encoding)) == value


def test_whole_numbers_without_end_reach_the_check_of_their_place():
    (found,) = foreign_json.parse_json(b"[" + b"9" * 5000 + b"]")
    assert found == float("inf")
