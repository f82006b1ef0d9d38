"""The floor under propensities, and what it may cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conduit.bandits.floor import Floor
from conduit.core.statistics import Array

ARMS = 5
COSTS = arrays(float, ARMS, elements=st.just(0.0) | st.floats(1e-7, 10))
MASKS = arrays(bool, ARMS).filter(lambda mask: mask.any())
FLOORS = st.builds(Floor, epsilon=st.floats(0, 1), share=st.floats(0, 1))


def shares(raw: Array, mask: Array) -> Array:
    """A distribution over the feasible arms."""
    kept = np.where(mask, raw, 0.0)
    return kept / kept.sum()


@settings(max_examples=80, deadline=None)
@given(
    floor=FLOORS,
    raw=arrays(float, ARMS, elements=st.floats(1e-9, 1)),
    cost=COSTS,
    mask=MASKS,
    budget=st.none() | st.floats(1e-6, 1),
)
def test_forced_exploration_costs_at_most_its_share_of_the_budget(
    floor: Floor, raw: Array, cost: Array, mask: Array, budget: float | None
) -> None:
    """Lifted propensities sum to 1, spare infeasible arms, and cost at most ρB more."""
    before = shares(raw, mask)
    after = floor.apply(before, cost=cost, feasible=mask, budget=budget)
    allowance = floor.share * (before @ cost if budget is None else budget)
    assert after.sum() == pytest.approx(1.0, abs=1e-12)
    assert (after >= 0).all()
    assert not after[~mask].any()
    assert after @ cost - before @ cost <= allowance * (1 + 1e-9) + 1e-12


@settings(max_examples=50, deadline=None)
@given(cost=COSTS, mask=MASKS, data=st.data())
def test_every_feasible_arm_is_lifted_when_money_allows(
    cost: Array, mask: Array, data: st.DataObject
) -> None:
    """With a generous budget each feasible arm gets at least its part of ε."""
    epsilon = data.draw(st.floats(0.001, 1))
    best = int(data.draw(st.sampled_from(np.flatnonzero(mask).tolist())))
    one_hot = (np.arange(ARMS) == best).astype(float)
    floor = Floor(epsilon=epsilon, share=1.0)
    after = floor.apply(one_hot, cost=cost, feasible=mask, budget=1e6)
    assert (after[mask] >= epsilon / mask.sum() - 1e-12).all()


def test_free_arms_are_explored_for_nothing() -> None:
    """Where no arm costs anything, ε is shared by all of them."""
    floor = Floor(epsilon=0.3, share=0.02)
    mask = np.ones(3, bool)
    after = floor.apply(np.array([1.0, 0, 0]), cost=np.zeros(3), feasible=mask, budget=None)
    np.testing.assert_allclose(after, [0.8, 0.1, 0.1])


def test_the_cheapest_arm_is_explored_at_full_rate() -> None:
    """Going to the cheapest arm costs nothing extra, so money does not limit it."""
    floor = Floor(epsilon=0.2, share=1e-6)
    after = floor.apply(
        np.array([1.0, 0.0]), cost=np.array([1.0, 0.1]), feasible=np.ones(2, bool), budget=None
    )
    assert after[1] == pytest.approx(0.1, rel=1e-3)


def test_money_is_shared_among_the_arms_that_cost_more() -> None:
    """Of five arms four cost a dollar more: each gets a fifth of ρB, as propensity per dollar."""
    one_hot = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    cost = np.array([0.0, 1.0, 1.0, 1.0, 1.0])
    floor = Floor(epsilon=0.9, share=0.5)
    after = floor.apply(one_hot, cost=cost, feasible=np.ones(5, bool), budget=0.01)
    np.testing.assert_allclose(after[1:], 0.5 * 0.01 / 5)


def test_more_arms_are_not_more_exploration() -> None:
    """Whether three arms or twelve, the arm that is best loses less than ε."""
    for arms in (3, 12):
        one_hot = (np.arange(arms) == 0).astype(float)
        free = Floor(epsilon=0.03).apply(
            one_hot, cost=np.zeros(arms), feasible=np.ones(arms, bool), budget=None
        )
        assert free[0] == pytest.approx(1 - 0.03 * (arms - 1) / arms)


def test_no_floor_changes_nothing() -> None:
    """ε = 0 hands the propensities back as they were."""
    before = np.array([0.25, 0.75])
    after = Floor(epsilon=0.0).apply(
        before, cost=np.ones(2), feasible=np.ones(2, bool), budget=None
    )
    np.testing.assert_array_equal(after, before)


def test_infeasible_arms_do_not_set_the_reference_cost() -> None:
    """A free arm that cannot be chosen does not make the feasible ones look dear."""
    floor = Floor(epsilon=0.2, share=0.02)
    after = floor.apply(
        np.array([0.0, 1.0, 0.0]),
        cost=np.array([0.0, 1.0, 1.0]),
        feasible=np.array([False, True, True]),
        budget=None,
    )
    np.testing.assert_allclose(after, [0.0, 0.9, 0.1])
