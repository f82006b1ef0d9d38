"""Utility: linear in dollars, free of scale, formed when a decision is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.bandits.estimates import Estimates
from conduit.bandits.utility import MARGIN, PRESETS, Valuation, Weights
from conduit.core.models import OptimizeFor
from conduit.core.statistics import Array
from tests.bandits.builders import estimates_of

BALANCED = PRESETS[OptimizeFor.BALANCED]


def some() -> Estimates:
    """Three arms: dear, good and slow to cheap, poor and fast."""
    return estimates_of(
        [0.9, 0.8, 0.5],
        cost=[0.03, 0.01, 0.001],
        latency=[4.0, 2.0, 1.0],
        availability=[1.0, 0.9, 0.5],
        quality_std=[0.1, 0.2, 0.3],
    )


def valued(weights: Weights = BALANCED, *, currency: float = 1.0, **given: Any) -> Valuation:
    """Exchange rates in units of an ordinary call at $0.03 that takes 4 seconds."""
    return Valuation(weights=weights, unit_cost=0.03 * currency, unit_latency=4.0, **given)


def value(estimates: Estimates, weights: Weights = BALANCED, **given: Any) -> Array:
    """Expected utilities."""
    return valued(weights, **given).utility(estimates)[0]


def in_currency(estimates: Estimates, rate: float) -> Estimates:
    """The same estimates with every amount of money times ``rate``."""
    return replace(estimates, cost=rate * estimates.cost, cost_high=rate * estimates.cost_high)


def test_every_preset_exists_and_sums_to_one() -> None:
    """Each name that users type has weights, none negative, that add up to 1."""
    assert set(PRESETS) == set(OptimizeFor)
    for weights in PRESETS.values():
        parts = (weights.quality, weights.cost, weights.latency)
        assert sum(parts) == pytest.approx(1.0)
        assert min(parts) >= 0


def test_the_preset_named_after_a_thing_weighs_that_thing_most() -> None:
    """Quality, cost and speed each get their highest weight from the preset of that name."""
    for name, part in (("quality", "quality"), ("cost", "cost"), ("speed", "latency")):
        weights = {preset: getattr(w, part) for preset, w in PRESETS.items()}
        assert max(weights, key=weights.__getitem__) == name


def test_a_calculation_by_hand() -> None:
    """Quality times availability, less cost and latency in units of an ordinary call."""
    weights = Weights(quality=0.7, cost=0.2, latency=0.1)
    expected = [
        0.7 * 0.9 * 1.0 - 0.2 - 0.1,
        0.7 * 0.8 * 0.9 - 0.2 / 3 - 0.1 / 2,
        0.7 * 0.5 * 0.5 - 0.2 / 30 - 0.1 / 4,
    ]
    mean, std = valued(weights).utility(some())
    np.testing.assert_allclose(mean, expected)
    np.testing.assert_allclose(std, 0.7 * np.array([0.1 * 1.0, 0.2 * 0.9, 0.3 * 0.5]))


@given(rate=st.floats(1e-3, 1e3))
def test_a_change_of_currency_changes_nothing(rate: float) -> None:
    """Dollars or cents: utilities are the same."""
    np.testing.assert_allclose(
        value(in_currency(some(), rate), currency=rate), value(some()), atol=1e-12
    )


@given(price=st.floats(0, 100), first=st.floats(0, 1), second=st.floats(0, 1))
def test_utility_is_linear_in_dollars(price: float, first: float, second: float) -> None:
    """The same extra dollar costs the same utility wherever it is added."""

    def at(cost: float) -> float:
        dearer = replace(some(), cost=np.array([0.03, cost, 0.001]))
        return float(value(dearer, price_of_money=price)[1])

    middle = at((first + second) / 2)
    assert middle == pytest.approx((at(first) + at(second)) / 2, abs=1e-9)


def test_the_price_of_money_is_per_dollar() -> None:
    """A price of λ/B takes λ/B of utility per expected dollar."""
    dear = value(some(), price_of_money=7.0)
    np.testing.assert_allclose(value(some()) - dear, 7.0 * some().cost)


def test_unmeasured_latency_is_left_out() -> None:
    """Without any latency the term vanishes instead of counting as zero or NaN."""
    unmeasured = estimates_of([0.9, 0.5], cost=[0.03, 0.01])
    no_latency = replace(BALANCED, latency=0.0)
    np.testing.assert_array_equal(value(unmeasured), value(unmeasured, no_latency))


def test_a_free_world_is_ruled_by_quality() -> None:
    """Where nothing costs anything, not even the unit, the cost term is zero for all."""
    free = estimates_of([0.9, 0.5], cost=[0.0, 0.0])
    np.testing.assert_allclose(value(free, currency=0.0), BALANCED.quality * np.array([0.9, 0.5]))


def test_a_budget_replaces_the_cost_weight() -> None:
    """Under a budget only its price of money counts money."""
    paced = BALANCED.paced()
    assert paced == replace(BALANCED, cost=0.0)
    dearer = replace(some(), cost=2 * some().cost)
    np.testing.assert_array_equal(value(some(), paced), value(dearer, paced))


def test_a_bonus_is_added_to_the_mean_alone() -> None:
    """A soft preference moves utility, not uncertainty."""
    bonus = np.array([0.0, 0.05, 0.0])
    plain = valued()
    preferring = valued(bonus=bonus)
    np.testing.assert_allclose(preferring.utility(some())[0] - plain.utility(some())[0], bonus)
    np.testing.assert_array_equal(preferring.utility(some())[1], plain.utility(some())[1])


@given(mean=st.floats(-0.5, 1.5), std=st.floats(0, 2), availability=st.floats(0, 1))
def test_beliefs_stay_beliefs_about_a_share(mean: float, std: float, availability: float) -> None:
    """A believed quality outside 0..1 counts as the bound, and its variance as m(1 − m) at most.

    At the very ends some doubt stays: the bound is taken a little inside.
    """
    estimates = estimates_of([mean], quality_std=[std], availability=[availability])
    u, s = Valuation(weights=Weights(quality=1, cost=0, latency=0), unit_cost=1.0).utility(
        estimates
    )
    m = min(max(mean, 0.0), 1.0)
    assert u[0] == pytest.approx(availability * m)
    inner = min(max(mean, MARGIN), 1 - MARGIN)
    assert s[0] == pytest.approx(availability * min(std, np.sqrt(inner * (1 - inner))))


def test_the_trade_off_decides_without_relearning() -> None:
    """The same estimates send quality, cost and speed to three different arms."""
    estimates = estimates_of([0.95, 0.60, 0.65], cost=[0.03, 0.001, 0.02], latency=[4.0, 4.0, 0.4])
    best = {preset: int(value(estimates, weights).argmax()) for preset, weights in PRESETS.items()}
    assert best[OptimizeFor.QUALITY] == 0
    assert best[OptimizeFor.COST] == 1
    assert best[OptimizeFor.SPEED] == 2
