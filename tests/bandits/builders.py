"""Small data sets, estimates, asks and observations, and the chi-square test of propensities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import chisquare

from conduit.bandits.estimates import Estimates
from conduit.bandits.selection import Ask
from conduit.bandits.utility import Valuation, Weights
from conduit.core.arms import Arm, Price
from conduit.core.models import QueryConstraints
from conduit.core.outcomes import Change, Head, Observation, Signal
from conduit.core.statistics import Array, SufficientStatistics

SIGNAL_OF = {
    Head.QUALITY: Signal.RATING,
    Head.LOG_TOKENS: Signal.TOKENS,
    Head.LOG_COST: Signal.COST,
    Head.LOG_LATENCY: Signal.LATENCY,
    Head.AVAILABILITY: Signal.ERROR,
}


def contexts(rng: np.random.Generator, n: int, dim: int) -> Array:
    """(n, dim) contexts: a bias of 1, slopes of mean squared norm 1."""
    X = rng.standard_normal((n, dim)) / np.sqrt(max(dim - 1, 1))
    X[:, 0] = 1.0
    return X


def random_statistics(
    rng: np.random.Generator, *, arms: int, dim: int, n: int = 20
) -> list[SufficientStatistics]:
    """Statistics of n observations per arm with targets in 0..1."""
    return [SufficientStatistics.of(contexts(rng, n, dim), rng.random(n)) for _ in range(arms)]


def estimates_of(quality: Sequence[float], **given: Any) -> Estimates:
    """Estimates of K arms; what is not given is the same for all of them."""
    arms = len(quality)
    cost = np.asarray(given.pop("cost", [1e-3] * arms), float)
    latency = np.asarray(given.pop("latency", [np.nan] * arms), float)
    fields: dict[str, Any] = {
        "quality": np.asarray(quality, float),
        "quality_std": np.full(arms, 0.1),
        "availability": np.ones(arms),
        "cost": cost,
        "cost_high": 2 * cost,
        "latency": latency,
        "latency_high": 2 * latency,
        "observations": np.full(arms, 1000),
        "ratings": np.full(arms, 1000.0),
    }
    given = {name: np.asarray(value) for name, value in given.items()}
    return Estimates(**(fields | given))


def ask_of(arms: int, *, weights: Weights | None = None, **given: Any) -> Ask:
    """An ask without limits, in which quality is all that counts unless weights are given."""
    money, bonus = given.pop("price_of_money", 0.0), given.pop("bonus", 0.0)
    fields: dict[str, Any] = {
        "constraints": QueryConstraints(),
        "allowed": np.ones(arms, bool),
        "valuation": Valuation(
            weights=weights or Weights(quality=1.0, cost=0.0, latency=0.0),
            unit_cost=given.pop("unit_cost", 1e-3),
            price_of_money=money,
            bonus=bonus,
        ),
    }
    return Ask(**(fields | given))


def priced(*names: str) -> list[Arm]:
    """Arms of one provider, the n-th at n and 4n USD per million tokens."""
    return [
        Arm(id=name, provider="acme", price=Price(input=float(n), output=4.0 * n))
        for n, name in enumerate(names, start=1)
    ]


def observed(
    arm: str, head: Head, value: float, *, weight: float = 1.0, previous: float | None = None
) -> Change:
    """One change of one head."""
    observation = Observation(
        decision_id="d",
        arm=arm,
        signal=SIGNAL_OF[head],
        head=head,
        value=value,
        weight=weight,
        observed_at=0.0,
    )
    return Change(observation=observation, previous=previous)


def p_value(counts: Array, probabilities: Array) -> float:
    """Of the chi-square test that counts were drawn from probabilities.

    Arms expected fewer than five times are pooled, as the test's approximation asks; a count
    where the probability is zero refutes at once.
    """
    if counts[probabilities == 0].any():
        return 0.0
    draws = counts.sum()
    rare = probabilities * draws < 5
    seen = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(probabilities[~rare], probabilities[rare].sum()) * draws
    if expected[-1] < 5 and len(seen) > 1:
        order = np.argsort(expected)
        seen, expected = _merged(seen[order]), _merged(expected[order])
    if len(seen) == 1:
        return 1.0
    return float(chisquare(seen, expected).pvalue)


def _merged(values: Array) -> Array:
    return np.append(values[0] + values[1], values[2:])
