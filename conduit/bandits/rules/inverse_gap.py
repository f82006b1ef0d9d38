"""Inverse-gap weighting: exploration measured by how much an arm seems to lose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.bandits.rules.situation import Situation, highest
from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareCB:
    """Give every arm but the best a probability that falls with its distance from the best.

    ``π_k = 1 / (K + γ (max_j m_j − m_k))`` for all but the best, which takes the rest; exact ties
    for the best share it. K counts the feasible arms. γ follows the schedule
    ``γ = γ₀ √(K (1 + n))`` with n the ratings of the feasible arms together: uniform where nothing
    is known, and greedy in the limit. It is the theorem's ``√(K T / Reg_sq(T))`` with the horizon
    replaced by what was seen so far and the regression's regret by the constant ``1/γ₀²``.
    Only the means are used: the regret bound holds for any regression, ours included, whatever
    its standard deviations say.

    Cost: O(K).

    Args:
        scale: γ₀, above 0, per unit of utility; larger explores less.

    Reference: Foster & Rakhlin (2020), *Beyond UCB: Optimal and Efficient Contextual Bandits with
    Regression Oracles*; Abe & Long (1999).

    >>> import numpy as np
    >>> s = Situation(
    ...     mean=np.array([0.8, 0.6]),
    ...     std=np.zeros(2),
    ...     ratings=np.array([4.0, 3.0]),
    ...     feasible=np.array([True, True]),
    ... )
    >>> SquareCB(scale=10.0).probabilities(s).round(6).tolist()
    [0.9, 0.1]
    """

    scale: float = 10.0

    def probabilities(self, situation: Situation) -> Array:
        """The propensity of each arm, (K,)."""
        feasible = situation.feasible
        arms, ratings = int(feasible.sum()), float(situation.ratings[feasible].sum())
        gamma = self.scale * np.sqrt(arms * (1.0 + ratings))
        best = highest(situation.mean, feasible)
        others = feasible & (best == 0)
        gap = np.where(others, situation.mean[feasible].max() - situation.mean, 0.0)
        explored = np.where(others, 1.0 / (arms + gamma * gap), 0.0)
        return np.asarray(explored + (1.0 - explored.sum()) * best)
