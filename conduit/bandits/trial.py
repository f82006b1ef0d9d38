"""A few sure tries for an arm of which little is known, beside arms that are known well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array

SAME = 1e-15
"""USD that costs may differ by from rounding alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Least probability of new arms, until they have a few ratings.

    An arm is new while it has fewer than n₁ ratings, and the others that can be chosen have n₂ on
    average: so it is not at a cold start, where all are new. What is expected of such an arm rests on
    its price and on the other arms, and a rule that trusts it may never look: because the price makes
    it seem dear, because its first two answers were bad.

    ``ε_k = min(ε, ρB / (ĉ_k − Σπĉ)) / K_new`` and ``π ← (1 − Σε_k) π + ε_k``: trials concern at most a
    share ε of the requests, and cost at most ρB a request more; arms that cost no more than what is
    chosen now are limited by ε alone, so free ones among free ones are. Without a budget, B is the expected cost under π itself. A
    poor arm is done with after n₁ ratings; without ratings, nobody can tell, and trials go on.

    Args:
        epsilon: ε, the share of requests that may be forced, all new arms together, 0..1.
        share: ρ, the share of the budget that trials may cost.
        enough: n₁, ratings after which an arm stands on its own.
        known: n₂, mean ratings of the other arms from which on one counts as new.
    """

    epsilon: float = 0.05
    share: float = 0.1
    enough: float = 10.0
    known: float = 200.0

    def apply(
        self,
        probabilities: Array,
        *,
        cost: Array,
        ratings: Array,
        feasible: NDArray[np.bool_],
        budget: float | None,
    ) -> Array:
        """Lift probabilities (K,) of new arms, given expected costs (K,) in USD and ratings (K,)."""
        if self.epsilon <= 0 or ratings[ratings.argmin()] >= self.enough:
            return probabilities
        new = feasible & (ratings < self.enough)
        others = feasible & ~new
        if not (new.any() and others.any()):
            return probabilities
        if ratings[others].mean() < self.known:
            return probabilities
        expected = float(probabilities @ cost)
        allowance = self.share * (expected if budget is None else budget)
        extra = cost - expected
        affordable = np.where(extra > SAME, allowance / np.maximum(extra, SAME), np.inf)
        lift = np.where(new, np.minimum(self.epsilon, affordable) / new.sum(), 0.0)
        return np.asarray((1.0 - float(lift.sum())) * probabilities + lift)


TRIAL = Trial()
NO_TRIAL = Trial(epsilon=0.0)
