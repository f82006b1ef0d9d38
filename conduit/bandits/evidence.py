"""Empirical Bayes: the prior that the data of all arms together make most likely.

The marginal likelihood of a linear Gaussian model is a function of the sufficient statistics
alone, and stays valid however the arms were chosen (MacKay 1992, *Bayesian Interpolation*). Where an
arm's prior follows the other arms, the product over arms is a pseudo-likelihood: each arm's data
are predicted from those of all others (leave one arm out; Besag 1975).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.posterior import Prior
from conduit.core.statistics import Array, SufficientStatistics

SLOPE_GRID = (0.1, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Slope precisions tried, in pseudo-observations."""
FAINT = 1e-9
"""Ratings; an arm whose evidence has faded to less is new again."""


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
        sharing: multiples of the slopes common to all other arms, to choose among as an arm's
            prior mean. What is hard for one model is hard for most: sharing that makes K arms
            learn from one stream.
    """

    level: float
    pooled: bool = False
    bias: float = 1.0
    noise: float = 0.3
    noise_weight: float = 4.0
    slopes: tuple[float, ...] = SLOPE_GRID
    sharing: tuple[float, ...] = (0.0, 0.5, 1.0)

    def fit(self, statistics: Sequence[SufficientStatistics], offsets: Array) -> Prior:
        """The prior under which the arms predict one another best.

        With slope precision α and sharing fixed, σ² is profiled under an inverse-gamma guess:
        ``log p = Σ_k ½ log(|Λ₀| / |A_k + Λ₀|) − ½(N + n₀) log(R + n₀σ₀²)``, R the summed
        regularised residual squares.

        Args:
            statistics: one per arm.
            offsets: (K,) what is known beforehand to set the arms apart.
        """
        levels = offsets + self._level(statistics, offsets)
        seen = np.array([s.weight > FAINT for s in statistics])
        if not seen.any():
            middle = float(np.exp(np.log(self.slopes).mean()))
            return self._prior(_constant(statistics, levels), slope=middle, noise=self.noise)
        weight = sum(s.weight for s in statistics) + self.noise_weight
        guess = self.noise_weight * self.noise**2
        sums = _Stacked.of(statistics)
        best: tuple[float, Prior] | None = None
        for slope in self.slopes:
            shared = sums.shared_slopes(slope)
            means = np.repeat(_constant(statistics, levels)[None], len(self.sharing), axis=0)
            means[:, :, 1:] += np.array(self.sharing)[:, None, None] * shared
            gain, residuals = sums.evidence(self._precision(slope, means.shape[2]), means, seen)
            variances = (residuals + guess) / weight
            scores = gain - 0.5 * weight * np.log(variances)
            part = int(scores.argmax())
            if best is None or scores[part] > best[0]:
                noise = float(variances[part]) ** 0.5
                best = float(scores[part]), self._prior(means[part], slope=slope, noise=noise)
        assert best is not None
        return best[1]

    def _prior(self, mean: Array, *, slope: float, noise: float) -> Prior:
        return Prior(mean, self._precision(slope, mean.shape[1]), noise)

    def _precision(self, slope: float, dim: int) -> Array:
        precision = np.full(dim, slope)
        precision[0] = self.bias
        return precision

    def _level(self, statistics: Sequence[SufficientStatistics], offsets: Array) -> float:
        weight = sum(s.weight for s in statistics)
        if not self.pooled or weight <= FAINT:
            return self.level
        total = sum(s.b[0] - o * s.weight for s, o in zip(statistics, offsets, strict=True))
        return float(total / weight)


def _constant(statistics: Sequence[SufficientStatistics], levels: Array) -> Array:
    mean = np.zeros((len(statistics), statistics[0].dim))
    mean[:, 0] = levels
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class _Stacked:
    """The statistics of K arms as arrays: A (K, d, d), b (K, d), yy (K,), weight (K,)."""

    A: Array
    b: Array
    yy: Array
    weight: Array

    @classmethod
    def of(cls, statistics: Sequence[SufficientStatistics]) -> _Stacked:
        return cls(
            np.stack([s.A for s in statistics]),
            np.stack([s.b for s in statistics]),
            np.array([s.yy for s in statistics]),
            np.array([s.weight for s in statistics]),
        )

    def shared_slopes(self, slope: float) -> Array:
        """(K, d−1): for each arm, the slopes that the *other* arms have in common."""
        own = self.b[:, 0] / np.maximum(self.weight, FAINT)
        moments = (self.b - own[:, None] * self.A[:, :, 0])[:, 1:]
        squares = self.A[:, 1:, 1:]
        others = squares.sum(axis=0) - squares
        others = others + slope * np.eye(others.shape[-1])
        return np.linalg.solve(others, (moments.sum(axis=0) - moments)[..., None])[..., 0]

    def evidence(
        self, precision: Array, means: Array, seen: NDArray[np.bool_]
    ) -> tuple[float, Array]:
        """Log-determinant gain and regularised residual squares, summed over the arms seen.

        Args:
            precision: (d,) of the prior.
            means: (P, K, d) prior means to compare; one factorisation serves all of them.
            seen: (K,) arms that have data.

        Returns:
            The gain, and the residual squares (P,) of each prior mean.
        """
        means = means[:, seen]
        moments = self.b[seen] + precision * means  # (P, S, d)
        squares = self.yy[seen].sum() + (precision * means**2).sum(axis=(1, 2))
        lower = np.linalg.cholesky(self.A[seen] + np.diag(precision))
        half = np.linalg.solve(lower, moments.transpose(1, 2, 0))  # (S, d, P)
        logdet = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum()
        gain = 0.5 * (len(lower) * np.log(precision).sum() - logdet)
        residuals = squares - (half * half).sum(axis=(0, 1))
        return float(gain), np.maximum(residuals, 0.0)
