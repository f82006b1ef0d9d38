"""How much weighted residuals vary over everything that might have been drawn.

The log tells the propensity of every arm in every row, so the weights that an arm would have had
where it was not drawn are known too. What has to be estimated is only how large residuals are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conduit.evaluation.logged import picked
from conduit.evaluation.support import UNREACHABLE, squared_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ENOUGH_DRAWS = 10
"""Draws from which an arm's own residuals say how large they are, and what its average counts for
in each band of propensities."""
BAND = 4.0
"""Ratio of the largest propensity of a band to its smallest."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """n draws among K arms, for a question about another policy.

    Args:
        propensity: (n, K) p, the probabilities the arms were drawn with.
        mass: (n, K) π of the policy, or the difference of two.
        chosen: (n,) the arm that was drawn.
    """

    propensity: Floats
    mass: Floats
    chosen: NDArray[np.intp]

    @property
    def weights(self) -> Floats:
        """(n,) size of the weight of what was drawn."""
        return np.abs(picked(self.mass, self.chosen)) / picked(self.propensity, self.chosen)


def known_squares(
    draws: Draws, residual: Floats, *, imagined: float = 0.0, expected: Floats | None = None
) -> float:
    """Expected ``Σ_i Σ_a (π²/p) r²``, by the known propensities.

    The squared residual r² of an arm may differ from one band of propensities to the next, since a
    log avoids an arm where it is bad or dear: in each band it is the average of the draws there,
    with the arm's average over the policy's choices as ten draws more. Rows in which the arm is
    likely so lend to rows in which it is rare and hardly drawn, and do not outvote them.

    Args:
        draws: what was drawn, and what might have been.
        residual: r (n,) of what was drawn.
        imagined: r² of one draw more of every arm, so that equal outcomes are not taken for certain;
            0 imagines none.
        expected: (n, K) where residuals grow with what was expected, as those of costs do; None
            where they do not.
    """
    squares = residual * residual
    scale = np.ones_like(draws.mass)
    if expected is not None:
        # Not in proportion alone: what was expected to cost next to nothing may cost something.
        scale = expected * expected + _per_arm(draws, squares, scale)
        scale[:, (scale == 0).any(axis=0)] = 1.0
    sizes = scale * _banded(draws, squares, scale)
    if imagined:
        drawn = np.bincount(draws.chosen, draws.weights > 0, minlength=draws.mass.shape[1])
        sizes = (drawn * sizes + imagined) / (drawn + 1)
    return float((squared_weights(draws.propensity, draws.mass) * sizes).sum())


def _per_arm(draws: Draws, squares: Floats, scale: Floats) -> Floats:
    """(K,) squares per unit of scale as the policy weighs its draws; of all arms where few drew it."""
    arms = draws.mass.shape[1]
    total, unit, count = _sums(draws, squares, scale, cells=draws.chosen, size=arms)
    pooled = total.sum() / unit.sum() if unit.any() else 0.0
    enough = (count >= ENOUGH_DRAWS) & (unit > 0)
    return np.asarray(np.divide(total, unit, out=np.full(arms, pooled), where=enough))


def _banded(draws: Draws, squares: Floats, scale: Floats) -> Floats:
    """(n, K) the same within the band of a propensity, drawn towards the arm's own."""
    average = _per_arm(draws, squares, scale)
    steps = np.log(np.maximum(draws.propensity, UNREACHABLE)) / -np.log(BAND)
    cells = steps.astype(np.intp) * len(average) + np.arange(len(average))
    mine, size = cells[np.arange(len(cells)), draws.chosen], int(cells.max()) + 1
    total, unit, count = _sums(draws, squares, scale, cells=mine, size=size)
    own = np.divide(total, unit, out=np.zeros(size), where=unit > 0)
    lent = ENOUGH_DRAWS * average
    return np.asarray(((count * own)[cells] + lent) / (count[cells] + ENOUGH_DRAWS))


def _sums(
    draws: Draws, squares: Floats, scale: Floats, *, cells: NDArray[np.intp], size: int
) -> Floats:
    """(3, size) weighted squares, weighted scales, and draws that count, per cell."""
    weights = draws.weights
    columns = (weights * squares, weights * picked(scale, draws.chosen), weights > 0)
    return np.stack([np.bincount(cells, column, minlength=size) for column in columns])
