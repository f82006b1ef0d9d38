"""The best constant mixture of fixed models: what a router must beat to have routed at all.

Always sending a fixed share of prompts to each model, blindly, reaches every point of the convex
hull of the models' (mean cost, mean quality) points. Its upper edge is the yardstick: quality
above it at the same spend can only come from choosing the model by the prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def frontier(costs: ArrayLike, qualities: ArrayLike) -> NDArray[np.intp]:
    """Indices of the models that the best mixtures are made of, from cheapest to best.

    Costs and qualities both rise strictly along them, and the slope between neighbours falls
    (where three lie on one line, rounding decides whether the middle one is listed): the upper
    concave hull from the cheapest model (the best of them, where several cost the same) to the
    best one (the cheapest of them).

    Args:
        costs: (K,) mean USD per prompt, at least 0.
        qualities: (K,) mean quality per prompt.

    Raises:
        InvalidInputError: for no models, lengths that differ, NaN or infinity.
    """
    c, q = _points(costs, qualities)
    # Scaled to 0..1, so that products of dollars far below a cent keep their sign.
    c, q = _unit(c), _unit(q)
    hull: list[int] = []
    for i in np.lexsort((-q, c)):
        if hull and q[i] <= q[hull[-1]]:
            continue
        while len(hull) > 1 and not _turns_right(c, q, (hull[-2], hull[-1], int(i))):
            hull.pop()
        hull.append(int(i))
    return np.array(hull, np.intp)


def mixture_quality(costs: ArrayLike, qualities: ArrayLike, spend: float) -> float:
    """Highest mean quality of a constant mixture that spends no more than ``spend``.

    Linear between the neighbours on the :func:`frontier`: the exact value of the linear programme
    max Σ p_k q_k subject to Σ p_k c_k ≤ spend, Σ p_k = 1, p ≥ 0. Below the cheapest model's cost
    no mixture is affordable and the cheapest model's quality is given; above the best model's
    cost, the best model's.

    Args:
        costs: (K,) mean USD per prompt.
        qualities: (K,) mean quality per prompt.
        spend: mean USD per prompt.

    Raises:
        InvalidInputError: as :func:`frontier`, and for a spend of NaN.
    """
    if np.isnan(spend):
        raise InvalidInputError("spend=nan is no amount", remedy="give mean USD per prompt")
    hull = frontier(costs, qualities)
    c, q = _points(costs, qualities)
    return float(np.interp(spend, c[hull], q[hull]))


def mixture_spend(costs: ArrayLike, qualities: ArrayLike, quality: float) -> float:
    """Lowest mean spend of a constant mixture whose mean quality is at least ``quality``.

    The inverse of :func:`mixture_quality` along the :func:`frontier`. The cheapest model's cost is
    given where its quality suffices.

    Args:
        costs: (K,) mean USD per prompt.
        qualities: (K,) mean quality per prompt.
        quality: mean quality per prompt.

    Raises:
        InvalidInputError: as :func:`frontier`, and for a quality that no model has.
    """
    hull = frontier(costs, qualities)
    c, q = _points(costs, qualities)
    best = float(q[hull[-1]])
    if not quality <= best:
        raise InvalidInputError(
            f"no mixture has quality {quality:g}", remedy=f"ask for at most {best:g}"
        )
    return float(np.interp(quality, q[hull], c[hull]))


def _points(
    costs: ArrayLike, qualities: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    c, q = np.asarray(costs, np.float64), np.asarray(qualities, np.float64)
    if c.ndim != 1 or c.shape != q.shape or not len(c):
        raise InvalidInputError(
            f"costs of shape {c.shape} and qualities of shape {q.shape}",
            remedy="give one of each per model",
        )
    if not (np.isfinite(c).all() and np.isfinite(q).all()):
        raise InvalidInputError(
            f"costs {c.tolist()} or qualities {q.tolist()} are not finite",
            remedy="give finite means per prompt",
        )
    return c, q


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    span = float(np.ptp(values))
    return (values - values.min()) / span if span else np.zeros_like(values)


def _turns_right(
    c: NDArray[np.float64], q: NDArray[np.float64], corner: tuple[int, int, int]
) -> bool:
    first, middle, last = corner
    rise = (q[middle] - q[first]) * (c[last] - c[middle])
    return bool(rise > (q[last] - q[middle]) * (c[middle] - c[first]))
