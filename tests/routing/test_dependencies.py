"""Dependencies: acyclic by construction, and only direct ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from narrowgauge.routing.dependencies import FEATURES, KINDS, decode, distance_index, distances, pooling_rows


def table(n: int, *pairs: tuple[int, int, str, float]) -> npt.NDArray[np.float32]:
    """Probabilities with the given (step, other, kind, probability) and no dependency elsewhere."""
    out = np.zeros((n, n, 4), np.float32)
    out[:, :, 0] = 1
    for i, j, kind, probability in pairs:
        out[i, j] = 0
        out[i, j, KINDS.index(kind) + 1] = probability
        out[i, j, 0] = 1 - probability
    return out


def kinds(probabilities: npt.NDArray[np.float32]) -> list[list[tuple[int, str]]]:
    return [[(d.step, d.kind) for d in found] for found in decode(probabilities)]


def test_a_later_step_can_come_first() -> None:
    """ "Before you X, do Y": the first step depends on the second."""
    assert kinds(table(2, (0, 1, "after", 0.9))) == [[(1, "after")], []]


def test_the_weaker_side_of_a_cycle_is_left_out() -> None:
    """Of two dependencies that contradict each other the likelier one stays."""
    assert kinds(table(2, (0, 1, "after", 0.8), (1, 0, "uses", 0.9))) == [[], [(0, "uses")]]


def test_a_result_that_comes_through_another_step_is_not_used_again() -> None:
    """Only direct dependencies: what the used step already holds is not a dependency of its own."""
    pairs = ((1, 0, "for_each", 0.9), (2, 0, "uses", 0.7), (2, 1, "uses", 0.9))
    assert kinds(table(3, *pairs)) == [[], [(0, "for_each")], [(1, "uses")]]


def test_use_implies_order() -> None:
    """A step that uses a result has no order-only dependency beside it."""
    assert kinds(table(3, (2, 0, "uses", 0.9), (2, 1, "after", 0.9)))[2] == [(0, "uses")]


def test_order_does_not_hand_on_results() -> None:
    """A step that only comes after another does not hold its result: both results are used."""
    pairs = ((1, 0, "after", 0.9), (2, 0, "uses", 0.8), (2, 1, "uses", 0.9))
    assert kinds(table(3, *pairs))[2] == [(0, "uses"), (1, "uses")]


@settings(deadline=None)  # the machine may be busy
@given(
    st.integers(1, 7).flatmap(
        lambda n: arrays.arrays(np.float32, (n, n, 4), elements=st.floats(0, 1, width=32))
    )
)
def test_plans_have_no_cycle(probabilities: npt.NDArray[np.float32]) -> None:
    """Whatever the classifier says, the steps have an order in which each follows what it depends on."""
    left = {i: {d.step for d in found} for i, found in enumerate(decode(probabilities))}
    while left:
        free = [i for i, needs in left.items() if not needs & left.keys()]
        assert free
        for i in free:
            del left[i]


def test_pooling_rows_are_means() -> None:
    """Each feature of a step is a mean over its tokens; an empty gap gives zeros."""
    rows = pooling_rows([(1, 3), (3, 5)], 7)
    assert rows.shape == (2, FEATURES, 7)
    assert rows[0, 2].tolist() == [0, 0.5, 0.5, 0, 0, 0, 0]
    assert rows[1, 3].sum() == 0
    assert rows[1, 4].tolist() == [0, 0, 0, 0, 0, 0.5, 0.5]


def test_distances_are_clipped() -> None:
    """Far pairs share a row of the table at each side."""
    assert distance_index(0, 50) == 0
    assert distance_index(50, 0) == distance_index(20, 0) == 12


def test_distances_are_those_of_all_pairs() -> None:
    """The table that the head reads has the distance index of each pair of steps, near or far apart."""
    assert distances(20).tolist() == [[distance_index(i, j) for j in range(20)] for i in range(20)]
