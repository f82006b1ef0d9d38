"""Probability that each of several independent Gaussians is the largest."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from conduit.core.statistics import Array

NODES = 128
REACH = 6.0
"""Half-width of the integral in standard deviations."""
OUTCLASSED = 8.0
"""Arms this many standard deviations below the best are given no probability."""

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)


def largest_gaussian(mean: Array, std: Array) -> Array:
    """``π_k = P(X_k = max_j X_j)`` for independent ``X_k ~ N(mean_k, std_k²)``.

    ``π_k = ∫ φ((z−m_k)/s_k)/s_k Π_{j≠k} Φ((z−m_j)/s_j) dz`` by Gauss–Legendre quadrature with 128
    nodes. Standard deviations are raised to a fiftieth of the largest:
    that defines the policy, and keeps the integrand wide enough for the nodes. No node lies more
    than :data:`REACH` deviations below any arm, so no Φ underflows and each can be divided out.

    Args:
        mean: (K,) finite.
        std: (K,) non-negative and finite.

    Returns:
        (K,) probabilities that sum to 1. Exact ties with no spread share equally.
    """
    if len(mean) == 1:
        return np.ones(1)
    s = np.maximum(std, max(float(std.max()) / 50.0, 1e-9))
    best = int(mean.argmax())
    live = mean[best] - mean < OUTCLASSED * np.hypot(s, s[best])
    m, s = mean[live], s[live]
    reach = REACH * s
    low, high = float((m - reach).max()), float((m + reach).max())
    z = (0.5 * (high - low)) * _POINTS + 0.5 * (high + low)
    t = (z - m[:, None]) / s[:, None]  # (K, nodes)
    cdf = ndtr(t)
    hazard = np.exp(t * t * -0.5) / cdf
    probabilities = np.zeros(len(mean))
    probabilities[live] = hazard @ (_WEIGHTS * np.multiply.reduce(cdf, axis=0)) / s
    return np.asarray(probabilities / probabilities.sum())
