"""Synthetic logs whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.evaluation.logged import Log, Outcome

Floats = NDArray[np.float64]

ARMS = ("cheap", "middling", "dear")
COST = np.array([2e-5, 4e-4, 5e-3])


@dataclass(frozen=True, kw_only=True)
class World:
    """n contexts with what every arm would give on average, and a logging policy.

    Args:
        quality: (n, 3) probability that the arm's answer is good.
        cost: (n, 3) mean USD.
        believed: (n, 3) an outcome model that is biased and leaves out part of the context.
        propensity: (n, 3) of a sharp policy on those beliefs, with a floor.
    """

    quality: Floats
    cost: Floats
    believed: Floats
    propensity: Floats

    def drawn(self, rng: np.random.Generator, *, believed: Floats | None = None) -> Log:
        """One log of this world."""
        n = len(self.quality)
        arms = (rng.random((n, 1)) > self.propensity.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        at = np.arange(n)
        good = rng.random(n) < self.quality[at, arms]
        spread = rng.lognormal(-0.125, 0.5, n)
        return Log(
            arms=ARMS,
            propensity=self.propensity,
            chosen=arms,
            quality=good.astype(float),
            cost=self.cost[at, arms] * spread,
            expected_quality=self.believed if believed is None else believed,
            expected_cost=np.tile(COST, (n, 1)),
        )

    def truth(self, target: Floats, outcome: Outcome = Outcome.QUALITY) -> float:
        """The estimand: the policy's average over these contexts."""
        means = self.quality if outcome is Outcome.QUALITY else self.cost
        return float((target * means).sum(axis=1).mean())

    def targets(self) -> dict[str, Floats]:
        """The best fixed arm, a router that knows the truth, and an arm the log rarely draws."""
        n = len(self.quality)
        one = np.eye(3)
        return {
            "best fixed arm": np.tile(one[2], (n, 1)),
            "informed router": one[(self.quality - 40 * self.cost).argmax(axis=1)],
            "rare cheap arm": np.tile(one[0], (n, 1)),
        }


def a_world(seed: int = 0, n: int = 1500, *, floor: float = 0.02, sharp: float = 12.0) -> World:
    """A world; the larger ``sharp``, the heavier the weights of other policies."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    quality = np.clip(np.array([0.6, 0.75, 0.85]) + 0.12 * x + 0.1 * rng.normal(size=x.shape), 0, 1)
    believed = np.array([0.65, 0.72, 0.9]) + 0.1 * x
    score = sharp * (believed - np.array([0.0, 0.02, 0.17]))
    soft = np.exp(score - score.max(axis=1, keepdims=True))
    propensity = (1 - 3 * floor) * soft / soft.sum(axis=1, keepdims=True) + floor
    cost = COST * np.exp(0.3 * rng.normal(size=(n, 3)))
    return World(quality=quality, cost=cost, believed=believed, propensity=propensity)
