"""PagedMap: what a look-up finds, what a copy costs, what is given back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapsim.base.errors import InvalidInput
from snapsim.block.paged_map import PagedMap


def keys(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_a_copy_costs_no_leaf_until_one_side_writes():
    """3 pages written: 3 leaves. A copy: still 3. One key written in the copy: 4. Back to 3 when it is released."""
    first = PagedMap(1024, leaf=16)
    first.set(keys(0, 17, 33), keys(1, 2, 3))
    assert first.leaves == 3
    twin = first.share()
    assert first.leaves == 3
    twin.set(keys(17), 9)
    assert (first.leaves, first.get(keys(17)).tolist(), twin.get(keys(17)).tolist()) == (4, [2], [9])
    twin.release()
    assert (first.leaves, twin.values().tolist(), first.values().tolist()) == (3, [], [1, 2, 3])


def test_a_leaf_that_only_one_side_still_holds_is_written_in_place():
    """The copy is gone, so nothing is copied: 1 leaf all along."""
    first = PagedMap(64, leaf=16)
    first.set(keys(1), 1)
    first.share().release()
    first.set(keys(1), 2)
    assert first.leaves == 1


def test_freed_leaves_hold_no_old_numbers():
    """Release, then set one other key of the page: its neighbours are unset."""
    numbers = PagedMap(64, leaf=16)
    numbers.set(keys(*range(16)), 7)
    numbers.release()
    numbers.set(keys(20), 1)
    assert numbers.get(keys(*range(32))).tolist() == [-1] * 20 + [1] + [-1] * 11


def test_a_petabyte_costs_what_is_written():
    """2^38 keys; the last one set, one leaf; a hundred copies, still one leaf."""
    length = 1 << 38
    numbers = PagedMap(length, leaf=1 << 14)
    numbers.set(keys(length - 1), 4)
    copies = [numbers.share() for _ in range(100)]
    assert numbers.leaves == 1
    assert copies[-1].items()[0].tolist() == [length - 1]
    assert copies[50].get(keys(0, length - 2, length - 1)).tolist() == [-1, -1, 4]


def test_of_a_key_named_twice_the_last_number_stays():
    numbers = PagedMap(8, leaf=4)
    numbers.set(keys(3, 5, 3), keys(1, 2, 6))
    assert numbers.get(keys(3, 5)).tolist() == [6, 2]


def test_a_leaf_may_be_longer_than_the_map():
    numbers = PagedMap(3)
    numbers.set(keys(2), 0)
    assert numbers.get(keys(0, 1, 2)).tolist() == [-1, -1, 0]


@pytest.mark.parametrize("wrong", [{"length": -1}, {"length": 8, "leaf": 3}, {"length": 8, "leaf": 0}])
def test_lengths_and_leaves_that_are_none(wrong):
    with pytest.raises(InvalidInput):
        PagedMap(**wrong)


STEP = st.tuples(
    st.sampled_from(["set", "share", "release"]), st.integers(0, 99), st.lists(st.integers(0, 49)), st.integers(-1, 9)
)


@given(st.lists(STEP, max_size=30), st.sampled_from([1, 4, 16, 64]))
def test_maps_and_their_copies_agree_with_dictionaries(steps, leaf):
    """After every step each of all maps holds what its dictionary holds."""
    maps = [(PagedMap(50, leaf=leaf), dict[int, int]())]
    for kind, which, where, value in steps:
        found, wanted = maps[which % len(maps)]
        if kind == "set":
            found.set(keys(*where), value)
            wanted.update(dict.fromkeys(where, value))
        elif kind == "share":
            maps.append((found.share(), dict(wanted)))
        else:
            found.release()
            wanted.clear()
        for each, oracle in maps:
            assert each.get(np.arange(50)).tolist() == [oracle.get(key, -1) for key in range(50)]
            assert dict(zip(*(part.tolist() for part in each.items()), strict=True)) == {
                key: number for key, number in oracle.items() if number != -1
            }
