"""Thresholds on how much the prompt asks for, and on how hard it is."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class DifficultyThreshold:
    """Take the cheapest model for easy prompts and the one of the highest class for hard ones.

    The feasible arm of the lowest expected cost when ``difficulty < threshold``; otherwise, of the
    feasible arms of the highest tier, that of the highest expected cost. The first of equals: the
    choice is certain, and the same prompt gets the same answer until something is rated. Nothing
    is learned by it.

    Cost: O(K).

    Args:
        threshold: difficulty from which a prompt is hard, 0..1.

    Reference: the promise of LLM Conductor, "simple → cheap, complex → quality".

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> s = Situation(
    ...     mean=np.array([0.7, 0.8]),
    ...     std=np.zeros(2),
    ...     ratings=np.zeros(2),
    ...     feasible=np.array([True, True]),
    ...     cost=np.array([0.001, 0.02]),
    ...     difficulty=0.2,
    ... )
    >>> DifficultyThreshold().probabilities(s).tolist()
    [1.0, 0.0]
    >>> DifficultyThreshold().probabilities(replace(s, difficulty=0.5)).tolist()
    [0.0, 1.0]
    """

    threshold: float = 0.5

    def is_hard(self, difficulty: float) -> bool:
        """Whether a prompt of that difficulty gets the better model."""
        return difficulty >= self.threshold

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, (K,)."""
        feasible, cost = situation.feasible, situation.cost
        if self.is_hard(situation.difficulty):
            highest_tier = situation.tier == situation.tier[feasible].max()
            arm = np.where(feasible & highest_tier, cost, -np.inf).argmax()
        else:
            arm = np.where(feasible, cost, np.inf).argmin()
        certain = np.zeros(len(feasible))
        certain[arm] = 1.0
        return certain
