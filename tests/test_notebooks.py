"""Every chapter is executed, as a reader would: no error, nothing on standard error, and no outputs are kept."""

from pathlib import Path

import jupytext
import nbclient
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path, tmp_path):
    notebook = jupytext.read(path)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_text_and_calls(path):
    """No cell of code is longer than fifteen lines, and the text form survives a round trip."""
    notebook = jupytext.read(path)
    assert all(len(cell.source.splitlines()) <= 15 for cell in notebook.cells if cell.cell_type == "code")
    again = jupytext.reads(jupytext.writes(notebook, "py:percent"), "py:percent")
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]


def test_no_outputs_in_the_repository():
    assert not list(NOTEBOOKS[0].parent.glob("*.ipynb"))
