"""The page of the checking kit: its examples run."""

import doctest

from places import DOCS

PAGE = DOCS / "reference/testing.md"


def test_examples_of_the_page_run():
    parsed = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, str(PAGE), 0)
    assert len(parsed.examples) > 15
    assert doctest.DocTestRunner().run(parsed).failed == 0
