"""Empirical Bayes: the prior that the data of all arms together make most likely.

The marginal likelihood of a linear Gaussian model is a function of the sufficient statistics
alone, and stays valid however the arms were chosen (MacKay 1992, *Bayesian Interpolation*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conduit.bandits.posterior import Prior
from conduit.core.statistics import Array, SufficientStatistics

SLOPE_GRID = (0.1, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Slope precisions tried, in pseudo-observations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorFamily:
    """The priors among which the evidence chooses.

    Args:
        level: prior mean of the target where nothing has been seen.
        pooled: replace it by the mean over all arms once anything has been seen.
        bias: precision of the bias, in pseudo-observations.
        noise: prior guess of σ.
        noise_weight: what that guess is worth, in observations.
        slopes: slope precisions to choose among.
    """

    level: float
    pooled: bool = False
    bias: float = 1.0
    noise: float = 0.3
    noise_weight: float = 4.0
    slopes: tuple[float, ...] = SLOPE_GRID

    def fit(self, statistics: Sequence[SufficientStatistics], offsets: Array) -> Prior:
        """The prior of maximum pooled marginal likelihood.

        With slope precision α fixed, σ² is profiled under an inverse-gamma guess:
        ``log p = Σ_k ½ log(|Λ₀| / |A_k + Λ₀|) − ½(N + n₀) log(R + n₀σ₀²)``, R the summed
        regularised residual squares.

        Args:
            statistics: one per arm.
            offsets: (K,) what is known beforehand to set the arms apart.
        """
        levels = offsets + self._level(statistics, offsets)
        shape = _Shape(statistics[0].dim, levels, self.bias)
        seen = [k for k, s in enumerate(statistics) if s.count]
        if not seen:
            middle = float(np.exp(np.log(self.slopes).mean()))
            return shape.prior(slope=middle, noise=self.noise)
        data = [statistics[k] for k in seen]
        found = _Shape(shape.dim, levels[seen], self.bias)
        weight = sum(s.weight for s in data) + self.noise_weight
        guess = self.noise_weight * self.noise**2

        def score(slope: float) -> tuple[float, float, float]:
            gain, residual = _evidence(data, found.prior(slope=slope, noise=1.0))
            total = residual + guess
            return gain - 0.5 * weight * float(np.log(total)), slope, total / weight

        _, slope, variance = max(score(slope) for slope in self.slopes)
        return shape.prior(slope=slope, noise=variance**0.5)

    def _level(self, statistics: Sequence[SufficientStatistics], offsets: Array) -> float:
        weight = sum(s.weight for s in statistics)
        if not self.pooled or weight <= 0:
            return self.level
        total = sum(s.b[0] - o * s.weight for s, o in zip(statistics, offsets, strict=True))
        return float(total / weight)


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    dim: int
    levels: Array
    bias: float

    def prior(self, *, slope: float, noise: float) -> Prior:
        return Prior.of(self.dim, levels=self.levels, bias=self.bias, slope=slope, noise=noise)


def _evidence(statistics: Sequence[SufficientStatistics], prior: Prior) -> tuple[float, float]:
    """Log-determinant gain and summed regularised residual squares over the arms."""
    precision = np.stack([s.A for s in statistics]) + np.diag(prior.precision)
    moments = np.stack([s.b for s in statistics]) + prior.precision * prior.mean
    squares = sum(s.yy for s in statistics)
    squares += float((prior.precision * prior.mean**2).sum())
    lower = np.linalg.cholesky(precision)
    half = np.linalg.solve(lower, moments[..., None])[..., 0]
    logdet = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum()
    gain = 0.5 * (len(statistics) * np.log(prior.precision).sum() - logdet)
    return float(gain), max(float(squares - (half * half).sum()), 0.0)
