"""The workload file: what is read, what is refused and how it is told, and that table, schema and pages agree."""

import io
import json
import re

import jsonschema
import pytest
from places import ROOT

from snapsim.base.errors import InvalidInput
from snapsim.lab import workload
from snapsim.lab.operations import KEYS, OPS, FileSpec, Op
from snapsim.lab.workload import Workload, dump, from_row, load, parse

MEASURED = sorted(
    path for path in (ROOT / "snapsim/data/measured").glob("*.json") if not path.name.startswith(("dm-", "zfs"))
)


def one(ops, **more):
    return {"id": "w", "snapshots": ["s0"], "ops": ops, **more}


# ---------------------------------------------------------------------------------------------------------------------
# What is read


def test_fields_of_an_operation():
    (w,) = parse(one([{"op": "write", "path": "a/b", "offsets": [0, 4096], "length": 10, "fsync": 3}]))
    assert w.ops == (Op("write", "a/b", "s0", offsets=(0, 4096), length=10, fsync=3),)


def test_logical_bytes():
    """2 offsets of 10 bytes; 7 appended; 3 files of 100 bytes and one of 1000 with a hole (the file's size counts)."""
    files = [{"path": "%d", "size": 100, "count": 3}, {"path": "f", "size": 1000, "data": 10}]
    (w,) = parse(
        one(
            [
                {"op": "write", "path": "f", "offsets": [0, 50], "length": 10},
                {"op": "append", "path": "f", "length": 7},
                {"op": "create", "files": files},
                {"op": "chmod", "path": "f", "mode": 0o600},
            ]
        )
    )
    assert [op.logical_bytes for op in w.ops] == [20, 7, 1300, 0]


def test_paths_and_destination():
    assert Op("unlink", "d/%03d", numbers=(7, 12)).paths == ("d/007", "d/012")
    assert Op("unlink", "50%").paths == ("50%",)
    assert Op("rename", "a/b/c", to="d").destination == "a/b/d"
    assert Op("mv", "c", to="d/e").destination == "d/e"


def test_expansion_of_files():
    """A hole starts after `data`; without it all of the size is data; a count of 0 makes no file."""
    assert list(FileSpec("f", 100, data=30).expand()) == [("f", 100, 30)]
    assert list(FileSpec("x%d", 5, count=2).expand()) == [("x0", 5, 5), ("x1", 5, 5)]
    assert list(FileSpec("x%d", 5, count=0).expand()) == []


def test_default_snapshots():
    """One container s0 where there is an image, none where there is not."""
    assert parse({"id": "w", "layers": [[]], "ops": []})[0].snapshots == ("s0",)
    assert parse({"id": "w", "ops": []})[0].snapshots == ()
    assert parse({"id": "w", "layers": [[]], "snapshots": [], "ops": []})[0].snapshots == ()


def test_image_ops():
    """Layers stand on each other, all snapshots on the top one."""
    (w,) = parse({"id": "w", "layers": [[{"path": "f", "size": 1}], []], "snapshots": ["a", "b"], "ops": []})
    assert [(op.op, op.name, op.parent, len(op.files)) for op in w.image_ops()] == [
        ("layer", "layer0", None, 1),
        ("layer", "layer1", "layer0", 0),
        ("snapshot", "a", "layer1", 0),
        ("snapshot", "b", "layer1", 0),
    ]


def test_a_sealed_snapshot_is_a_parent():
    (w,) = parse(
        one([{"op": "seal", "name": "s0"}, {"op": "snapshot", "name": "t", "parent": "s0"}, {"op": "sync", "in": "t"}])
    )
    assert w.ops[1].parent == "s0"


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: path.stem)
def test_measured_traces_parse(path):
    """31 rows of each stack were run from a trace, 32 of aufs; each survives a round through the file."""
    rows = [row for row in json.loads(path.read_text())["rows"] if "trace" in row]
    workloads = [from_row(row, path.name) for row in rows]
    assert len(workloads) == (32 if path.stem == "aufs-ext4" else 31)
    assert parse(json.loads(dump(workloads))) == workloads
    # The harness noted what its own operations wrote; that is the same figure.
    noted = [row["figures"]["logical_bytes"] for row in rows]
    assert [sum(op.logical_bytes for op in w.ops) for w in workloads] == noted


