"""Optimism: the arm that could be the best, as far as anybody knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.bandits.rules.situation import Situation, highest
from conduit.core.statistics import Array

UNRATED = 1e-9
"""Ratings below which there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperConfidence:
    """Choose the arm with the highest upper confidence bound; exact ties share equally.

    ``k* = argmax m_k + α s_k``. One-hot, so that what-if questions need a floor. The bound of the
    paper asks for an α that grows with the horizon; a small constant explores less and does
    better where arms differ much.

    Cost: O(K).

    Args:
        alpha: α, width of the bonus in posterior standard deviations, 0 or more.

    Reference: Li et al. (2010), LinUCB.

    >>> import numpy as np
    >>> s = Situation(
    ...     mean=np.array([0.5, 0.4]),
    ...     std=np.array([0.1, 0.4]),
    ...     ratings=np.array([9.0, 1.0]),
    ...     feasible=np.array([True, True]),
    ... )
    >>> UpperConfidence(alpha=0.5).probabilities(s).tolist()
    [0.0, 1.0]
    """

    alpha: float = 0.5

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, but for ties, (K,)."""
        return highest(situation.mean + self.alpha * situation.std, situation.feasible)


@dataclass(frozen=True, slots=True, kw_only=True)
class UCB1:
    """Choose every arm once, then the one with the highest mean plus a bonus for few ratings.

    ``k* = argmax m_k + w_k √(c ln t / n_k)`` with ``n_k`` the ratings of arm k, ``t = Σ n_k`` over
    the feasible arms and ``w_k`` the utility of one unit of quality, since the bound is about
    rewards in 0..1. An arm without ratings comes before all others, whatever it costs. The regret
    bound holds without context, for the arm's plain mean; ours also holds one prior rating.
    Without any ratings the arms are played uniformly. One-hot, so that what-if questions need a
    floor.

    Cost: O(K).

    Args:
        exploration: c; 2 in the paper.

    Reference: Auer, Cesa-Bianchi & Fischer (2002), UCB1.

    >>> import numpy as np
    >>> s = Situation(
    ...     mean=np.array([0.9, 0.5]),
    ...     std=np.zeros(2),
    ...     ratings=np.array([50.0, 2.0]),
    ...     feasible=np.array([True, True]),
    ... )
    >>> UCB1().probabilities(s).tolist()
    [0.0, 1.0]
    """

    exploration: float = 2.0

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, but for ties, (K,)."""
        n = np.maximum(situation.ratings, UNRATED)
        t = max(float(n[situation.feasible].sum()), 1.0)
        score = situation.mean + situation.unit * np.sqrt(self.exploration * np.log(t) / n)
        return highest(np.where(n > UNRATED, score, np.inf), situation.feasible)
