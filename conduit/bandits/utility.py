"""Utility: what an arm is worth for one prompt, in units of quality.

It is formed at decision time from raw estimates, so that a user changes the trade-off without
anything being learned again. It is linear in dollars: min–max scaling would make ten cents
against eleven the whole scale, and a logarithm forgets money.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from conduit.bandits.estimates import Estimates
from conduit.core.models import OptimizeFor
from conduit.core.statistics import Array

TINY = 1e-12
MARGIN = 0.01
"""No mean is so close to 0 or 1 that all doubt is gone: the bound is taken this far inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much quality, cost and latency matter; the presets sum to 1."""

    quality: float
    cost: float
    latency: float

    def paced(self) -> Weights:
        """The weights under a budget: the pacer's price of money replaces the cost weight."""
        return replace(self, cost=0.0)


PRESETS = MappingProxyType(
    {
        OptimizeFor.BALANCED: Weights(quality=0.7, cost=0.2, latency=0.1),
        OptimizeFor.QUALITY: Weights(quality=0.8, cost=0.1, latency=0.1),
        OptimizeFor.COST: Weights(quality=0.4, cost=0.5, latency=0.1),
        OptimizeFor.SPEED: Weights(quality=0.4, cost=0.1, latency=0.5),
    }
)
"""The trade-offs that users name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Valuation:
    """The exchange rates of one decision.

    Args:
        weights: the trade-off.
        unit_cost: USD that one unit of the cost weight pays: an ordinary call of the baseline.
        unit_latency: seconds that one unit of the latency weight pays: an ordinary call.
        price_of_money: quality lost per USD, set by the budget pacer.
        bonus: (K,) extra utility, for soft preferences.
    """

    weights: Weights
    unit_cost: float
    unit_latency: float = 1.0
    price_of_money: float = 0.0
    bonus: Array | float = 0.0

    def utility(self, estimates: Estimates) -> tuple[Array, Array]:
        """Mean (K,) and standard deviation (K,) of the utility of every arm.

        ``u_k = w_q a_k q_k − w_c ĉ_k/c₁ − w_l l̂_k/l₁ − λ ĉ_k``, a the availability. The units are
        those of an ordinary call, not of this prompt: a dollar is worth the same on a long prompt
        as on a short one. The latency term is left out while no latency has been observed.
        """
        w, money = self.weights, self.money
        worth, doubt = [], []
        for quality, std, answered, cost in _per_arm(estimates):  # few arms: floats beat arrays
            unit = w.quality * answered
            mean, most = _bounded(quality)
            worth.append(unit * mean - money * cost)
            doubt.append(unit * (std if std < most else most))
        mean_utility = np.array(worth) + self.bonus
        if w.latency and _known(estimates.latency):
            mean_utility -= w.latency / max(self.unit_latency, TINY) * estimates.latency
        return mean_utility, np.array(doubt)

    @property
    def money(self) -> float:
        """Utility per USD, λ + w_c/c₁."""
        return self.price_of_money + self.weights.cost / max(self.unit_cost, TINY)

    def unit(self, estimates: Estimates) -> Array:
        """(K,) utility of one whole unit of quality, ``w_q a_k``."""
        return self.weights.quality * estimates.availability


def _per_arm(estimates: Estimates) -> Iterator[tuple[float, float, float, float]]:
    """Quality, its standard deviation, availability and cost of each arm in turn."""
    return zip(
        estimates.quality.tolist(),
        estimates.quality_std.tolist(),
        estimates.availability.tolist(),
        estimates.cost.tolist(),
        strict=True,
    )


def _bounded(mean: float) -> tuple[float, float]:
    """Mean and largest standard deviation of a number in 0..1: with mean m, at most √(m(1 − m)).

    Without the bound an untried model looks as if its quality could be 1.3, and a dear one that
    could not be worth its price even if it were perfect is tried all the same.
    """
    m = 0.0 if mean < 0.0 else 1.0 if mean > 1.0 else mean
    inner = MARGIN if m < MARGIN else 1.0 - MARGIN if m > 1.0 - MARGIN else m
    return m, math.sqrt(inner * (1.0 - inner))


def _known(latency: Array) -> bool:
    """Whether the latency of every arm is a number; argmax finds the first NaN."""
    return math.isfinite(latency[latency.argmax()])
