"""The pages that are programs: every example in them is run."""

import doctest

import pytest
from places import DOCS

PAGES = DOCS / "explanation"


@pytest.mark.parametrize("name", ["published.md", "seeks.md"])
def test_examples(name):
    page = PAGES / name
    parsed = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0)
    assert len(parsed.examples) >= 4
    assert doctest.DocTestRunner().run(parsed).failed == 0
