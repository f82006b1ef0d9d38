"""The target of quality: what is promised is kept, at less spend, and the best arm is found out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.floor import Floor
from conduit.bandits.quality_target import QualityTarget
from conduit.bandits.rules import Thompson
from conduit.bandits.selection import Selection, select
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Array
from conduit.evaluation.frontier import mixture_spend
from tests.bandits.builders import ask_of, estimates_of

QUALITY = np.array([0.7, 0.8, 0.9])
COST = np.array([1e-5, 4e-4, 5e-3])
"""USD of an ordinary call."""
SPREAD = 0.15
"""How much one prompt differs from another, for every arm on its own."""


def chosen_with(probabilities: Array, *, feasible: Array | None = None) -> Selection:
    """A decision with these propensities."""
    arms = len(probabilities)
    return Selection(
        arm=int(probabilities.argmax()),
        probabilities=probabilities,
        utility=np.zeros(arms),
        utility_std=np.zeros(arms),
        feasible=np.ones(arms, bool) if feasible is None else feasible,
        relaxed=(),
        ask=ask_of(arms),
        rule=Thompson(),
    )


def best_quality() -> float:
    """Mean quality of the best arm in :func:`routed`."""
    noise = SPREAD * np.random.default_rng(0).standard_normal(10**5)
    return float(np.clip(QUALITY[2] + noise, 0, 1).mean())


def routed(target: float, *, requests: int = 2500) -> tuple[QualityTarget, Array, Array]:
    """Route prompts whose expected qualities are known; expected quality and cost of each."""
    rng = np.random.default_rng(5)
    steering = QualityTarget(target=target)
    quality, cost = np.empty(requests), np.empty(requests)
    for i in range(requests):
        q = np.clip(QUALITY + SPREAD * rng.standard_normal(3), 0, 1)
        estimates = estimates_of(q, cost=COST, quality_std=np.full(3, 0.01), ratings=[1e6] * 3)
        ask = ask_of(3, price_of_money=steering.price_of_money, explore=steering.explore(estimates))
        chosen = select(estimates, ask, rule=Thompson(), floor=Floor(), rng=rng)
        assert chosen is not None
        steering = steering.decided(estimates, chosen).spend(float(COST[chosen.arm]))
        quality[i], cost[i] = q[chosen.arm], COST[chosen.arm]
    return steering, quality, cost


@pytest.mark.parametrize("target", [0.8, 0.9, 0.95, 0.99])
def test_quality_is_kept_for_less_than_any_constant_mixture_spends(target: float) -> None:
    """Where qualities are known, mean quality is τ × best's, and spend is below the mixture's."""
    _, quality, cost = routed(target)
    best, later = best_quality(), slice(500, None)
    assert quality[later].mean() / best == pytest.approx(target, abs=0.01)
    assert cost[later].mean() < mixture_spend(COST, [0.7, 0.8, best], target * best)


def test_all_of_the_best_models_quality_can_be_asked_for() -> None:
    """With τ = 1 nothing is given up on average, and choosing by the prompt still saves."""
    _, quality, cost = routed(1.0)
    assert quality[500:].mean() == pytest.approx(best_quality(), rel=0.01)
    assert cost[500:].mean() < 0.9 * COST[2]


@pytest.mark.parametrize("target", [0.0, -0.5, 1.01, math.nan, math.inf])
def test_a_target_out_of_range_is_refused(target: float) -> None:
    """The error names the value, and says which range."""
    with pytest.raises(InvalidInputError, match=r"quality_target=.*above 0 and at most 1"):
        QualityTarget(target=target)


def test_too_little_quality_lowers_the_price_and_too_much_raises_it() -> None:
    """The price of money moves against the expected shortfall, whatever was obtained in the end."""
    estimates = estimates_of(QUALITY, cost=COST, ratings=[1e6] * 3)
    steering = QualityTarget(target=0.95)
    for _ in range(20):
        steering = steering.decided(estimates, chosen_with(np.array([0.0, 0.5, 0.5])))
    below = steering.decided(estimates, chosen_with(np.array([1.0, 0.0, 0.0])))
    above = steering.decided(estimates, chosen_with(np.array([0.0, 0.0, 1.0])))
    assert below.price_of_money < steering.price_of_money < above.price_of_money


def test_a_forced_choice_changes_nothing() -> None:
    """A decision over one feasible arm says nothing about the trade-off."""
    steering = QualityTarget(target=0.95)
    only = chosen_with(np.array([1.0, 0, 0]), feasible=np.array([True, False, False]))
    assert steering.decided(estimates_of(QUALITY), only) is steering


def test_the_best_of_the_feasible_arms_sets_the_target() -> None:
    """Where the best arm may not be chosen, serving the next best fully is more than enough."""
    estimates = estimates_of(QUALITY, cost=COST, ratings=[1e6] * 3)
    two = np.array([True, True, False])
    steering = QualityTarget(target=0.95).decided(estimates, chosen_with(np.array([0.5, 0.5, 0.0])))
    later = steering.decided(estimates, chosen_with(np.array([0, 1.0, 0]), feasible=two))
    assert later.price_of_money > steering.price_of_money


def test_an_arm_with_an_unlucky_start_is_probed_until_it_is_known() -> None:
    """Two poor ratings leave an arm its chance to be the best; two thousand do not."""
    quality = np.array([0.6, 0.3, 0.6])
    shares = []
    for ratings in (2.0, 2000.0):
        estimates = estimates_of(quality, cost=[1e-3] * 3, ratings=[1000.0, ratings, 1000.0])
        steering = QualityTarget(target=0.95).decided(estimates, chosen_with(np.full(3, 1 / 3)))
        found = steering.explore(estimates)
        assert found is not None
        shares.append(found[1])
    assert shares[0] > 0.01
    assert shares[1] < 1e-6


def test_a_lucky_start_does_not_raise_the_target_much() -> None:
    """An arm that looks perfect after one rating is hoped to be little better than a known one."""
    lucky = estimates_of([0.8, 1.0], quality_std=[0.01, 0.01], ratings=[1000.0, 1.0])
    steering = QualityTarget(target=0.95)
    for _ in range(50):
        steering = steering.decided(lucky, chosen_with(np.array([1.0, 0.0])))
    assert steering.traffic is not None
    assert 0.8 <= steering.traffic.hope[1] < 0.83


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.lists(st.floats(-1, 2), min_size=3, max_size=3),
            st.lists(st.floats(0, 1e3), min_size=3, max_size=3),
            st.integers(0, 2),
            st.floats(0, 1e5),
        ),
        max_size=40,
    ),
    target=st.floats(1e-6, 1.0),
)
def test_the_price_is_finite_and_probes_cost_no_more_than_their_purse(
    steps: list[tuple[list[float], list[float], int, float]], target: float
) -> None:
    """Whatever is expected, λ ≥ 0 is finite, and probes are a small share of requests and money."""
    steering = QualityTarget(target=target)
    gains = steering.gains
    for quality, cost, arm, ratings in steps:
        estimates = estimates_of(quality, cost=cost, ratings=[ratings, 1.0, 0.0])
        shares = steering.explore(estimates)
        if shares is not None:
            assert steering.traffic is not None
            assert (shares >= 0).all()
            assert shares.sum() <= gains.probe + 1e-9
            assert shares @ estimates.cost <= gains.purse * steering.traffic.spend + 1e-9
        steering = steering.decided(estimates, chosen_with(np.eye(3)[arm]))
        assert 0 <= steering.price_of_money < math.inf
        assert math.isfinite(steering.price)


def test_other_arms_start_the_averages_anew_and_keep_the_price() -> None:
    """An arm more or less does not lose the price that was found."""
    steering = QualityTarget(target=0.95)
    three = estimates_of(QUALITY, cost=COST)
    for _ in range(100):
        steering = steering.decided(three, chosen_with(np.array([0.0, 0.0, 1.0])))
    two = estimates_of(QUALITY[:2], cost=COST[:2])
    later = steering.decided(two, chosen_with(np.array([0.5, 0.5])))
    assert later.traffic is not None
    assert len(later.traffic.cost) == 2
    fresh = QualityTarget(target=0.95).decided(two, chosen_with(np.array([0.5, 0.5])))
    found = steering.price_of_money
    assert abs(later.price_of_money - found) < 0.5 * abs(fresh.price_of_money - found)


@pytest.mark.parametrize("arms", [("b", "c", "new"), ("b", "a", "c")])
def test_means_of_other_arms_are_forgotten_and_the_price_is_kept(arms: tuple[str, ...]) -> None:
    """Where one model was put in the place of another, no column is read as that of another arm."""
    before = replace(estimates_of([0.5, 0.7, 0.9], cost=COST), arms=("a", "b", "c"))
    after = replace(estimates_of([0.9, 0.7, 0.5], cost=COST[::-1]), arms=arms)
    chosen = chosen_with(np.array([0.0, 0.1, 0.9]))
    steering = QualityTarget(target=0.95, price_of_money=50.0)
    for _ in range(50):
        steering = steering.decided(before, chosen)
    assert steering.explore(before) is not None
    assert steering.explore(after) is None
    swapped = steering.decided(after, chosen)
    assert swapped.traffic is not None
    np.testing.assert_array_equal(swapped.traffic.quality, after.quality)
    assert swapped.traffic.requests == 1
    assert 0.5 < swapped.price_of_money / steering.price_of_money < 2
