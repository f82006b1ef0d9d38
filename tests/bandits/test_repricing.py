"""A list price that changes: what was learned of cost follows it exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.models import ArmModels
from conduit.core.arms import Arm, Price
from conduit.core.errors import UnknownModelError
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import contexts, observed, priced

DIM = 4
NAMES = ("small", "large")
PLAIN = np.array([1.0, 0.2, -0.3, 0.1])


def costs(models: ArmModels) -> Array:
    """Mean and upper estimate of every arm's cost, (2, K)."""
    found = models.estimate(PLAIN, token_count=50)
    return np.stack([found.cost, found.cost_high])


def paid(arms: list[Arm], factor: float, *, head: Head = Head.LOG_COST) -> ArmModels:
    """Models after 200 calls per arm whose logarithmic cost or length depends on the prompt."""
    rng = np.random.default_rng(7)
    models = ArmModels(arms, dim=DIM)
    for x in contexts(rng, 200, DIM):
        for arm in arms:
            dearer = np.log(factor) if (arm.id, head) == ("large", Head.LOG_COST) else 0.0
            y = -7.0 + x[1] + 0.3 * rng.standard_normal() + dearer
            models.learn(observed(arm.id, head, float(y)), x)
    models.head(head).rebuild()
    return models


@settings(max_examples=30, deadline=None)
@given(by=st.floats(-10, 10), seed=st.integers(0, 2**32 - 1), weight=st.floats(0.1, 5))
def test_shifted_sums_are_the_sums_of_shifted_targets(by: float, seed: int, weight: float) -> None:
    """Adding to every target afterwards or beforehand leaves the same statistics."""
    rng = np.random.default_rng(seed)
    X, y = contexts(rng, 12, DIM), rng.standard_normal(12)
    before = SufficientStatistics.of(X, y + by, weight=weight)
    after = SufficientStatistics.of(X, y, weight=weight).shifted(by)
    np.testing.assert_allclose(after.b, before.b, atol=1e-9)
    assert after.yy == pytest.approx(before.yy, rel=1e-9, abs=1e-9)
    assert (after.weight, after.count) == (before.weight, before.count)


@pytest.mark.parametrize("factor", [0.01, 1.7, 100.0])
def test_a_cost_learned_directly_moves_with_the_list_price(factor: float) -> None:
    """Estimates after a change of price are those of having always paid at the new price."""
    arms = priced(*NAMES)
    price = arms[1].price
    assert price is not None
    dearer = Price(input=factor * price.input, output=factor * price.output)
    models = paid(arms, 1.0)
    models.reprice("large", dearer)
    always = paid([arms[0], replace(arms[1], price=dearer)], factor)
    np.testing.assert_allclose(costs(models), costs(always), rtol=1e-9)
    assert models.arms[1].price == dearer
    assert models.arms[0] == arms[0]


def test_a_cost_expected_from_tokens_follows_the_new_price() -> None:
    """Input and output count at their own new prices, and the length that was learned stays."""
    arms = priced(*NAMES)
    models = paid(arms, 1.0, head=Head.LOG_TOKENS)
    models.reprice("large", Price(input=0.0, output=1.0))
    free_of_input = costs(models)[:, 1]
    models.reprice("large", Price(input=4.0, output=1.0))
    np.testing.assert_allclose(costs(models)[:, 1] - free_of_input, 50 * 4.0 / 1e6)
    assert (costs(models)[:, 0] == costs(paid(arms, 1.0, head=Head.LOG_TOKENS))[:, 0]).all()


def test_there_and_back_changes_nothing() -> None:
    """A price that falls and returns leaves every estimate as it was."""
    arms = priced(*NAMES)
    models = paid(arms, 1.0)
    before = costs(models)
    for price in (Price(input=0.02, output=0.08), arms[1].price):
        assert price is not None
        models.reprice("large", price)
    np.testing.assert_allclose(costs(models), before, rtol=1e-9)


def test_quality_knows_nothing_of_prices() -> None:
    """A new price leaves quality, its doubt and all counts alone."""
    models = paid(priced(*NAMES), 1.0)
    for x in contexts(np.random.default_rng(1), 30, DIM):
        models.learn(observed("large", Head.QUALITY, 0.7), x)
    before = models.estimate(PLAIN, token_count=50)
    models.reprice("large", Price(input=0.0, output=0.0))
    after = models.estimate(PLAIN, token_count=50)
    for name in ("quality", "quality_std", "observations", "availability"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_a_first_price_leaves_what_was_paid_as_it_was() -> None:
    """A recorded arm that is given a price keeps the cost it has shown."""
    models = ArmModels([Arm(id="recorded", provider="p")], dim=DIM)
    for x in contexts(np.random.default_rng(2), 400, DIM):
        models.learn(observed("recorded", Head.LOG_COST, float(np.log(0.02))), x)
    models.reprice("recorded", Price(input=5.0, output=50.0))
    assert costs(models)[0, 0] == pytest.approx(0.02, rel=0.05)


def test_an_ordinary_call_costs_what_it_costs_now() -> None:
    """The unit of cost follows the price of an arm, also where the baseline was named before."""
    arms = priced(*NAMES)
    models = paid(arms, 1.0)
    before = models.ordinary_cost(arms[1])
    models.reprice("large", Price(input=20.0, output=80.0))
    assert models.ordinary_cost(arms[1]) == pytest.approx(10 * before)


def test_a_price_for_an_unknown_arm_is_refused() -> None:
    """The error lists the arms, and nothing moved."""
    models = paid(priced(*NAMES), 1.0)
    before = costs(models)
    with pytest.raises(UnknownModelError, match="choose one of: large, small"):
        models.reprice("nope", Price(input=1.0, output=1.0))
    np.testing.assert_array_equal(costs(models), before)
