"""Quality by example: what the arms were worth on the labelled queries nearest in meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.estimates import Estimates
from conduit.core.errors import InvalidInputError
from conduit.core.statistics import Array

NEIGHBOURS = 5
"""Nearest labelled queries that an estimate is made of."""
LARGEST_VARIANCE = 0.25
"""Of a number in 0..1: an imagined neighbour's share in the variance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearestNeighbours:
    """Expect of an arm the mean quality it had on the k labelled queries nearest to the prompt.

    ``m = Σ y_i / n`` over the n = k labelled queries of the highest cosine similarity, per arm
    among those that it was labelled on; the standard deviation of that mean is ``s/√n`` with
    ``s² = (¼ + Σ (y_i − m)²) / (1 + n)``, so that five equal labels are not taken for certainty. It
    is fixed once made: ratings do not change it, while cost, latency and availability are learned
    as always. Right where labelled queries look like those to come; where they do not, it has no
    way to find out, which a bandit has.

    Cost: 4 n D bytes of memory (15 MB for 10,000 queries of 384 numbers) besides the labels; one
    product of 2 n D flops and a partition of n numbers per prompt, by brute force and exact: about
    1 ms for 10,000 queries.

    Args:
        encoder: identity of the encoder that made the embeddings.
        arms: K unique ids, in the order of the columns.
        embeddings: (n, D) float32, unit norm.
        quality: (n, K) labels in 0..1; NaN where an arm was not labelled, at least one each.
        k: neighbours per arm, 1 or more; all labelled queries where there are fewer.

    Raises:
        InvalidInputError: for shapes that differ, or numbers out of range.

    Reference: Cover & Hart (1967); orkestra's router, k = 5.

    >>> import numpy as np
    >>> labelled = NearestNeighbours(
    ...     encoder="example",
    ...     arms=("small", "large"),
    ...     embeddings=np.eye(3, dtype=np.float32),
    ...     quality=np.array([[1.0, 1.0], [0.0, 1.0], [0.5, 0.5]]),
    ...     k=1,
    ... )
    >>> mean, std, n = labelled.predict(np.array([0.6, 0.8, 0.0], np.float32))
    >>> mean.tolist(), n.tolist()
    ([0.0, 1.0], [1, 1])
    """

    encoder: str
    arms: tuple[str, ...]
    embeddings: NDArray[np.float32]
    quality: Array
    k: int = NEIGHBOURS
    _groups: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "_groups", _groups(~np.isnan(self.quality)))

    def __len__(self) -> int:
        """Number of labelled queries."""
        return len(self.embeddings)

    def of(self, arms: Sequence[str]) -> NearestNeighbours:
        """The same labels of some arms alone, in this order.

        Raises:
            InvalidInputError: naming every arm that was not labelled.
        """
        missing = [arm for arm in arms if arm not in self.arms]
        if missing:
            raise InvalidInputError(
                f"no labelled queries for {', '.join(map(repr, missing))}",
                remedy=f"fit on outcomes of these models, or route among: {', '.join(self.arms)}",
            )
        columns = [self.arms.index(arm) for arm in arms]
        return replace(self, arms=tuple(arms), quality=self.quality[:, columns])

    def predict(self, embedding: NDArray[np.float32]) -> tuple[Array, Array, NDArray[np.int64]]:
        """Mean, its standard deviation and number of neighbours, each (K,), at a unit (D,) vector."""
        similarity = self.embeddings @ embedding
        mean, std = np.empty(len(self.arms)), np.empty(len(self.arms))
        count = np.empty(len(self.arms), np.int64)
        for rows, columns in self._groups:
            n = min(self.k, len(rows))
            near = rows[np.argpartition(similarity[rows], len(rows) - n)[-n:]]
            labels = self.quality[np.ix_(near, columns)]
            mean[columns] = labels.mean(axis=0)
            spread = ((labels - mean[columns]) ** 2).sum(axis=0) + LARGEST_VARIANCE
            std[columns] = np.sqrt(spread / ((1 + n) * n))
            count[columns] = n
        return mean, std, count

    def refine(self, estimates: Estimates, embedding: NDArray[np.float32]) -> Estimates:
        """Estimates whose quality is that of the neighbours, each neighbour worth one rating."""
        mean, std, count = self.predict(embedding)
        return replace(
            estimates,
            quality=mean,
            quality_std=std,
            observations=count,
            ratings=count.astype(np.float64),
        )


def _groups(
    labelled: NDArray[np.bool_],
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    """Rows and columns of arms that were labelled on the same queries."""
    patterns, which = np.unique(labelled, axis=1, return_inverse=True)
    return tuple(
        (np.flatnonzero(patterns[:, group]), np.flatnonzero(which.reshape(-1) == group))
        for group in range(patterns.shape[1])
    )


def _check(given: NearestNeighbours) -> None:
    shape = (len(given.embeddings), len(given.arms))
    if given.embeddings.ndim != 2 or given.quality.shape != shape or 0 in shape:
        raise InvalidInputError(
            f"embeddings {given.embeddings.shape} and quality {given.quality.shape} do not fit "
            f"{len(given.arms)} arms",
            remedy="give one row per labelled query, and one column of quality per arm",
        )
    if not np.isfinite(given.embeddings).all():
        raise InvalidInputError("an embedding is not finite", remedy="encode the queries again")
    labels = given.quality[~np.isnan(given.quality)]
    outside = labels[(labels < 0) | (labels > 1)]
    if len(outside):
        raise InvalidInputError(f"quality={outside[0]} is no label", remedy="give 0..1")
    if given.k < 1:
        raise InvalidInputError(f"k={given.k} neighbours", remedy="give 1 or more")
    if len(set(given.arms)) < len(given.arms):
        raise InvalidInputError(f"arms {given.arms} repeat a name", remedy="name each once")
    if np.isnan(given.quality).all(axis=0).any():
        arm = given.arms[int(np.isnan(given.quality).all(axis=0).argmax())]
        raise InvalidInputError(f"no query is labelled for {arm!r}", remedy="leave the arm out")
