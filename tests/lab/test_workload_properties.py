"""Properties of the workload file: valid ones survive a round, hostile ones are refused in one line, no more."""

import copy
import json

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from snapsim.base import schema as fields
from snapsim.base.errors import InvalidInput
from snapsim.base.schema import Described, Either, Named
from snapsim.lab import workload
from snapsim.lab.operations import FILE, OPERATION
from snapsim.lab.workload import dump, load, parse

STACK_OPS = ("layer", "snapshot", "seal")


def values(field):
    """Values that a field accepts, made from the field itself."""
    if isinstance(field, Described | Named):
        return values(field.field)
    if isinstance(field, fields.Integer):
        return st.integers(field.minimum, min(field.maximum, 1 << 40))
    if isinstance(field, fields.Boolean):
        return st.booleans()
    if isinstance(field, fields.Text):
        return st.from_regex(field.pattern, fullmatch=True).filter(lambda text: _accepts(field, text))
    if isinstance(field, fields.Choice):
        return st.sampled_from(field.values)
    if isinstance(field, Either):
        return st.one_of(*map(values, field.fields))
    if isinstance(field, fields.ListOf):
        return st.lists(values(field.item), max_size=3)
    return st.fixed_dictionaries(
        {key: values(item) for key, item in field.required.items()},
        optional={key: values(item) for key, item in field.optional.items()},
    )


def _accepts(field, value):
    try:
        field.read(value)
    except InvalidInput:
        return False
    return True


def _whole(value):
    """Make what the fields alone cannot: patterns, sizes of holes, single access modes, names that exist."""
    if value.get("count") is not None:
        value.update(count=value["count"] % 1000)
    if "count" in value or "numbers" in value:
        value["path"] = value["path"].replace("%", "p")[:50].rstrip("/") + "%d"
    if "data" in value:
        value["data"] %= value["size"] + 1
    if "flags" in value:
        value["flags"] = value["flags"][:1]
    if "files" in value:
        value["files"] = [_whole(file) for file in value["files"]]
    if "in" in value:
        value["in"] = "s0"
    return value


OP_VALUES = st.one_of(*(values(record) for name, record in OPERATION.field.records.items() if name not in STACK_OPS))
WORKLOADS = st.fixed_dictionaries(
    {
        "id": st.text("abcü-", min_size=1),
        "ops": st.lists(OP_VALUES.map(_whole), max_size=4),
        "snapshots": st.just(["s0"]),
    },
    optional={
        "title": st.text('abc %&"\\'),
        "params": st.dictionaries(st.text("abc \n", max_size=3), st.integers(0, 9)),
        "layers": st.lists(st.lists(values(FILE).map(_whole), max_size=2), max_size=2),
        "prepare": st.lists(OP_VALUES.map(_whole), max_size=2),
    },
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["s0", "layer0", "f", "../f", "%d", "write", "create", 1 << 60, -1, 10**400]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "ops", "op", "path", "layers", "size", "snapshots", "files", "x"]), inner, max_size=4
        )
    ),
    max_leaves=15,
)
VALIDATOR = jsonschema.Draft202012Validator(workload.schema())


@settings(max_examples=150, deadline=None)
@given(WORKLOADS)
def test_what_the_table_allows_is_read_and_survives_a_round(data):
    found = parse(data)
    assert VALIDATOR.is_valid(data)
    assert parse(json.loads(dump(found))) == found
    assert parse([data, data]) == found * 2


def told(read, argument, place):
    """None if it is read, else the one line that refuses it; any other exception fails the test."""
    try:
        read(argument)
    except InvalidInput as error:
        line = str(error)
    else:
        return None
    assert line.startswith(f"{place}: ")
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 500
    return line


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused_in_one_line(data):
    told(lambda value: parse(value, "w.json"), data, "w.json")


def places(value):
    """Every (container, key) in a JSON value."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@settings(max_examples=300, deadline=None)
@given(WORKLOADS, st.data(), JSON)
def test_a_workload_with_one_foreign_value_is_read_or_refused(data, chosen, foreign):
    """And what the schema refuses, the parser refuses."""
    data = copy.deepcopy(data)  # strategies may give out the same list twice
    container, key = chosen.draw(st.sampled_from(list(places(data))))
    container[key] = foreign
    if told(lambda value: parse(value, "w.json"), data, "w.json") is None:
        assert VALIDATOR.is_valid(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda data: json.dumps(data).encode()))
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(raw)
    told(load, str(path), path)
