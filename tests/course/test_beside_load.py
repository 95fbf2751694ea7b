"""A grade depends on the work alone: the table of points beside eight busy processes, which leave it little time."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from submissions import KINDS, MESSAGES, SUBMISSIONS, points

import snapsim

BUSY = 8
WHOLE = {
    "union-mount": KINDS,
    "cow-volume": ("right", "empty", "loops", "borrows"),
    "properties": ("right", "bug 1", "loops"),
}
"""All kinds of the quickest exercise; of the others those that load could change: what is right, and what hangs."""
SAID = {kind: MESSAGES.get(kind, "") for kind in KINDS} | {
    "reads the solution": "",
    "changes the checker": "it uses snapsim",
}


@contextlib.contextmanager
def busy(count):
    """So many processes that compute all the time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def graded(name, kinds, folder):
    """The command that grades these submissions of an exercise, started."""
    for kind in kinds:
        (folder / f"{kind.replace(' ', '-')}.py").write_text(SUBMISSIONS[kind][name][0])
    command = [sys.executable, "-m", "snapsim", "mark", name, "--format", "json"]
    return subprocess.Popen(
        [*command, *(f"{kind.replace(' ', '-')}.py" for kind in kinds)],
        cwd=folder,
        stdout=subprocess.PIPE,
        env={**os.environ, "SNAPSIM_PATIENCE": "1", "PYTHONPATH": str(Path(snapsim.__file__).parents[1])},
    )


def test_the_table_of_points_beside_busy_processes(tmp_path):
    """The same points and messages as on a machine that has nothing else to do, with a second of patience."""
    with busy(BUSY):
        runs = {}
        for name, kinds in WHOLE.items():
            (tmp_path / name).mkdir()
            runs[name] = graded(name, kinds, tmp_path / name)
        told = {name: (json.loads(run.communicate()[0]), run.returncode) for name, run in runs.items()}
    for name, (rows, status) in told.items():
        assert status == 0
        for kind, row in zip(WHOLE[name], rows, strict=True):
            least, most = points(kind, name)
            assert least <= row["points"] <= most, row
            assert SAID[kind] in "\n".join(row["messages"]), row