def test_docker_scenario_parses():
    scenario = json.loads((ROOT / "tests/data/docker-scenario/scenario-ops.json").read_text())
    lists = [layer["ops"] for image in scenario["images"] for layer in image["layers"] if "ops" in layer]
    lists += [container["ops"] for container in scenario["containers"]]
    found = parse([one(ops) for ops in lists])
    assert {op.op for w in found for op in w.ops} == {"create", "symlink", "mkdir", "write", "unlink", "remove"} | (
        {op["op"] for ops in lists for op in ops}
    )
    assert sum(op.op == "symlink" for w in found for op in w.ops) == 14


# ---------------------------------------------------------------------------------------------------------------------
# What is refused, and how it is told

WRITE = {"op": "write", "path": "f", "offsets": [0], "length": 1}
REFUSED = [
    (7, "w.json: 7 is not allowed: a list of 1 to 10000"),
    ([], "w.json: a list of 0 is not allowed: a list of 1 to 10000"),
    ([7], "w.json: [0]: 7 is not allowed: an object, a workload"),
    ({"ops": []}, 'w.json: "id" is missing: a workload needs id, ops'),
    ({"id": "w"}, 'w.json: "ops" is missing: a workload needs id, ops'),
    (
        {"id": "w", "probe": "whiteout"},
        'w.json: unknown key "probe": a workload takes id, ops, title, params, layers, snapshots, prepare',
    ),
    ({"id": 7, "ops": []}, "w.json: id: 7 is not allowed: one line of 1 to 200 bytes"),
    ({"id": "a\nb", "ops": []}, 'w.json: id: "a\\nb" is not allowed: one line of 1 to 200 bytes'),
    (
        [one([]), one([{**WRITE, "offsets": [0, 1, -1]}])],
        "w.json: [1].ops[0].offsets[2]: -1 is not allowed: a whole number from 0 to 1125899906842624",
    ),
    (
        one([{**WRITE, "length": 0}]),
        "w.json: ops[0].length: 0 is not allowed: a whole number from 1 to 1125899906842624",
    ),
    (
        one([{**WRITE, "length": True}]),
        "w.json: ops[0].length: true is not allowed: a whole number from 1 to 1125899906842624",
    ),
    (
        one([{**WRITE, "length": float("nan")}]),
        "w.json: ops[0].length: NaN is not allowed: a whole number from 1 to 1125899906842624",
    ),
    (
        one([{**WRITE, "offsets": [1 << 50]}]),
        "w.json: ops[0].offsets: 1125899906842624 + length is past the largest file, 1125899906842624",
    ),
    (
        one([{**WRITE, "offsets": [10**5000]}]),
        "w.json: ops[0].offsets[0]: a whole number of 16610 bits is not allowed: a whole number from 0 to "
        "1125899906842624",
    ),
    (
        one([{**WRITE, "fsync": "always"}]),
        'w.json: ops[0].fsync: "always" is not allowed: "end", "each", null or a whole number from 1 to 1000000',
    ),
    (
        one([{**WRITE, "lenght": 1}]),
        'w.json: ops[0]: unknown key "lenght": write takes op, path, offsets, length, fsync, in',
    ),
    (one([{"op": "wirte"}]), f'w.json: ops[0].op: "wirte" is no operation: one of {", ".join(OPS)}'),
    (one([{"op": ["write"]}]), f"w.json: ops[0].op: a list is no operation: one of {', '.join(OPS)}"),
    (one([{}]), f'w.json: ops[0]: "op" is missing: one of {", ".join(OPS)}'),
    (one([{**WRITE, "in": "s1"}]), 'w.json: ops[0].in: "s1" does not exist: a snapshot is needed (s0)'),
    (
        one([{**WRITE, "in": "layer0"}], layers=[[]]),
        'w.json: ops[0].in: "layer0" is a layer: a snapshot is needed (s0)',
    ),
    (
        one([{"op": "seal", "name": "s0"}, WRITE]),
        'w.json: ops[1].in: "s0" is a sealed snapshot: a snapshot is needed (none so far)',
    ),
    (
        one([{"op": "snapshot", "name": "t", "parent": "s0"}]),
        'w.json: ops[0].parent: "s0" is a snapshot: a layer or a sealed snapshot is needed (none so far)',
    ),
    (one([{"op": "snapshot", "name": "s0", "parent": None}]), 'w.json: ops[0].name: "s0" exists already: a snapshot'),
    ({"id": "w", "snapshots": ["a", "a"], "ops": []}, 'w.json: snapshots[1].name: "a" exists already: a snapshot'),
    (
        {"id": "w", "snapshots": ["../a"], "ops": []},
        'w.json: snapshots[0]: "../a" is not allowed: a name of up to 64 letters, digits and _.-',
    ),
    (one([], layers=[[{"path": "f"}]]), 'w.json: layers[0][0]: "size" is missing: a file needs path, size'),
    (
        one([], layers=[[{"path": "f", "size": 1, "data": 2}]]),
        "w.json: layers[0][0].data: 2 is more than the size of the file: 0 to 1",
    ),
    (
        one([], layers=[[{"path": "f", "size": 1, "count": 2}]]),
        'w.json: layers[0][0].path: "f" is not allowed: a path with exactly one %d or %04d',
    ),
    (
        one([], layers=[[{"path": "%d", "size": 1, "count": 600_000}], [{"path": "%d", "size": 1, "count": 600_000}]]),
        "w.json: layers[1]: 1200000 files so far are not allowed: a workload makes up to 1000000",
    ),
    (
        one([{"op": "open", "path": "f", "flags": ["O_RDWR", "O_WRONLY"]}]),
        "w.json: ops[0].flags: only one of O_RDONLY, O_WRONLY, O_RDWR can be given",
    ),
    (
        one([{"op": "open", "path": "f", "flags": ["O_TMPFILE"]}]),
        'w.json: ops[0].flags[0]: "O_TMPFILE" is not allowed: "O_RDONLY" or "O_WRONLY" or "O_RDWR" or "O_APPEND" or '
        '"O_CREAT" or "O_EXCL" or "O_TRUNC"',
    ),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refused(data, message):
    with pytest.raises(InvalidInput) as caught:
        parse(data, "w.json")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../f",
        "a/../f",
        "a/..",
        ".",
        "a/./b",
        "a//b",
        "a/",
        "a\0b",
        "\ud800",
        "x" * 256,
        "é" * 128,
        "a/" * 3000 + "b",
        None,
        7,
        ["f"],
    ],
)
@pytest.mark.parametrize("place", ["path", "to", "files"])
def test_paths_that_climb_or_are_none(path, place):
    if place == "to" and path == "/etc/passwd":
        return  # from the root on: test_a_destination_lies_in_any_directory
    op = {
        "path": {"op": "unlink", "path": path},
        "to": {"op": "link", "path": "f", "to": path},
        "files": {"op": "create", "files": [{"path": path, "size": 1}]},
    }[place]
    with pytest.raises(InvalidInput) as caught:
        parse(one([op]))
    assert caught.value.place == {"files": "ops[0].files[0].path"}.get(place, f"ops[0].{place}")
    assert "a path below the root of the file system" in caught.value.problem


