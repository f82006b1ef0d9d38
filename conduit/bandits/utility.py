"""Utility: what an arm is worth for one prompt, in units of quality.

It is formed at decision time from raw estimates, so that a user changes the trade-off without
anything being learned again. It is linear in dollars: min–max scaling would make ten cents
against eleven the whole scale, and a logarithm forgets money.
"""

from __future__ import annotations

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
        w = self.weights
        quality, std = _bounded(estimates.quality, estimates.quality_std)
        unit = self.unit(estimates)
        money = self.price_of_money + w.cost / max(self.unit_cost, TINY)
        mean = unit * quality + self.bonus - money * estimates.cost
        if w.latency and np.isfinite(estimates.latency).all():
            mean = mean - w.latency / max(self.unit_latency, TINY) * estimates.latency
        return mean, unit * std

    def unit(self, estimates: Estimates) -> Array:
        """(K,) utility of one whole unit of quality, ``w_q a_k``."""
        return self.weights.quality * estimates.availability


def _bounded(mean: Array, std: Array) -> tuple[Array, Array]:
    """Beliefs about a number in 0..1: with mean m, the variance is at most m(1 − m).

    Without the bound an untried model looks as if its quality could be 1.3, and a dear one that
    could not be worth its price even if it were perfect is tried all the same.
    """
    m = np.minimum(np.maximum(mean, 0.0), 1.0)
    inner = np.minimum(np.maximum(mean, MARGIN), 1.0 - MARGIN)
    return m, np.minimum(std, np.sqrt(inner * (1.0 - inner)))
