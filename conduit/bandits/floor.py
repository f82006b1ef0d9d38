"""A floor under every propensity that respects money."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Least probability per feasible arm, so that the log can answer what-if questions.

    ``ε_k = min(ε, ρB / (ĉ_k − ĉ_min)) / K_f`` and ``π ← (1 − Σε_k) π + ε_k``: forced exploration
    concerns at most a share ε of the requests, however many arms there are, and costs at most ρB a
    request. Without a budget, B is the expected cost under π itself.

    Args:
        epsilon: ε, the share of requests that may be forced, all arms together, 0..1.
        share: ρ, the share of the budget that may go into forced exploration.
    """

    epsilon: float = 0.005
    share: float = 0.02

    def apply(
        self,
        probabilities: Array,
        *,
        cost: Array,
        feasible: NDArray[np.bool_],
        budget: float | None,
    ) -> Array:
        """Lift probabilities (K,) given expected costs (K,) in USD and a budget per request."""
        if self.epsilon <= 0:
            return probabilities
        allowance = self.share * (float(probabilities.dot(cost)) if budget is None else budget)
        costs, usable = cost.tolist(), feasible.tolist()  # few arms: floats beat arrays
        arms, cheapest = sum(usable), min(compress(costs, usable))
        each, most = allowance / arms, self.epsilon / arms
        extra = [c - cheapest for c in costs]
        lift = [
            (most if most * more <= each else each / more) if ok else 0.0
            for more, ok in zip(extra, usable, strict=True)
        ]
        kept = 1.0 - sum(lift)
        pairs = zip(probabilities.tolist(), lift, strict=True)
        return np.array([kept * p + e for p, e in pairs])
