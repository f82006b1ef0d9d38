"""Probability that each of several independent Gaussians is the largest."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from conduit.core.statistics import Array

NODES = 128
REACH = 6.0
"""Half-width of the integral in standard deviations."""
OUTCLASSED = 8.0
"""Arms this many standard deviations below the best are given no probability."""

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_LOG_WEIGHTS = np.log(_WEIGHTS)


def largest_gaussian(mean: Array, std: Array) -> Array:
    """``π_k = P(X_k = max_j X_j)`` for independent ``X_k ~ N(mean_k, std_k²)``.

    ``π_k = ∫ φ((z−m_k)/s_k)/s_k Π_{j≠k} Φ((z−m_j)/s_j) dz`` by Gauss–Legendre quadrature with 128
    nodes, computed in logarithms. Standard deviations are raised to a fiftieth of the largest:
    that defines the policy, and keeps the integrand wide enough for the nodes.

    Args:
        mean: (K,) finite.
        std: (K,) non-negative and finite.

    Returns:
        (K,) probabilities that sum to 1. Exact ties with no spread share equally.
    """
    if len(mean) == 1:
        return np.ones(1)
    scale = float(std.max())
    s = np.maximum(std, max(scale / 50.0, 1e-9))
    reach = (mean.max() - mean) / np.hypot(s, s[int(mean.argmax())])
    live = reach < OUTCLASSED
    m, s = mean[live], s[live]
    low, high = (m - REACH * s).max(), (m + REACH * s).max()
    z = 0.5 * (high - low) * _POINTS + 0.5 * (high + low)
    t = (z - m[:, None]) / s[:, None]  # (K, nodes)
    log_cdf = log_ndtr(t)
    log_density = -0.5 * t * t - np.log(s)[:, None]
    others = log_cdf.sum(axis=0) - log_cdf
    mass = np.exp(log_density + others + _LOG_WEIGHTS)
    probabilities = np.zeros(len(mean))
    probabilities[live] = mass.sum(axis=1)
    return np.asarray(probabilities / probabilities.sum())
