"""Reference counts, by hand and against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapsim.base.errors import NoSpace
from snapsim.block.space_map import SpaceMap


def test_full_and_free_again():
    """4 blocks: 3 taken, 2 wanted -> refused, nothing changes; after releasing block 1 both 3 and 1 are found."""
    space = SpaceMap(4, "pool")
    assert space.allocate(3).tolist() == [0, 1, 2]
    with pytest.raises(NoSpace, match="pool: 2 blocks wanted, 1 of 4 free") as error:
        space.allocate(2)
    assert (error.value.done, space.used) == (1, 3)
    assert space.release(np.array([1])).tolist() == [1]
    assert space.allocate(2).tolist() == [3, 1]


def test_a_copy_is_independent():
    space = SpaceMap(8)
    space.allocate(2)
    twin = space.copy()
    twin.release(np.array([0]))
    assert (space.used, twin.used) == (2, 1)
    assert space.count(np.array([0, 7])).tolist() == [1, 0]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("allocate"), st.integers(0, 5)),
            st.tuples(st.just("take"), st.integers(0, 99)),
            st.tuples(st.just("release"), st.integers(0, 99)),
        ),
        max_size=40,
    )
)
def test_agrees_with_a_dictionary(steps):
    space, owners = SpaceMap(12), {}
    for verb, number in steps:
        if verb == "allocate" and number <= space.free:
            found = space.allocate(number).tolist()
            assert not set(found) & set(owners)
            owners.update(dict.fromkeys(found, 1))
        elif verb != "allocate" and owners:
            block = sorted(owners)[number % len(owners)]
            if verb == "take":
                space.take(np.array([block]))
                owners[block] += 1
            else:
                owners[block] -= 1
                assert space.release(np.array([block])).tolist() == ([block] if owners[block] == 0 else [])
                owners = {key: count for key, count in owners.items() if count}
        assert space.used == len(owners)
        assert space.in_use().tolist() == sorted(owners)
        assert space.count(np.arange(12)).tolist() == [owners.get(block, 0) for block in range(12)]
