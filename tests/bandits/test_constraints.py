"""Which arms may be chosen, and what gives way when none may."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.constraints import TRUSTED_AFTER, Mask, feasible_arms
from conduit.bandits.estimates import Estimates
from conduit.core.models import QueryConstraints
from tests.bandits.builders import estimates_of

ALL = np.ones(3, bool)
ORDER = ("budget", "min_quality", "max_latency")
ARMS = 4
GRID = np.arange(5) / 4
"""Estimates and limits on a coarse grid, so that ties and exact limits occur often."""


def drawn_estimates(rng: np.random.Generator) -> Estimates:
    """Estimates of arms, some without a measured latency and some hardly rated."""
    return estimates_of(
        rng.choice(GRID, ARMS),
        cost_high=rng.choice(GRID, ARMS),
        latency_high=rng.choice([np.nan, *GRID], ARMS),
        quality_std=rng.choice(GRID, ARMS),
        ratings=rng.choice([0.0, 1000.0], ARMS),
    )


def satisfied(estimates: Estimates, limits: QueryConstraints, name: str, headroom: float) -> Mask:
    """Which arms satisfy one constraint, arm by arm."""

    def holds(k: int) -> bool:
        if name == "budget":
            return bool(estimates.cost_high[k] <= headroom)
        if name == "min_quality":
            trusted = estimates.ratings[k] >= TRUSTED_AFTER
            bound = estimates.quality[k] - estimates.quality_std[k] * trusted
            return limits.min_quality is None or bool(bound >= limits.min_quality)
        high = estimates.latency_high[k]
        return limits.max_latency is None or bool(np.isnan(high) or high <= limits.max_latency)

    return np.array([holds(k) for k in range(ARMS)])


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_relaxation_is_the_shortest_that_leaves_an_arm(seed: int) -> None:
    """No limit gives way while an arm satisfies it; max_cost and the allowed arms never do."""
    rng = np.random.default_rng(seed)
    estimates = drawn_estimates(rng)
    cost, latency, quality = rng.choice([None, *GRID], 3)
    limits = QueryConstraints(max_cost=cost, max_latency=latency, min_quality=quality)
    allowed = rng.random(ARMS) < 0.7
    headroom = float(rng.choice([np.inf, *GRID]))
    found = feasible_arms(estimates, limits, allowed=allowed, headroom=headroom)
    hard = allowed & (
        estimates.cost_high <= (np.inf if limits.max_cost is None else limits.max_cost)
    )

    assert not (found.mask & ~hard).any()
    assert found.mask.any() == hard.any()
    assert [name for name in ORDER if name in found.relaxed] == list(found.relaxed)
    if not hard.any():
        return
    holding = {name: satisfied(estimates, limits, name, headroom) for name in ORDER}
    kept = [name for name in ORDER if name not in found.relaxed]
    for name in kept:
        assert not (found.mask & ~holding[name]).any()
    everything = np.logical_and.reduce([hard, *holding.values()])
    assert (found.relaxed == ()) == bool(everything.any())
    if not found.relaxed:
        np.testing.assert_array_equal(found.mask, everything)


def test_max_cost_looks_at_the_upper_quantile() -> None:
    """An arm whose mean fits but whose quantile does not is out."""
    estimates = estimates_of([0.9, 0.8, 0.7], cost=[0.01, 0.02, 0.03], cost_high=[0.05, 0.02, 0.03])
    found = feasible_arms(estimates, QueryConstraints(max_cost=0.03), allowed=ALL)
    assert found.mask.tolist() == [False, True, True]


def test_max_cost_zero_leaves_free_arms_only() -> None:
    """Zero means zero: free arms remain, and where there is none nothing does."""
    zero = QueryConstraints(max_cost=0)
    free = feasible_arms(estimates_of([0.9, 0.1, 0.5], cost=[1e-12, 0, 0]), zero, allowed=ALL)
    assert free.mask.tolist() == [False, True, True]
    assert free.relaxed == ()
    paid = feasible_arms(estimates_of([0.9, 0.1, 0.5]), zero, allowed=ALL)
    assert not paid.mask.any()
    assert paid.relaxed == ()


def test_max_cost_is_not_relaxed_to_satisfy_anything_else() -> None:
    """With every soft limit unsatisfiable too, only arms within max_cost remain."""
    estimates = estimates_of([0.9, 0.1, 0.2], cost=[1.0, 0.1, 0.2], latency_high=[1.0, 50.0, 60.0])
    limits = QueryConstraints(max_cost=0.4, max_latency=2.0, min_quality=0.8)
    found = feasible_arms(estimates, limits, allowed=ALL, headroom=0.0)
    assert found.mask.tolist() == [False, True, False]
    assert found.relaxed == ORDER


def test_without_headroom_the_cheapest_arm_that_satisfies_the_rest_is_left() -> None:
    """A budget that affords no arm leaves the cheapest, and says so."""
    estimates = estimates_of([0.9, 0.8, 0.2], cost=[0.3, 0.2, 0.1])
    limits = QueryConstraints(min_quality=0.5)
    found = feasible_arms(estimates, limits, allowed=ALL, headroom=0.01)
    assert found.mask.tolist() == [False, True, False]
    assert found.relaxed == ("budget",)


def test_every_arm_may_have_a_headroom_of_its_own() -> None:
    """An arm goes when its own money does not pay for it, whatever the others have."""
    estimates = estimates_of([0.9, 0.8, 0.2], cost_high=[0.3, 0.2, 0.1])
    room = np.array([np.inf, 0.1, 0.1])
    found = feasible_arms(estimates, QueryConstraints(), allowed=ALL, headroom=room)
    assert found.mask.tolist() == [True, False, True]
    assert found.relaxed == ()
    none = feasible_arms(estimates, QueryConstraints(), allowed=ALL, headroom=np.full(3, -1.0))
    assert none.mask.tolist() == [False, False, True]
    assert none.relaxed == ("budget",)


def test_min_quality_gives_way_before_max_latency() -> None:
    """Where one arm is good and another fast, the fast one is kept."""
    estimates = estimates_of([0.9, 0.2, 0.1], latency_high=[9.0, 1.0, 9.0])
    limits = QueryConstraints(min_quality=0.8, max_latency=2.0)
    found = feasible_arms(estimates, limits, allowed=ALL)
    assert found.mask.tolist() == [False, True, False]
    assert found.relaxed == ("min_quality",)


@pytest.mark.parametrize(("ratings", "enters"), [(0, True), (TRUSTED_AFTER, False)])
def test_new_arms_are_given_the_benefit_of_the_doubt(ratings: float, *, enters: bool) -> None:
    """min_quality looks at the mean while little is known, at the lower bound afterwards."""
    estimates = estimates_of([0.8, 0.9], quality_std=[0.3, 0.01], ratings=[ratings, 1000])
    found = feasible_arms(estimates, QueryConstraints(min_quality=0.7), allowed=np.ones(2, bool))
    assert found.mask.tolist() == [enters, True]


def test_unknown_latency_satisfies_max_latency() -> None:
    """Nothing measured is no reason to exclude an arm."""
    estimates = estimates_of([0.5, 0.5, 0.5], latency_high=[np.nan, 1.0, 3.0])
    found = feasible_arms(estimates, QueryConstraints(max_latency=2.0), allowed=ALL)
    assert found.mask.tolist() == [True, True, False]
