"""What every rule sees, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """What a rule sees of K arms and of the prompt.

    Args:
        mean: (K,) expected utility.
        std: (K,) standard deviation of the expected utility.
        ratings: (K,) what the evidence about each arm is worth, in ratings.
        feasible: (K,) bool; at least one is True.
        unit: (K,) utility of one whole unit of quality; 1 when left out.
        cost: (K,) expected USD; the same for all when left out.
        tier: (K,) rank of the class each arm is sold in, 0 is the cheapest; one class for all when
            left out.
        complexity: how much the prompt asks for, 0..1.
        difficulty: how hard it is taken to be for a cheap model, 0..1.
    """

    mean: Array
    std: Array
    ratings: Array
    feasible: NDArray[np.bool_]
    unit: Array = field(default_factory=lambda: np.ones(1))
    cost: Array = field(default_factory=lambda: np.zeros(1))
    tier: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    complexity: float = 0.0
    difficulty: float = 0.0

    def __post_init__(self) -> None:
        arms = len(self.mean)
        if len(self.unit) == len(self.cost) == len(self.tier) == arms:
            return
        for name in ("unit", "cost", "tier"):
            object.__setattr__(self, name, np.broadcast_to(getattr(self, name), arms))


class Rule(Protocol):
    """Situation → (K,) probabilities that sum to 1, with 0 for every infeasible arm."""

    def probabilities(self, situation: Situation) -> Array:
        """The propensity of each arm."""
        ...


def highest(score: Array, among: NDArray[np.bool_]) -> Array:
    """All probability on the highest score (K,) among some arms; exact ties share equally."""
    masked = np.where(among, score, -np.inf)
    winners = among & (masked == masked.max())
    return np.asarray(winners / winners.sum())
