"""What is written for speed against the formulas as one would write them down, on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conduit.bandits.estimates import Estimates
from conduit.bandits.floor import Floor
from conduit.bandits.lognormal import LOG_TOKENS_CAP, UPPER
from conduit.bandits.models import ArmModels
from conduit.bandits.posterior import SINGLE_FROM, LinearPosterior, Prior
from conduit.bandits.propensity import largest_gaussian
from conduit.bandits.rules import Thompson
from conduit.bandits.selection import Ask, select
from conduit.bandits.utility import MARGIN, Valuation, Weights
from conduit.core.arms import Arm
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import ask_of, contexts, estimates_of, random_statistics

ARMS = 5
WEIGHTS = Weights(quality=0.7, cost=0.2, latency=0.1)
FLOOR = Floor(epsilon=0.1, share=0.05)
SHARES = arrays(float, ARMS, elements=st.floats(0, 1))
MONEY = arrays(float, ARMS, elements=st.just(0.0) | st.floats(1e-7, 1))
ESTIMATES = st.builds(
    lambda quality, std, answered, cost, latency, ratings: estimates_of(
        quality.tolist(),
        quality_std=std,
        availability=answered,
        cost=cost,
        latency=latency,
        ratings=ratings,
    ),
    quality=arrays(float, ARMS, elements=st.floats(-0.5, 1.5)),
    std=SHARES,
    answered=SHARES,
    cost=MONEY,
    latency=st.just(np.full(ARMS, np.nan)) | arrays(float, ARMS, elements=st.floats(1e-3, 60)),
    ratings=arrays(float, ARMS, elements=st.floats(0, 1e4)),
)


def utility_of(estimates: Estimates, ask: Ask) -> tuple[Array, Array]:
    """``w_q a q − w_c ĉ/c₁ − λ ĉ − w_l l̂/l₁ + bonus`` and its standard deviation."""
    value, w = ask.valuation, ask.valuation.weights
    unit = w.quality * estimates.availability
    inner = np.clip(estimates.quality, MARGIN, 1 - MARGIN)
    money = w.cost / value.unit_cost + value.price_of_money
    mean = unit * np.clip(estimates.quality, 0, 1) - money * estimates.cost + value.bonus
    if np.isfinite(estimates.latency).all():
        mean = mean - w.latency / value.unit_latency * estimates.latency
    return mean, unit * np.minimum(estimates.quality_std, np.sqrt(inner * (1 - inner)))


def propensities_of(estimates: Estimates, ask: Ask, rule: Thompson) -> Array:
    """Thompson's probabilities among the allowed arms, lifted by the floor."""
    mean, std = utility_of(estimates, ask)
    doubt = rule.patience / (rule.patience + estimates.ratings)
    std = std * np.sqrt(rule.v**2 + (1 - rule.v**2) * doubt**2)
    among, arms = ask.allowed, ask.allowed.sum()
    pi = np.zeros(ARMS)
    pi[among] = largest_gaussian(mean[among], std[among])
    allowance = FLOOR.share * (pi @ estimates.cost if ask.budget is None else ask.budget)
    extra = estimates.cost - estimates.cost[among].min()
    within = np.divide(allowance, extra, out=np.full(ARMS, np.inf), where=extra > 0)
    lift = np.where(among, np.minimum(FLOOR.epsilon, within) / arms, 0.0)
    return (1 - lift.sum()) * pi + lift


@settings(max_examples=80, deadline=None)
@given(
    estimates=ESTIMATES,
    allowed=arrays(bool, ARMS).filter(lambda mask: mask.any()),
    budget=st.none() | st.floats(1e-6, 1),
    bonus=st.just(0.0) | SHARES,
    seed=st.integers(0, 2**32 - 1),
)
def test_a_decision_is_what_the_formulas_say(
    estimates: Estimates, allowed: Array, budget: float | None, bonus: Array | float, seed: int
) -> None:
    """Utility, propensities and the arm drawn are those of the formulas, for the same seed."""
    rule = Thompson()
    valuation = Valuation(weights=WEIGHTS, unit_cost=0.01, price_of_money=3.0, bonus=bonus)
    ask = ask_of(ARMS, valuation=valuation, allowed=allowed, budget=budget)
    chosen = select(estimates, ask, rule=rule, floor=FLOOR, rng=np.random.default_rng(seed))
    assert chosen is not None
    mean, std = utility_of(estimates, ask)
    expected = propensities_of(estimates, ask, rule)
    np.testing.assert_allclose(chosen.utility, mean, atol=1e-12)
    np.testing.assert_allclose(chosen.utility_std, std, atol=1e-12)
    np.testing.assert_allclose(chosen.probabilities, expected, atol=1e-9)
    drawn = chosen.probabilities.cumsum().searchsorted(
        np.random.default_rng(seed).random(), side="right"
    )
    assert chosen.arm == min(int(drawn), int(np.flatnonzero(chosen.probabilities)[-1]))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), seen=st.integers(0, 30), spread=st.floats(0.01, 4))
def test_costs_are_those_of_a_capped_log_normal(seed: int, seen: int, spread: float) -> None:
    """``exp(μ + ½(s² + σ̂²))`` and its upper quantile, s at most σ̂, at most 20 times the mean."""
    rng, names = np.random.default_rng(seed), ("a", "b", "c")
    learned = {
        (name, Head.LOG_COST.value): SufficientStatistics.of(
            X := contexts(rng, seen, 4), spread * X[:, 1] - 5.0 + rng.standard_normal(seen)
        )
        for name in names[: 2 if seen else 0]
    }
    models = ArmModels([Arm(id=n, provider="x") for n in names], dim=4, statistics=learned)
    x, head = contexts(rng, 1, 4)[0], models.head(Head.LOG_COST)
    mean, std = head.predict(x)
    variance = np.minimum(std, head.noise) ** 2 + head.noise**2
    top = head.log_mean_seen + LOG_TOKENS_CAP
    expected = np.minimum(mean + variance / 2, top)
    high = np.maximum(expected, np.minimum(mean + UPPER * np.sqrt(variance), top))
    found = models.estimate(x, token_count=7)
    np.testing.assert_allclose(found.cost, np.exp(expected), rtol=1e-12)
    np.testing.assert_allclose(found.cost_high, np.exp(high), rtol=1e-12)


@pytest.mark.parametrize(("arms", "dim"), [(5, 64), (5, 128), (20, 64)])
def test_deviations_of_a_large_table_are_rounded_and_nothing_else(arms: int, dim: int) -> None:
    """Means are exact at any size; deviations to 1e-6 of the prior's, also after many updates."""
    rng = np.random.default_rng(arms * dim)
    prior = Prior.of(dim, levels=np.full(arms, 0.9), bias=1.0, slope=0.1, noise=0.3)
    posterior = LinearPosterior(random_statistics(rng, arms=arms, dim=dim), prior)
    for i, x in enumerate(contexts(rng, 400, dim)):
        posterior.observe(i % arms, x, rng.random(), weight=20.0 * rng.random())
    exact = 1e-12 if arms * dim**2 < SINGLE_FROM else 1e-6
    for x in contexts(rng, 5, dim):
        mean, std = posterior.predict(x)
        assert mean.dtype == std.dtype == np.float64
        for arm in range(arms):
            assert mean[arm] == pytest.approx(posterior.coefficients(arm) @ x, abs=1e-12)
            variance = x @ posterior.covariance(arm) @ x
            widest = 0.3 * np.sqrt(x**2 @ (1 / prior.precision))
            assert std[arm] == pytest.approx(0.3 * np.sqrt(variance), abs=exact * widest)
