"""Confidence intervals for weighted means whose weights are heavy but known.

The log tells the propensity of every arm, not only of the one that was drawn, so how much the
weights vary is known exactly. That is what makes honest intervals possible when the few rows with
the largest weights happen not to have been drawn, which is when an ordinary interval is far too
short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.95
FEWEST_DEGREES = 3.0


@dataclass(frozen=True, slots=True)
class Spread:
    """How uncertain an estimate is.

    Args:
        standard_error: in the estimate's unit.
        half_width: of the 95% interval.
    """

    standard_error: float
    half_width: float


def spread_of(influence: Floats, *, known_variance: float) -> Spread:
    """Standard error and half-width of the mean of n contributions.

    The variance is the larger of two: the empirical one, ``Σψ²/(n(n−1))``, and the one that the
    known propensities imply, which does not fall when heavy weights were not drawn. The quantile
    is Student's t with the degrees of freedom of that sum, ``2S²/(Σψ⁴ − S²/n)`` with ``S = Σψ²``:
    where few rows carry the sum, the variance itself is uncertain.

    Chosen by simulation (``docs/EVALUATION.md`` has the table) over normal intervals, the
    empirical variance alone, and a ratio of known to drawn squared weights; empirical Bernstein
    bounds are several times wider. The contexts are held fixed, so the sum of squared conditional
    means is not subtracted and intervals err on the long side.

    Args:
        influence: ψ (n,), centred contributions; n of at least 2.
        known_variance: of the mean, from the propensities.
    """
    n = len(influence)
    squares = influence * influence
    total = float(squares.sum())
    variance = max(total / (n * (n - 1)), known_variance)
    error = float(np.sqrt(variance))
    quantile = float(stdtrit(_degrees(squares, total), 0.5 + LEVEL / 2))
    return Spread(error, quantile * error)


def _degrees(squares: Floats, total: float) -> float:
    if total <= 0:
        return np.inf
    share = squares / total
    excess = float((share * share).sum()) - 1 / len(squares)
    return max(FEWEST_DEGREES, 2 / excess) if excess > 0 else np.inf
