"""What is known of weighted residuals that were not drawn, and intervals of weighted means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.evaluation.intervals import Spread, ratio_interval
from conduit.evaluation.known_variance import Draws, known_squares

from .worlds import Floats


def always_first(propensity: Floats, rng: np.random.Generator) -> Draws:
    """Draws among two arms, for the policy that always takes the first."""
    n = len(propensity)
    return Draws(
        propensity=np.column_stack([propensity, 1 - propensity]),
        mass=np.tile([1.0, 0.0], (n, 1)),
        chosen=(rng.random(n) > propensity).astype(np.intp),
    )


def test_residuals_may_be_larger_where_an_arm_is_rare() -> None:
    """Of two bands of propensities each has its own size, so the sum is right where sizes differ."""
    rng = np.random.default_rng(0)
    propensity = np.where(np.arange(40_000) % 2, 0.9, 0.02)
    size = np.where(propensity < 0.5, 3.0, 1.0)
    draws = always_first(propensity, rng)
    truth = float((size**2 / propensity).sum())
    assert known_squares(draws, size * rng.normal(size=40_000)) == pytest.approx(truth, rel=0.1)


def test_where_nothing_was_drawn_an_arm_is_as_it_is_elsewhere() -> None:
    """Twenty common rows lend their average square to a rare one that was not drawn, by hand."""
    draws = Draws(
        propensity=np.array([[0.8, 0.2]] * 20 + [[0.001, 0.999]]),
        mass=np.tile([1.0, 0.0], (21, 1)),
        chosen=np.array([0] * 20 + [1]),
    )
    residual = np.array([2.0, -2.0] * 10 + [7.0])
    assert known_squares(draws, residual) == pytest.approx(4.0 * (20 / 0.8 + 1 / 0.001))


def test_equal_outcomes_are_not_taken_for_certain() -> None:
    """Without any residual there is still that of one imagined draw per arm."""
    draws = always_first(np.full(100, 0.5), np.random.default_rng(0))
    drawn = int((draws.chosen == 0).sum())
    none = np.zeros(100)
    assert known_squares(draws, none) == 0
    assert known_squares(draws, none, imagined=0.25) == pytest.approx(0.25 / (drawn + 1) * 200)


def test_costs_vary_with_what_was_expected() -> None:
    """Dear rows of a band vary more than its draws, most of them cheap, say on their own."""
    rng = np.random.default_rng(1)
    n = 40_000
    dear = np.arange(n) % 10 == 0
    expected = np.where(dear, 1e-2, 1e-3)
    draws = always_first(np.where(dear, 0.26, 0.99), rng)
    residual = expected * rng.normal(size=n)
    truth = float((expected**2 / draws.propensity[:, 0]).sum())
    plain = known_squares(draws, residual)
    informed = known_squares(draws, residual, expected=np.column_stack([expected, expected]))
    assert plain < informed < truth
    assert truth - informed < 0.7 * (truth - plain)


def weighted_mean(weights: Floats, values: Floats) -> float:
    return float(weights @ values / weights.sum())


def drawn(seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return 1 / rng.uniform(0.05, 1.0, 300), rng.uniform(0, 1, 300)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_an_interval_of_a_ratio_follows_its_unit(seed: int, scale: float, shift: float) -> None:
    """It holds the estimate, and moves and stretches as the values do."""
    weights, values = drawn(seed)
    ends = ratio_interval(weights, values, Spread(0.02, 2.0))
    moved = ratio_interval(weights, scale * values + shift, Spread(0.02 * scale, 2.0))
    assert ends is not None
    assert moved is not None
    assert ends[0] < weighted_mean(weights, values) < ends[1]
    assert moved == pytest.approx([scale * end + shift for end in ends], rel=1e-9, abs=1e-9)


def test_an_interval_of_a_ratio_is_what_its_own_residuals_do_not_rule_out() -> None:
    """At both ends the weighted sum of residuals is as many standard errors from 0 as allowed."""
    weights, values = drawn(4)
    centre = weighted_mean(weights, values)
    heavy = weights * (values - centre)
    error = float(np.sqrt(heavy @ heavy)) / weights.sum()
    ends = ratio_interval(weights, values, Spread(error, 1.96))
    assert ends is not None
    for end in ends:
        residual = weights * (values - end)
        assert abs(residual.sum()) == pytest.approx(1.96 * np.sqrt(residual @ residual))


def test_an_interval_reaches_to_where_outcomes_may_have_been_missed() -> None:
    """Where the heaviest rows came out well it is longer downwards, where badly upwards."""
    weights = np.array([1.0] * 200 + [40.0] * 20)
    low = np.array([0.0, 1.0] * 100 + [0.9] * 20)
    for values, down in ((low, True), (1 - low, False)):
        centre = weighted_mean(weights, values)
        ends = ratio_interval(weights, values, Spread(0.03, 2.0))
        assert ends is not None
        assert (centre - ends[0] > ends[1] - centre) == down


def test_a_handful_of_weights_bounds_nothing() -> None:
    """Where the sum of weights could as well be 0 there is no interval; equal values have one."""
    weights, values = np.array([1.0] * 50 + [1e4] * 2), np.linspace(0, 1, 52)
    heavy = weights * (values - weighted_mean(weights, values))
    error = float(np.sqrt(heavy @ heavy)) / weights.sum()
    assert ratio_interval(weights, values, Spread(error, 2.0)) is None
    even = ratio_interval(np.ones(400), np.ones(400), Spread(0.1, 2.0))
    assert even == pytest.approx((0.8, 1.2), abs=0.01)
