"""Archives of images that once broke the reader, and some hundred fresh mutations of good ones.

For long: ``SNAPSIM_FUZZ=100000 pytest tests/images/test_image_fuzz.py -k fresh``.
"""

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_mutations import judge, mutated, seeds
from images import as_tar, docker
from places import DATA

KEPT = sorted((DATA / "fuzz" / "images").iterdir())
COUNT = int(os.environ.get("SNAPSIM_FUZZ", "500"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.tar"


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_once_broke_is_refused(path, place):
    assert judge(place, path.read_bytes()) == "refused"


@pytest.mark.parametrize("raw", seeds())
def test_seeds_are_good(raw, place):
    """A mutation of what is refused anyway would test little."""
    assert judge(place, as_tar(docker([raw])), use=True) == "loaded"


def test_some_mutations_are_good_and_most_are_not(place):
    found = [judge(place, mutated(Random(number))) for number in range(60)]
    assert 10 <= found.count("read") <= 50


@settings(max_examples=COUNT, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**64 - 1))
def test_fresh_mutations(place, seed):
    """Read, loaded, or refused in one printable line; one in twenty is also loaded into engines."""
    judge(place, mutated(Random(seed)), use=seed % 20 == 0)
