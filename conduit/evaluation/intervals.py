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
        quantile: standard errors to either end of the 95% interval.
    """

    standard_error: float
    quantile: float

    @property
    def half_width(self) -> float:
        """Of the symmetric 95% interval."""
        return self.quantile * self.standard_error if self.standard_error else 0.0


def spread_of(influence: Floats, *, known_squares: float, foreseen: Floats) -> Spread:
    """Standard error and quantile of the mean of n contributions on fixed contexts.

    The sum of squares is the larger of two: the empirical one, ``Σψ²``, and the one that the known
    propensities imply, which does not fall when heavy weights were not drawn. From it goes what
    could be foreseen from the contexts, ``(Σψg)²/Σg²``: contexts are held fixed, so differences
    between them are no error, and by Cauchy–Schwarz this is at most what they amount to. The
    quantile is Student's t with the degrees of freedom of Σψ², ``2S²/(Σψ⁴ − S²/n)`` with
    ``S = Σψ²``: where few rows carry the sum, the variance itself is uncertain.

    Args:
        influence: ψ (n,), centred contributions; n of at least 2.
        known_squares: the expected Σψ² by the propensities.
        foreseen: g (n,), any function of the contexts; best an estimate of the outcome.
    """
    n = len(influence)
    influence, explained = _unforeseen(influence, foreseen - foreseen.mean())
    squares = influence * influence
    total = float(squares.sum())
    variance = max(total, known_squares - explained) / (n * (n - 1))
    quantile = float(stdtrit(_degrees(squares, total), 0.5 + LEVEL / 2))
    return Spread(float(np.sqrt(variance)), quantile)


def ratio_interval(weights: Floats, values: Floats, spread: Spread) -> tuple[float, float] | None:
    """Ends of the interval of ``Σwy / Σw``: every θ that its own residuals do not rule out.

    ``(Σ w(y−θ))² ≤ q² (S²e² − B + Σ w²(y−θ)²)`` with ``S = Σw``, e and q the spread's standard error
    and quantile, and B the squares at the estimate, so that there the variance is the spread's own;
    where that is less than B/S², squares count in proportion. The residuals are those of θ and not
    of the estimate, so the interval is longer to the side on which outcomes of large weight may have
    been missed: where all heavy rows came out well, that is downwards.

    Args:
        weights: w (n,), at least one above 0.
        values: y (n,).
        spread: of the estimate.

    Returns:
        Low and high; None where the weights are too few for any end.

    Reference: Fieller (1954); Owen (2013), chapter 9, for ratio estimators.
    """
    total = float(weights.sum())
    centre = float(weights @ values) / total
    heavy = weights * (values - centre)
    squares, allowed = float(heavy @ heavy), (spread.standard_error * total) ** 2
    slack = spread.quantile**2 * (min(1.0, allowed / squares) if squares > 0 else 1.0)
    # a δ² + 2 b δ ≤ q² S²e² in the distance δ of θ from the estimate.
    a = total * total - slack * float(weights @ weights)
    b = slack * float(weights @ heavy)
    if a <= 0:
        return None
    root = float(np.sqrt(b * b + a * spread.quantile**2 * allowed))
    return centre + (-b - root) / a, centre + (-b + root) / a


def _unforeseen(influence: Floats, centred: Floats) -> tuple[Floats, float]:
    """Contributions without their regression on g, and the squares that it takes away."""
    size = float(centred @ centred)
    if size <= 0:
        return influence, 0.0
    slope = float(influence @ centred) / size
    return influence - slope * centred, slope * slope * size


def _degrees(squares: Floats, total: float) -> float:
    if total <= 0:
        return np.inf
    share = squares / total
    excess = float((share * share).sum()) - 1 / len(squares)
    return max(FEWEST_DEGREES, 2 / excess) if excess > 0 else np.inf