def test_a_destination_lies_in_any_directory():
    """Relative to the directory of `path`, or, with a slash in front, to the root."""
    names = ("g", "sub/g", "/g", "/e/g")
    (found,) = parse(one([{"op": "mv", "path": "d/f", "to": name} for name in names]))
    assert [op.destination for op in found.ops] == ["d/g", "d/sub/g", "g", "e/g"]


@pytest.mark.parametrize(
    ("op", "key"),
    [
        ({"op": "chown", "path": "f", "uid": -1, "gid": 0}, "uid"),
        ({"op": "chown", "path": "f", "uid": 0, "gid": 1 << 32}, "gid"),
        ({"op": "chown", "path": "f", "uid": 0, "gid": 0, "recursive": 1}, "recursive"),
        ({"op": "setxattr", "path": "f", "attribute": "note", "value": ""}, "attribute"),
        ({"op": "setxattr", "path": "f", "attribute": "user.", "value": ""}, "attribute"),
        ({"op": "setxattr", "path": "f", "attribute": "user.a", "value": "x" * 4001}, "value"),
        ({"op": "removexattr", "path": "f", "attribute": "user." + "x" * 251}, "attribute"),
        ({"op": "mknod", "path": "f", "kind": "directory"}, "kind"),
        ({"op": "mknod", "path": "f", "kind": "device", "major": 4096}, "major"),
    ],
)
def test_owners_attributes_and_nodes_that_are_none(op, key):
    with pytest.raises(InvalidInput) as caught:
        parse(one([op]))
    assert caught.value.place == f"ops[0].{key}"


