"""Greedy rules, with no exploration or with exploration that knows nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.bandits.rules.situation import Situation, highest
from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True)
class Greedy:
    """Choose the arm of highest mean; exact ties share equally.

    ``k* = argmax m_k``. It never tries what it believes to be worse, so a wrong belief can last
    for ever: for estimates that do not learn from its own choices, or as a static policy.

    Cost: O(K).

    >>> import numpy as np
    >>> s = Situation(
    ...     mean=np.array([0.2, 0.3, 0.9]),
    ...     std=np.zeros(3),
    ...     ratings=np.zeros(3),
    ...     feasible=np.array([True, True, False]),
    ... )
    >>> Greedy().probabilities(s).tolist()
    [0.0, 1.0, 0.0]
    """

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, but for ties, (K,)."""
        return highest(situation.mean, situation.feasible)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpsilonGreedy:
    """Choose the arm of highest mean, and with probability ε any feasible arm.

    ``π = (1 − ε) greedy + ε / K``, K the feasible arms. Regret grows linearly with ε, for ever; in
    exchange every propensity is at least ``ε / K``.

    Cost: O(K).

    Args:
        epsilon: ε, share of uniform choices, 0..1.

    Reference: Sutton & Barto (2018), chapter 2.

    >>> import numpy as np
    >>> s = Situation(
    ...     mean=np.array([0.2, 0.3]),
    ...     std=np.zeros(2),
    ...     ratings=np.zeros(2),
    ...     feasible=np.array([True, True]),
    ... )
    >>> EpsilonGreedy(epsilon=0.5).probabilities(s).tolist()
    [0.25, 0.75]
    """

    epsilon: float = 0.05

    def probabilities(self, situation: Situation) -> Array:
        """ε over all feasible arms, the rest on the best, (K,)."""
        feasible = situation.feasible
        greedy = highest(situation.mean, feasible)
        return np.asarray((1 - self.epsilon) * greedy + self.epsilon * feasible / feasible.sum())


@dataclass(frozen=True, slots=True)
class Uniform:
    """Choose any feasible arm.

    ``π_k = 1 / K``, K the feasible arms: what a policy must beat, and the log from which every
    other policy can be evaluated.

    Cost: O(K).

    >>> import numpy as np
    >>> s = Situation(
    ...     mean=np.array([0.2, 0.3]),
    ...     std=np.zeros(2),
    ...     ratings=np.zeros(2),
    ...     feasible=np.array([True, True]),
    ... )
    >>> Uniform().probabilities(s).tolist()
    [0.5, 0.5]
    """

    def probabilities(self, situation: Situation) -> Array:
        """Equal over the feasible arms, (K,)."""
        return np.asarray(situation.feasible / situation.feasible.sum())
