"""Bayesian linear regression per arm, in square-root form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conduit.core.statistics import Array, SufficientStatistics, add_outer


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Gaussian prior ``θ_k ~ N(mean_k, σ² diag(1/precision))`` of the arms of a head.

    Args:
        mean: (K, d) prior mean of the coefficients, per arm.
        precision: (d,) unitless, in pseudo-observations: one rating is 1.
        noise: σ, standard deviation of one observation of weight 1.
    """

    mean: Array
    precision: Array
    noise: float

    @classmethod
    def of(cls, dim: int, *, levels: Array, bias: float, slope: float, noise: float) -> Prior:
        """Prior whose mean is a constant per arm, ``levels`` (K,); the rest are precisions."""
        mean = np.zeros((len(levels), dim))
        mean[:, 0] = levels
        precision = np.full(dim, slope)
        precision[0] = bias
        return cls(mean, precision, noise)


SINGLE_FROM = 65_536
"""K·d² from which standard deviations are read from a copy in single precision.

Reading the roots is what a large prediction waits for: 65,536 doubles fill a common second-level
cache, and half the bytes take less than half the time.
"""


class LinearPosterior:
    """The posterior of K arms over d coefficients, ready to score and cheap to update.

    Holds a root ``T`` with ``TᵀT = P = (A + Λ₀)⁻¹`` per arm. Rank-one updates of the root (Potter;
    Bierman 1977, *Factorization Methods for Discrete Sequential Estimation*) keep P positive
    definite by construction, where updates of P itself drift to negative variances.

    Mean and root are kept in double precision. From :data:`SINGLE_FROM` on standard deviations are
    computed in single precision, from a copy that is rounded anew after every update and so never
    drifts: good to about 1e-6 of the prior's standard deviation.

    Args:
        statistics: one per arm.
        prior: shared by all arms.

    Cost: 2 K d² flops to predict, 6 d² to update, K d³ to build.
    """

    __slots__ = ("_mean", "_root", "_rows", "_single", "prior")

    def __init__(self, statistics: Sequence[SufficientStatistics], prior: Prior) -> None:
        self.prior = prior
        precision = np.stack([s.A for s in statistics]) + np.diag(prior.precision)
        moments = np.stack([s.b for s in statistics]) + prior.precision * prior.mean
        lower = np.linalg.cholesky(precision)
        identity = np.broadcast_to(np.eye(len(prior.precision)), precision.shape)
        self._root = np.ascontiguousarray(np.linalg.solve(lower, identity))  # (K, d, d)
        half = np.einsum("kij,kj->ki", self._root, moments)
        self._mean = np.einsum("kji,kj->ki", self._root, half)  # (K, d)
        self._rows = self._root.reshape(-1, len(prior.precision))  # (K d, d), the same numbers
        self._single = self._rows.astype(np.float32) if self._rows.size >= SINGLE_FROM else None

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean (K,) and standard deviation (K,) of the expected target at x (d,)."""
        mean, leverage = self.leverage(x)
        return mean, self.prior.noise * np.sqrt(leverage)

    def leverage(self, x: Array) -> tuple[Array, Array]:
        """Mean (K,) and leverage ``xᵀPx`` (K,), the variance in units of σ², at x (d,)."""
        if self._single is None:
            factors: Array = self._rows.dot(x)
        else:
            factors = self._single.dot(x.astype(np.float32)).astype(np.float64)
        factors = factors.reshape(self._mean.shape)  # T x of every arm, (K, d)
        return self._mean.dot(x), np.vecdot(factors, factors)

    def observe(self, arm: int, x: Array, y: float, *, weight: float = 1.0) -> tuple[float, float]:
        """Condition one arm on a target y seen at x (d,); weight 0 changes nothing.

        Returns:
            How far y was from what was expected, and the leverage ``xᵀPx`` of x, both before.
        """
        root, mean = self._root[arm], self._mean[arm]
        f = root.dot(x)
        u = f.dot(root)
        leverage, error = float(f.dot(f)), y - float(mean.dot(x))
        growth = 1.0 + weight * leverage
        mean += (weight * error / growth) * u
        add_outer(root, -weight / (growth + math.sqrt(growth)), f, u)
        if self._single is not None:
            self._single.reshape(self._root.shape)[arm] = root
        return error, leverage

    def revise(self, arm: int, x: Array, delta: float, *, weight: float = 1.0) -> None:
        """Shift the target of an observation already conditioned on by ``delta``."""
        root = self._root[arm]
        self._mean[arm] += (weight * delta) * root.dot(x).dot(root)

    def covariance(self, arm: int) -> Array:
        """Unitless covariance P (d, d) of one arm."""
        root = self._root[arm]
        covariance: Array = root.T @ root
        return covariance

    @property
    def means(self) -> Array:
        """(K, d) mean coefficients."""
        means: Array = self._mean
        return means

    def coefficients(self, arm: int) -> Array:
        """A copy of the mean coefficients (d,) of one arm."""
        coefficients: Array = self._mean[arm].copy()
        return coefficients
