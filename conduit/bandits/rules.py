"""Selection rules: from what is believed of the arms to the probability of choosing each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.propensity import largest_gaussian
from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """What a rule sees.

    Args:
        mean: (K,) expected utility.
        std: (K,) standard deviation of the expected utility.
        ratings: (K,) what the evidence about each arm is worth, in ratings.
        feasible: (K,) bool; at least one is True.
    """

    mean: Array
    std: Array
    ratings: Array
    feasible: NDArray[np.bool_]


class Rule(Protocol):
    """Situation → (K,) probabilities that sum to 1, with 0 for every infeasible arm."""

    def probabilities(self, situation: Situation) -> Array:
        """The propensity of each arm."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Thompson:
    """Choose each arm as often as it would win a draw from the posteriors.

    ``π_k = P(X_k = max)`` with ``X_k ~ N(m_k, v_k² s_k²)``, in closed form: arms are independent
    given the context, so no coefficients need to be sampled, and the logged propensity is exact.
    The scale cools from 1 to v with an arm's own ratings,
    ``v_k² = v² + (1 − v²) n₀/(n₀ + n_k)``: two bad answers in a row must not end an arm, and a
    thousand ratings need no more doubt. v < 1 explores less than the posterior asks for; regret
    bounds hold for larger v only.

    Args:
        v: final sampling scale, 0.1 to 1.
        patience: n₀, ratings after which half of the initial doubt is gone.

    Reference: Thompson (1933); Agrawal & Goyal (2013).

    >>> import numpy as np
    >>> rule = Thompson(v=1.0)
    >>> s = Situation(
    ...     mean=np.array([0.5, 0.5]),
    ...     std=np.array([0.1, 0.1]),
    ...     ratings=np.array([9.0, 9.0]),
    ...     feasible=np.array([True, True]),
    ... )
    >>> rule.probabilities(s).round(6).tolist()
    [0.5, 0.5]
    """

    v: float = 0.2
    patience: float = 20.0

    def probabilities(self, situation: Situation) -> Array:
        """The propensity of each arm."""
        feasible = situation.feasible
        doubt = self.patience / np.maximum(self.patience + situation.ratings, 1e-9)
        scale = np.sqrt(self.v**2 + (1.0 - self.v**2) * doubt)
        probabilities = np.zeros(len(feasible))
        probabilities[feasible] = largest_gaussian(
            situation.mean[feasible], (scale * situation.std)[feasible]
        )
        return probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperConfidence:
    """Choose the arm with the highest ``m_k + α s_k``; exact ties share equally.

    Args:
        alpha: width of the bonus in posterior standard deviations.

    Reference: Li et al. (2010), LinUCB.
    """

    alpha: float = 0.5

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, but for ties."""
        return _highest(situation.mean + self.alpha * situation.std, situation.feasible)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpsilonGreedy:
    """Choose the arm of highest mean, and with probability ε any feasible arm.

    Args:
        epsilon: share of uniform choices, 0..1.
    """

    epsilon: float = 0.05

    def probabilities(self, situation: Situation) -> Array:
        """ε over all feasible arms, the rest on the best."""
        feasible = situation.feasible
        greedy = _highest(situation.mean, feasible)
        return np.asarray((1 - self.epsilon) * greedy + self.epsilon * feasible / feasible.sum())


@dataclass(frozen=True, slots=True)
class Greedy:
    """Choose the arm of highest mean; exact ties share equally."""

    def probabilities(self, situation: Situation) -> Array:
        """One-hot, but for ties."""
        return _highest(situation.mean, situation.feasible)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Choose any feasible arm."""

    def probabilities(self, situation: Situation) -> Array:
        """Equal over the feasible arms."""
        return np.asarray(situation.feasible / situation.feasible.sum())


def _highest(score: Array, feasible: NDArray[np.bool_]) -> Array:
    masked = np.where(feasible, score, -np.inf)
    winners = masked == masked.max()
    return np.asarray(winners / winners.sum())
