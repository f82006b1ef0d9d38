"""A log as arrays: what off-policy estimators and replays of rules read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

ROUNDING = 1e-6
"""How far the probabilities of a row may be from summing to 1."""


class Outcome(StrEnum):
    """What is estimated: quality in 0..1, or spend in USD, both per request."""

    QUALITY = "quality"
    SPEND = "spend"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Log:
    """n decisions among K arms, what was believed before each, and what came of it.

    The estimates must be those of the moment of decision: one that has seen the row's own outcome
    would bias the doubly robust estimator.

    Args:
        arms: K names.
        propensity: (n, K) probabilities the arm was drawn with; 0 for arms that could not be.
        chosen: (n,) index of the arm that was drawn and served.
        quality: (n,) 0..1; NaN where nobody rated, which is not zero.
        cost: (n,) USD; NaN where nothing is known.
        expected_quality: (n, K) raw estimates of quality; any finite number where there was none.
        expected_cost: (n, K) estimates of cost, USD; likewise.

    Raises:
        InvalidInputError: for no rows, shapes that differ, or values out of range.
    """

    arms: tuple[str, ...]
    propensity: Floats
    chosen: NDArray[np.intp]
    quality: Floats
    cost: Floats
    expected_quality: Floats
    expected_cost: Floats

    def __post_init__(self) -> None:
        if not len(self):
            raise InvalidInputError(
                "the log holds no decision that can be used",
                remedy="route and rate some prompts with this database first",
            )
        self._check_shapes()
        self._check_values()

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def propensity_of_chosen(self) -> Floats:
        """(n,) probability with which the logged arm was drawn."""
        return picked(self.propensity, self.chosen)

    def observed(self, outcome: Outcome) -> Floats:
        """(n,) what came of it; NaN where that is not known."""
        return self.quality if outcome is Outcome.QUALITY else self.cost

    def expected(self, outcome: Outcome) -> Floats:
        """(n, K) what was expected of every arm beforehand."""
        return self.expected_quality if outcome is Outcome.QUALITY else self.expected_cost

    def _check_shapes(self) -> None:
        n, k = len(self), len(self.arms)
        for name in ("propensity", "expected_quality", "expected_cost"):
            _check_shape(name, getattr(self, name), (n, k))
        for name in ("chosen", "quality", "cost"):
            _check_shape(name, getattr(self, name), (n,))

    def _check_values(self) -> None:
        check_probabilities("propensity", self.propensity)
        if ((self.chosen < 0) | (self.chosen >= len(self.arms))).any():
            raise InvalidInputError(
                "chosen holds an arm that is none", remedy=f"give 0..{len(self.arms) - 1}"
            )
        if (self.propensity_of_chosen <= 0).any():
            raise InvalidInputError(
                "an arm was chosen with propensity 0", remedy="leave such rows out"
            )
        for name in ("expected_quality", "expected_cost"):
            if not np.isfinite(getattr(self, name)).all():
                raise InvalidInputError(
                    f"{name} is not finite", remedy="give a number for every row and arm"
                )
        if np.isinf(self.cost).any() or (self.cost < 0).any():
            raise InvalidInputError("a cost is no amount of money", remedy="give USD, or NaN")
        if ((self.quality < 0) | (self.quality > 1)).any():
            raise InvalidInputError("a quality is outside 0..1", remedy="give 0..1, or NaN")


def picked(matrix: Floats, arms: NDArray[np.intp]) -> Floats:
    """(n,) the entry of each row of a matrix (n, K) at that row's arm."""
    return np.asarray(matrix[np.arange(len(arms)), arms])


def check_probabilities(name: str, values: Floats) -> None:
    """Refuse what is no distribution over the arms in every row.

    Raises:
        InvalidInputError: for NaN, negative numbers, and rows that do not sum to 1.
    """
    # Written so that NaN fails too.
    wrong = ~((values >= 0).all(axis=1) & (np.abs(values.sum(axis=1) - 1) <= ROUNDING))
    if wrong.any():
        raise InvalidInputError(
            f"{name} of {int(wrong.sum())} rows is no distribution",
            remedy="give probabilities that sum to 1 in every row",
        )


def _check_shape(name: str, values: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise InvalidInputError(
            f"{name} has shape {values.shape}, not {shape}", remedy="give one value per row and arm"
        )
