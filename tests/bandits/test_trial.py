"""Trials of new arms: how often, at what cost, and for how long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conduit.bandits.floor import Floor
from conduit.bandits.policies import NO_FLOOR, policy_named, policy_names
from conduit.bandits.rules import Greedy
from conduit.bandits.selection import select
from conduit.bandits.trial import NO_TRIAL, Trial
from conduit.core.statistics import Array
from tests.bandits.builders import ask_of, estimates_of, p_value

ARMS = 5
KNOWN = 1000.0
COSTS = arrays(float, ARMS, elements=st.just(0.0) | st.floats(1e-7, 10))
RATINGS = arrays(float, ARMS, elements=st.floats(0, 30) | st.floats(1e3, 1e5))
MASKS = arrays(bool, ARMS).filter(lambda mask: mask.any())
ALL = np.ones(3, bool)


def tried(
    trial: Trial, ratings: list[float], *, cost: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> Array:
    """Probabilities of three arms of which the first would always be chosen."""
    return trial.apply(
        np.array([1.0, 0.0, 0.0]),
        cost=np.array(cost),
        ratings=np.array(ratings),
        feasible=ALL,
        budget=0.01,
    )


@settings(max_examples=80, deadline=None)
@given(
    trial=st.builds(Trial, epsilon=st.floats(0, 1), share=st.floats(0, 1)),
    raw=arrays(float, ARMS, elements=st.floats(1e-9, 1)),
    cost=COSTS,
    ratings=RATINGS,
    mask=MASKS,
    budget=st.none() | st.floats(1e-6, 1),
)
def test_trials_keep_to_their_share_of_requests_and_of_the_budget(
    trial: Trial, raw: Array, cost: Array, ratings: Array, mask: Array, budget: float | None
) -> None:
    """Propensities sum to 1, spare infeasible arms, and move by at most ε at ρB more."""
    before = np.where(mask, raw, 0.0) / raw[mask].sum()
    after = trial.apply(before, cost=cost, ratings=ratings, feasible=mask, budget=budget)
    allowance = trial.share * (before @ cost if budget is None else budget)
    assert after.sum() == pytest.approx(1.0, abs=1e-12)
    assert (after >= 0).all()
    assert not after[~mask].any()
    assert np.abs(after - before).sum() / 2 <= trial.epsilon + 1e-12
    assert after @ cost - before @ cost <= allowance * (1 + 1e-9) + 1e-12


def test_a_new_arm_beside_known_ones_is_tried() -> None:
    """It gets ε when it costs no more, until it has enough ratings."""
    trial = Trial(epsilon=0.1, enough=10.0)
    np.testing.assert_allclose(tried(trial, [KNOWN, KNOWN, 9.9]), [0.9, 0.0, 0.1])
    np.testing.assert_allclose(tried(trial, [KNOWN, KNOWN, 10.0]), [1.0, 0.0, 0.0])


@pytest.mark.parametrize("budget", [None, 0.01])
def test_a_free_arm_among_free_ones_is_tried(budget: float | None) -> None:
    """Where nothing costs anything a trial costs nothing either: a new arm gets ε."""
    found = Trial(epsilon=0.1).apply(
        np.array([1.0, 0.0, 0.0]),
        cost=np.zeros(3),
        ratings=np.array([KNOWN, KNOWN, 0.0]),
        feasible=ALL,
        budget=budget,
    )
    np.testing.assert_allclose(found, [0.9, 0.0, 0.1])


def test_several_new_arms_share_the_trials() -> None:
    """Two new arms are tried half as often each."""
    np.testing.assert_allclose(tried(Trial(epsilon=0.1), [KNOWN, 0.0, 3.0]), [0.9, 0.05, 0.05])


def test_at_a_cold_start_no_arm_is_new() -> None:
    """Where nothing is known well, nothing is tried for being unknown."""
    for ratings in ([0.0, 0.0, 0.0], [50.0, 40.0, 0.0]):
        np.testing.assert_array_equal(tried(Trial(), ratings), [1.0, 0.0, 0.0])


def test_a_dear_arm_is_tried_as_often_as_money_allows() -> None:
    """At a dollar more than what is chosen now, ρB dollars buy ρB tries."""
    trial = Trial(epsilon=0.1, share=0.2)
    found = tried(trial, [KNOWN, KNOWN, 0.0], cost=(1.0, 1.0, 2.0))
    assert found[2] == pytest.approx(0.2 * 0.01)


def test_arms_that_cannot_be_chosen_do_not_make_another_new() -> None:
    """What is known of infeasible arms counts for nothing."""
    found = Trial().apply(
        np.array([0.0, 1.0, 0.0]),
        cost=np.ones(3),
        ratings=np.array([1e6, 15.0, 5.0]),
        feasible=np.array([False, True, True]),
        budget=None,
    )
    np.testing.assert_array_equal(found, [0.0, 1.0, 0.0])


def test_the_arm_is_drawn_from_the_propensities_with_trials() -> None:
    """4,000 draws agree with what is logged (chi-square, error rate 1e-3)."""
    estimates = estimates_of([0.9, 0.8, 0.7], ratings=[KNOWN, KNOWN, 2.0])
    rng = np.random.default_rng(8)
    counts = np.zeros(3)
    for _ in range(4000):
        found = select(
            estimates, ask_of(3), rule=Greedy(), floor=Floor(), trial=Trial(epsilon=0.2), rng=rng
        )
        assert found is not None
        counts[found.arm] += 1
    assert found.probabilities[2] > 0.19
    assert p_value(counts, found.probabilities) > 1e-3


@pytest.mark.parametrize("name", [*policy_names(), "fixed:a"])
def test_policies_without_a_floor_try_nothing(name: str) -> None:
    """Who chooses the cheapest, the best or a fixed arm is not talked out of it."""
    policy = policy_named(name, models=("a",))
    assert (policy.trial == NO_TRIAL) == (policy.floor == NO_FLOOR)
