"""A threshold on how much the prompt asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.bandits.rules.situation import Situation, highest
from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexityThreshold:
    """Take the cheapest class of models for simple prompts and the dearest for complex ones.

    The feasible arms of the lowest tier are left when ``complexity < threshold``, those of the
    highest tier otherwise; among them the highest expected utility wins, and exact ties share
    equally. Where all feasible arms are of one tier, the cheapest or the dearest of them for this
    prompt is taken. No exploration, and which tier is taken is never learned: a rule of thumb that
    learning has to beat. Complexity is judged by a prompt's form (length and structure), so a
    short hard question counts as simple.

    Cost: O(K).

    Args:
        threshold: complexity from which a prompt is complex, 0..1.

    Reference: the routing rule of LLM Conductor and of cost-aware gateways.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> s = Situation(
    ...     mean=np.array([0.7, 0.8, 0.9]),
    ...     std=np.zeros(3),
    ...     ratings=np.zeros(3),
    ...     feasible=np.array([True, True, True]),
    ...     tier=np.array([0, 1, 2]),
    ...     complexity=0.2,
    ... )
    >>> ComplexityThreshold().probabilities(s).tolist()
    [1.0, 0.0, 0.0]
    >>> ComplexityThreshold().probabilities(replace(s, complexity=0.6)).tolist()
    [0.0, 0.0, 1.0]
    """

    threshold: float = 0.6

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, but for ties, (K,)."""
        feasible, tier = situation.feasible, situation.tier
        pick = np.min if situation.complexity < self.threshold else np.max
        among = feasible & (tier == pick(tier[feasible]))
        if (among == feasible).all():
            among = feasible & (situation.cost == pick(situation.cost[feasible]))
        return highest(situation.mean, among)
