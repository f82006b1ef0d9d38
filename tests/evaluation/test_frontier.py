"""The best constant mixture of fixed models, against linear programming."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linprog

from conduit.core.errors import InvalidInputError
from conduit.evaluation.frontier import frontier, mixture_quality, mixture_spend

# Costs from a free model to a cent's fractions, on a grid so that ties occur often.
COSTS = st.integers(0, 40).map(lambda value: value / 4e4)
QUALITIES = st.integers(0, 20).map(lambda value: value / 20)
MODELS = st.integers(1, 6).flatmap(
    lambda k: st.tuples(arrays(float, k, elements=COSTS), arrays(float, k, elements=QUALITIES))
)
SHARE = st.floats(0, 1)

Models = tuple[NDArray[np.float64], NDArray[np.float64]]


def programmed(costs: NDArray[np.float64], qualities: NDArray[np.float64], spend: float) -> float:
    """The same figure from a linear programme, with costs scaled for its tolerances."""
    scale = max(float(costs.max()), 1e-12)
    solved = linprog(
        -qualities,
        A_ub=[costs / scale],
        b_ub=[spend / scale],
        A_eq=[np.ones(len(costs))],
        b_eq=[1],
        bounds=(0, 1),
    )
    assert solved.success
    return -float(solved.fun)


@settings(max_examples=60, deadline=None)
@given(models=MODELS, share=SHARE)
def test_the_mixture_solves_the_linear_programme(models: Models, share: float) -> None:
    """At any affordable spend, interpolation on the hull is the programme's optimum."""
    costs, qualities = models
    spend = float(costs.min() + share * 1.2 * (costs.max() - costs.min()))
    expected = programmed(costs, qualities, spend)
    assert mixture_quality(costs, qualities, spend) == pytest.approx(expected, abs=1e-6)


@given(models=MODELS, data=st.data())
def test_no_mixture_is_above_the_hull(models: Models, data: st.DataObject) -> None:
    """Whatever the shares, a mixture has at most the hull's quality at its own spend."""
    costs, qualities = models
    weights = data.draw(arrays(float, len(costs), elements=st.floats(0.01, 1)))
    shares = weights / weights.sum()
    reached = float(shares @ qualities)
    assert reached <= mixture_quality(costs, qualities, float(shares @ costs)) + 1e-9


@given(MODELS)
def test_no_fixed_model_is_above_the_hull(models: Models) -> None:
    """The hull contains every fixed model, and touches those on the frontier."""
    costs, qualities = models
    on_hull = [mixture_quality(costs, qualities, float(cost)) for cost in costs]
    assert (qualities <= np.array(on_hull) + 1e-12).all()
    touching = frontier(costs, qualities)
    np.testing.assert_allclose(np.array(on_hull)[touching], qualities[touching], atol=1e-12)


@given(models=MODELS, shares=st.lists(SHARE, min_size=3, max_size=3).map(sorted))
def test_quality_rises_with_spend_at_a_falling_rate(models: Models, shares: list[float]) -> None:
    """Quality is monotone and concave in spend, from the cheapest model upwards."""
    costs, qualities = models
    low, middle, high = (float(costs.min() + s * (costs.max() + 1e-3)) for s in shares)
    q_low, q_middle, q_high = (mixture_quality(costs, qualities, s) for s in (low, middle, high))
    assert q_low <= q_middle + 1e-12
    assert q_middle <= q_high + 1e-12
    if high > low:
        weight = (middle - low) / (high - low)
        assert q_middle >= (1 - weight) * q_low + weight * q_high - 1e-9


@given(MODELS)
def test_the_frontier_climbs_ever_less_steeply(models: Models) -> None:
    """Along the frontier, costs and qualities rise strictly and, but for rounding, slopes fall."""
    costs, qualities = models
    hull = frontier(costs, qualities)
    rise, run = np.diff(qualities[hull]), np.diff(costs[hull])
    assert (rise > 0).all()
    assert (run > 0).all()
    slopes = rise / run
    assert (slopes[1:] <= slopes[:-1] * (1 + 1e-9)).all()


