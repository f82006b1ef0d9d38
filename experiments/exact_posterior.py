"""How far is the scoring state from the posterior of all observations, after many that fade?

A head learns one observation per tick of its clock: some late, some worth less than a rating, some
corrected afterwards. Beside it every observation is kept, and from time to time the posterior is
computed anew from all of them, each at ``w exp((t − landmark)/τ)``, by solving the normal equations:
neither the sums nor the square root of the head have a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.bandits.head import LearnedHead
from conduit.bandits.models import FAMILIES
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics

BOUND = 1e-6
"""Most that any number of the scoring state may be away from the exact posterior."""
CHECKS = 20
PROMPTS = 256
LATE, CORRECTED = 0.1, 0.05
"""Shares of the observations that come late, and that are corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactness:
    """Largest absolute differences over all checks, arms and prompts.

    Args:
        updates: observations learned one by one.
        forgotten: share of all weight that has faded away by the end, 0..1.
        coefficients: of the posterior means of the coefficients.
        covariance: of the unitless covariances.
        mean: of the predicted means.
        std: of their standard deviations.
        now: of all of these at the end, once the state has been brought to the present moment.
    """

    updates: int
    forgotten: float
    coefficients: float
    covariance: float
    mean: float
    std: float
    now: float

    @property
    def worst(self) -> float:
        """The largest of all."""
        return max(self.coefficients, self.covariance, self.mean, self.std, self.now)


def exactness(
    *,
    updates: int = 100_000,
    dim: int = 64,
    arms: int = 5,
    half_life: float = 2000.0,
    seed: int = 0,
) -> Exactness:
    """Learn that many observations, one per tick, and compare with the exact posterior on the way.

    Args:
        updates: n.
        dim: d.
        arms: K, served in turn.
        half_life: in ticks.
        seed: of contexts, targets, weights, delays and corrections.
    """
    log = _Log.drawn(updates, dim=dim, arms=arms, half_life=half_life, seed=seed)
    head = LearnedHead(
        [SufficientStatistics.zero(dim)] * arms,
        FAMILIES[Head.QUALITY],
        time_constant=log.time_constant,
    )
    worst = np.zeros(4)
    for i in range(updates):
        log.teach(head, i)
        if (i + 1) % max(updates // CHECKS, 1) == 0:
            worst = np.maximum(worst, log.differences(head, i + 1))
    head.rebuild()
    last = log.differences(head, updates)
    left = sum(head.weights) / log.weights.sum()
    coefficients, covariance, mean, std = worst.tolist()
    return Exactness(
        updates=updates,
        forgotten=1 - float(left),
        coefficients=coefficients,
        covariance=covariance,
        mean=mean,
        std=std,
        now=float(last.max()),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Log:
    """All n observations: X (n, d), targets before and after correction, weights, decision times."""

    X: Array
    first: Array
    final: Array
    weights: Array
    made: Array
    arms: int
    time_constant: float

    @classmethod
    def drawn(cls, n: int, *, dim: int, arms: int, half_life: float, seed: int) -> _Log:
        rng = np.random.default_rng(seed)
        X = np.column_stack([np.ones(n), rng.standard_normal((n, dim - 1)) / (dim - 1) ** 0.5])
        first = np.clip(0.5 + X @ rng.normal(0, 0.3, dim) + rng.normal(0, 0.2, n), 0, 1)
        delay = rng.exponential(half_life, n) * (rng.random(n) < LATE)
        return cls(
            X=X,
            first=first,
            final=np.where(rng.random(n) < CORRECTED, rng.random(n), first),
            weights=rng.choice([1.0, 0.5, 0.1], n),
            made=np.maximum(np.arange(n) - delay, 0.0),
            arms=arms,
            time_constant=half_life / np.log(2),
        )

    def teach(self, head: LearnedHead, i: int) -> None:
        arm, x, weight, at = i % self.arms, self.X[i], float(self.weights[i]), float(self.made[i])
        first, final = float(self.first[i]), float(self.final[i])
        head.advance(float(i))
        head.observe(arm, x, first, weight=weight, at=at)
        if final != first:
            head.revise(arm, x, final, first, weight=weight, at=at)

    def differences(self, head: LearnedHead, n: int) -> Array:
        """(4,) of coefficients, covariance, predicted mean and its deviation, after n observations."""
        prior = head.posterior.prior
        prompts = self.X[: min(n, PROMPTS)]
        found = np.array([head.predict(x) for x in prompts])  # (P, 2, K)
        worst = np.zeros(4)
        for arm in range(self.arms):
            own = slice(arm, n, self.arms)
            age = self.made[own] - head.statistics(arm).landmark
            weighed = (self.weights[own] * np.exp(age / self.time_constant))[:, None] * self.X[own]
            precision = weighed.T @ self.X[own] + np.diag(prior.precision)
            moments = weighed.T @ self.final[own] + prior.precision * prior.mean[arm]
            exact = np.linalg.solve(precision, moments)
            covariance = np.linalg.inv(precision)
            leverage = np.sqrt(np.einsum("pi,ij,pj->p", prompts, covariance, prompts))
            pairs = (
                (head.posterior.coefficients(arm), exact),
                (head.posterior.covariance(arm), covariance),
                (found[:, 0, arm], prompts @ exact),
                (found[:, 1, arm], prior.noise * leverage),
            )
            worst = np.maximum(worst, [np.abs(a - b).max() for a, b in pairs])
        return worst
