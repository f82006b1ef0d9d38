"""Additive sufficient statistics: the authoritative learned state of one head of one arm.

They hold no prior, so the statistics of any replica, log or offline data set merge by addition,
in any order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dger

from conduit.core.forgetting import Forgetting, remaining

Array: TypeAlias = NDArray[np.float64]

UNDATED = -math.inf
"""Landmark of sums that no clock has weighed: they count as of whenever they are first used."""


def add_outer(A: Array, scale: float, x: Array, y: Array) -> None:
    """``A += scale x yᵀ`` in place: A (d, d) in row-major order, x (d,), y (d,)."""
    # BLAS counts in columns, so it is given the transpose; names of arguments take it longer.
    dger(scale, y, x, 1, 1, A.T, 1, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class SufficientStatistics:
    """Weighted sums of contexts ``x`` (d,) and targets ``y``.

    Args:
        A: (d, d) sum of w x xᵀ.
        b: (d,) sum of w x y.
        yy: sum of w y².
        weight: sum of w, in ratings.
        count: raw number of observations.
        landmark: the moment as of which the sums are weighed, in seconds since the epoch. Where
            evidence fades, an observation of weight ω about a decision at t is in the sums with
            ``w = ω exp((t − landmark)/τ)`` (Cormode et al. 2009, *Forward Decay*), so that a
            later moment is one factor on all sums, whatever order they came in.
    """

    A: Array
    b: Array
    yy: float
    weight: float
    count: int
    landmark: float = UNDATED

    @classmethod
    def zero(cls, dim: int) -> SufficientStatistics:
        """Statistics of nothing, for contexts of ``dim`` numbers."""
        return cls(np.zeros((dim, dim)), np.zeros(dim), 0.0, 0.0, 0)

    @classmethod
    def of(cls, X: Array, y: Array, *, weight: float = 1.0) -> SufficientStatistics:
        """Statistics of a whole data set: X (n, d), y (n,)."""
        return cls(
            weight * (X.T @ X),
            weight * (X.T @ y),
            weight * float(y @ y),
            weight * len(y),
            len(y),
        )

    @property
    def dim(self) -> int:
        """Length of the contexts."""
        return len(self.b)

    def equals(self, other: SufficientStatistics) -> bool:
        """Whether both are the same to the last bit, whenever they are weighed as of."""
        return (
            self.count == other.count
            and self.weight == other.weight
            and self.yy == other.yy
            and np.array_equal(self.b, other.b)
            and np.array_equal(self.A, other.A)
        )

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        """Merge two sets of observations that are weighed as of one moment, or never fade."""
        return SufficientStatistics(
            self.A + other.A,
            self.b + other.b,
            self.yy + other.yy,
            self.weight + other.weight,
            self.count + other.count,
            max(self.landmark, other.landmark),
        )

    def merge(self, other: SufficientStatistics, *, time_constant: float) -> SufficientStatistics:
        """Merge sets of observations weighed as of any moments, exactly: as of the later one."""
        newest = max(self.landmark, other.landmark)
        return self.at(newest, time_constant=time_constant) + other.at(
            newest, time_constant=time_constant
        )

    def at(self, moment: float, *, time_constant: float) -> SufficientStatistics:
        """The same evidence weighed as of another moment.

        Undated evidence counts as of that moment, and so does what a clock that was ahead has
        dated later: nothing ever gains weight.

        Args:
            moment: seconds since the epoch.
            time_constant: τ, in seconds; infinite where nothing fades.
        """
        share = 1.0
        if self.landmark != UNDATED:
            share = remaining(moment - self.landmark, time_constant)
        faded = self if share == 1.0 else self.scaled(share)
        return replace(faded, landmark=moment)

    def observe(self, x: Array, y: float, *, weight: float = 1.0) -> SufficientStatistics:
        """Add one observation."""
        return SufficientStatistics(
            self.A + weight * np.outer(x, x),
            self.b + weight * y * x,
            self.yy + weight * y * y,
            self.weight + weight,
            self.count + 1,
            self.landmark,
        )

    def absorb(self, x: Array, y: float, *, weight: float = 1.0) -> SufficientStatistics:
        """The same in place: takes over A and b, so ``self`` must not be used again.

        A must be in row-major order, as it is after :meth:`copied`.
        """
        A, b = self.A, self.b
        add_outer(A, weight, x, x)
        b += (weight * y) * x
        return SufficientStatistics(
            A, b, self.yy + weight * y * y, self.weight + weight, self.count + 1, self.landmark
        )

    def copied(self) -> SufficientStatistics:
        """The same sums in arrays of their own."""
        return replace(self, A=self.A.copy(), b=self.b.copy())

    def revise(
        self, x: Array, y: float, previous: float, *, weight: float = 1.0
    ) -> SufficientStatistics:
        """Replace the target of an observation already counted."""
        return SufficientStatistics(
            self.A,
            self.b + weight * (y - previous) * x,
            self.yy + weight * (y * y - previous * previous),
            self.weight,
            self.count,
            self.landmark,
        )

    def shifted(self, by: float) -> SufficientStatistics:
        """The same observations with ``by`` added to every target.

        Exact, however the observations were weighted: Σwx is the first column of A, because the
        bias, which is 1, comes first in every context.
        """
        return replace(
            self,
            b=self.b + by * self.A[:, 0],
            yy=self.yy + by * (2.0 * float(self.b[0]) + by * self.weight),
        )

    def at_most(self, worth: float) -> SufficientStatistics:
        """The same evidence, worth at most so many ratings."""
        return self if self.weight <= worth else self.scaled(worth / self.weight)

    def leading(self, dim: int) -> SufficientStatistics:
        """The statistics of the first ``dim`` context coordinates alone."""
        return replace(self, A=self.A[:dim, :dim], b=self.b[:dim])

    def scaled(self, factor: float) -> SufficientStatistics:
        """The same evidence worth ``factor`` times as much; the count stays."""
        return replace(
            self,
            A=self.A * factor,
            b=self.b * factor,
            yy=self.yy * factor,
            weight=self.weight * factor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where evidence comes from that was not observed here, such as a file of labelled outcomes.

    Args:
        digest: identity of its content; a source counts once.
        name: for people.
        n_eff: ratings that its evidence weighs at most, per arm and head.
        prompts: how many were labelled.
        absorbed_at: seconds since the epoch.
    """

    digest: str
    name: str
    n_eff: float
    prompts: int
    absorbed_at: float


@dataclass(frozen=True, slots=True, eq=False)
class LearnedState:
    """Everything learned, as read from a store at one moment.

    Args:
        version: grows with every fold.
        statistics: per (arm id, head name).
        forgetting: how fast they fade.
    """

    version: int
    statistics: Mapping[tuple[str, str], SufficientStatistics]
    forgetting: Forgetting = Forgetting()
