"""A hard link that a container broke: no bytes are unseen, and the layer that holds the old data is the one that made
them."""

import json

from snapsim.cli.main import main

SCENARIO = {
    "images": [
        {
            "tag": "a:1",
            "layers": [
                {
                    "created_by": "ADD",
                    "ops": [
                        {"op": "create", "files": [{"path": "one", "size": 1 << 20}]},
                        {"op": "link", "path": "one", "to": "two"},
                    ],
                },
                {"created_by": "RUN", "ops": [{"op": "create", "files": [{"path": "x", "size": 1}]}]},
            ],
        }
    ],
    "containers": [{"name": "c", "image": "a:1", "ops": [{"op": "write", "path": "two", "offsets": [0], "length": 1}]}],
}


def test_a_broken_hard_link_names_its_maker(tmp_path, capsys):
    """Below it lie an init layer and RUN, which made nothing of it."""
    file = tmp_path / "s.json"
    file.write_text(json.dumps(SCENARIO))
    assert main(["why", str(file), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["hidden"]
    assert (found["size"], found["why"], found["seen_by"]) == (0, "hard link broken: /one", ["a:1", "c"])
    assert (found["hiding_step"], found["again"]) == ("run c", (1 << 20) - 4096)
    layers = {row["step"]: row for row in [found]}
    assert list(layers) == ["Imported from -"]  # what Docker's history says of a first layer


def test_no_row_of_no_bytes_occupies_space(tmp_path, capsys):
    file = tmp_path / "s.json"
    file.write_text(json.dumps(SCENARIO))
    assert main(["why", str(file)]) == 0
    out = capsys.readouterr().out
    assert "occupy space unseen" not in out
    assert "Hard links that a copy broke" in out