def test_paths_that_only_look_dangerous():
    names = ["...", "..a", "a..", ".hidden", "a\\b", "~", "%", "50%", "a b", "ü", "x" * 255]
    assert [op.path for op in parse(one([{"op": "unlink", "path": name} for name in names]))[0].ops] == names


@pytest.mark.parametrize(
    "pattern", ["d", "%", "%s", "%d%d", "%%d", "%-4d", "%999d", "%(x)d", "%d%", "%1000000000d", "%f"]
)
def test_patterns_that_are_not_one_number(pattern):
    with pytest.raises(InvalidInput, match="exactly one %d"):
        parse(one([], layers=[[{"path": pattern, "size": 1, "count": 1}]]))
    with pytest.raises(InvalidInput, match="exactly one %d"):
        parse(one([{"op": "unlink", "path": pattern, "numbers": [1]}]))


def test_a_pattern_that_grows_too_long():
    """252 letters and the number 1000 are 256 bytes, one too many for a file name; 251 are allowed."""
    parse(one([], layers=[[{"path": "x" * 251 + "%d", "size": 1, "count": 1000}]]))
    with pytest.raises(InvalidInput, match="below the root"):
        parse(one([], layers=[[{"path": "x" * 252 + "%d", "size": 1, "count": 1000}]]))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b'{"id": "w",\n "ops": [}', "not JSON: Expecting value at line 2, column 10"),
        (b'{"id": "w", "ops": []} {}', "not JSON: Extra data at line 1, column 24"),
        (b'{"id": "\xff"}', "not UTF-8: byte 8 is 0xff"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"id": "w", "id": "v", "ops": []}', 'the key "id" stands twice in one object: once is allowed'),
        (
            b'{"id": "w", "ops": [], "params": {"x": ' + b"[" * 30 + b"]" * 30 + b"}}",
            "params: a list is not allowed: at most 16 levels",
        ),
        (
            b'{"id": "w", "ops": [], "params": {"x": -Infinity}}',
            "not JSON: -Infinity is no number of JSON",
        ),
        (
            b'{"id": "w", "ops": [], "layers": [[{"path": "f", "size": ' + b"9" * 5000 + b"}]]}",
            "layers[0][0].size: Infinity is not allowed: a whole number from 0 to 1125899906842624",
        ),
        (
            b'{"id": "w", "ops": [], "layers": [[{"path": "f", "size": 4096.0}]]}',
            "layers[0][0].size: 4096.0 is not allowed: a whole number from 0 to 1125899906842624",
        ),
    ],
)
def test_files_that_are_no_workload(tmp_path, raw, message):
    path = tmp_path / "w.json"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput) as caught:
        load(str(path))
    assert str(caught.value) == f"{path}: {message}"


def test_files_that_cannot_be_read(tmp_path):
    for path, problem in ((tmp_path / "none.json", "No such file"), (tmp_path, "Is a directory"), ("\0", "null")):
        with pytest.raises(InvalidInput, match=problem):
            load(str(path))


def test_load_from_a_file_and_from_standard_input(tmp_path, monkeypatch):
    (w,) = parse(one([WRITE], title="ä"))
    (tmp_path / "w.json").write_text(dump([w, w]), encoding="utf-8")
    assert load(str(tmp_path / "w.json")) == [w, w]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(dump([w]).encode())))
    assert load("-") == [w]


def test_a_workload_made_in_python_is_checked_too():
    with pytest.raises(InvalidInput, match=r'^prepare\[0\].in: "s0" does not exist'):
        Workload("w", prepare=(Op("unlink", "f"),))


# ---------------------------------------------------------------------------------------------------------------------
# One truth: table, schema, documentation


def test_schema_file_is_what_the_table_says():
    text = (ROOT / "docs/reference/workload.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == workload.schema()
    jsonschema.Draft202012Validator.check_schema(workload.schema())


def test_page_holds_the_tables_and_its_example_parses():
    page = (ROOT / "docs/reference/workload.md").read_text(encoding="utf-8")
    assert workload.operations_table() in page
    assert workload.keys_table() in page
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert parse(json.loads(example))[0].id == "one-byte"
    with pytest.raises(InvalidInput) as caught:
        parse([one([WRITE] * 3 + [{**WRITE, "offsets": [0, 0, -1]}])], "w.json")
    assert str(caught.value) in page


def test_every_key_is_used_and_described():
    used = {key for row in OPS.values() for key in (row.required + " " + row.optional).split()}
    assert used == set(KEYS)
