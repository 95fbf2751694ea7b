"""Properties are judged by what they find, not by the clock of the machine that they run on."""

import pytest
from hypothesis import settings

settings.register_profile("snapsim", deadline=None)
settings.load_profile("snapsim")

collect_ignore = ["fuzz/guided.py"]  # needs atheris, which is not a tool of the tests

LONG = (
    "test_otter.py",
    "test_nbgrader.py",
    "test_newcomer.py",
    "test_notebooks.py",
    "test_fidelity.py",
    "test_marking.py",
    "test_testing_isolation.py",
    "test_same_as_docker.py",
)
"""Files with tests that take a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left with it while the others have ended."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
