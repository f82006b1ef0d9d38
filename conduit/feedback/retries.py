"""Semantic retries: the same question again, soon, from the same user.

Whoever asks again was not served by the earlier answer, so a retry is evidence against the model
of the *earlier* decision, not of the one that is about to answer. What was asked is remembered
elsewhere (:class:`~conduit.core.caching.RecentQueries`); here it is judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.caching import REMEMBERED_SECONDS, Asked
from conduit.core.outcomes import Head, Observation, Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

RETRY_QUALITY = 0.3
"""Quality in 0..1 that an answer is taken to have had when its question is asked again."""

RETRY_WEIGHT = 0.3
"""Weight in ratings. A decision keeps one retry at most, and a retry is the only implicit signal
of quality, so implicit evidence never outweighs one rating."""

SIMILARITY = 0.85
"""Cosine that two queries must exceed to be the same question, -1..1."""


def repeated(asked: Asked, earlier: Sequence[Asked]) -> Asked | None:
    """The query that this one repeats; None when it is no retry.

    Args:
        asked: the query.
        earlier: what the same user asked before, oldest first. Embeddings of another length, as of
            another encoder, match nothing, and neither does what is older, or further in the
            future, than ``REMEMBERED_SECONDS``.

    Returns:
        The *latest* that it resembles: of several, the answer the user saw last is the one found
        wanting.
    """
    return next((e for e in reversed(earlier) if _repeats(asked, e)), None)


def direction_of(embedding: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """An embedding at unit length, (dim,); None for a zero or non-finite one, like nothing else."""
    norm = float(np.linalg.norm(np.asarray(embedding, np.float64)))
    if norm == 0 or not math.isfinite(norm):
        return None
    return np.asarray(embedding / norm, np.float32)


def retry_observation(earlier_decision_id: str, *, arm: str, observed_at: float) -> Observation:
    """Mild evidence against the model whose answer was asked for again.

    Args:
        earlier_decision_id: of the query that :func:`repeated` found.
        arm: id of the arm that served *that* decision.
        observed_at: seconds since the epoch.
    """
    return Observation(
        decision_id=earlier_decision_id,
        arm=arm,
        signal=Signal.RETRY,
        head=Head.QUALITY,
        value=RETRY_QUALITY,
        weight=RETRY_WEIGHT,
        observed_at=observed_at,
    )


def _repeats(asked: Asked, earlier: Asked) -> bool:
    if abs(asked.at - earlier.at) > REMEMBERED_SECONDS:
        return False
    if asked.direction.shape != earlier.direction.shape:
        return False
    return float(asked.direction @ earlier.direction) > SIMILARITY