@given(MODELS)
def test_the_frontier_runs_from_the_cheapest_to_the_best(models: Models) -> None:
    """Its ends are the best of the cheapest models, and the cheapest of the best."""
    costs, qualities = models
    hull = frontier(costs, qualities)
    first, last = hull[0], hull[-1]
    assert costs[first] == costs.min()
    assert qualities[first] == qualities[costs == costs.min()].max()
    assert qualities[last] == qualities.max()
    assert costs[last] == costs[qualities == qualities.max()].min()


@given(models=MODELS, data=st.data())
def test_the_order_of_models_does_not_matter(models: Models, data: st.DataObject) -> None:
    """The yardstick is a property of the set of models."""
    costs, qualities = models
    order = data.draw(st.permutations(range(len(costs))))
    spend = float(costs.mean())
    turned = mixture_quality(costs[order], qualities[order], spend)
    assert turned == pytest.approx(mixture_quality(costs, qualities, spend), abs=1e-12)


def test_half_of_each_is_half_way() -> None:
    """Between two models, the mixture is linear in spend."""
    assert mixture_quality([0.0, 2.0], [0.5, 0.9], 1.0) == pytest.approx(0.7)


def test_a_dominated_model_is_in_no_mixture() -> None:
    """A model below the line between two others, or dearer and worse, is left out."""
    assert frontier([1, 2, 3, 9], [0.2, 0.3, 0.8, 0.7]).tolist() == [0, 2]


def test_beyond_the_ends_quality_stays() -> None:
    """Below the cheapest model it is that model's quality, above the best model the best's."""
    costs, qualities = [1.0, 2.0, 5.0], [0.4, 0.8, 0.6]
    assert mixture_quality(costs, qualities, 0.1) == 0.4
    assert mixture_quality(costs, qualities, 100.0) == 0.8
    assert mixture_quality(costs, qualities, math.inf) == 0.8


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_the_currency_does_not_matter(unit: float) -> None:
    """Costs and spend in another unit give the same quality."""
    costs = np.array([1.0, 3.0, 4.0]) * unit
    assert mixture_quality(costs, [0.2, 0.8, 0.9], 2 * unit) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("costs", "qualities", "spend"),
    [
        ([], [], 1.0),
        ([1.0], [0.5, 0.6], 1.0),
        ([[1.0]], [[0.5]], 1.0),
        ([math.nan], [0.5], 1.0),
        ([1.0], [math.inf], 1.0),
        ([1.0], [0.5], math.nan),
    ],
)
def test_what_is_no_set_of_models_is_refused(costs: Any, qualities: Any, spend: float) -> None:
    """No models, lengths that differ, and NaN are input errors with a remedy."""
    with pytest.raises(InvalidInputError) as caught:
        mixture_quality(costs, qualities, spend)
    assert caught.value.remedy


@settings(max_examples=60, deadline=None)
@given(models=MODELS, share=SHARE)
def test_the_cheapest_mixture_of_a_quality_is_the_inverse(models: Models, share: float) -> None:
    """What it spends buys that quality, and a little less buys less."""
    costs, qualities = models
    low = float(qualities[frontier(costs, qualities)[0]])
    quality = low + share * (float(qualities.max()) - low)
    spend = mixture_spend(costs, qualities, quality)
    assert mixture_quality(costs, qualities, spend) == pytest.approx(quality, abs=1e-9)
    if spend > costs.min() + 1e-6:
        assert mixture_quality(costs, qualities, spend - 1e-6) < quality


def test_a_quality_that_the_cheapest_model_has_costs_what_it_costs() -> None:
    """Asking for less than that saves nothing."""
    assert mixture_spend([1e-5, 1e-3], [0.6, 0.9], 0.1) == 1e-5


@pytest.mark.parametrize("quality", [0.91, math.nan])
def test_a_quality_that_no_model_has_is_refused(quality: float) -> None:
    """The remedy is the best there is."""
    with pytest.raises(InvalidInputError, match=r"at most 0\.9"):
        mixture_spend([1e-5, 1e-3], [0.6, 0.9], quality)
