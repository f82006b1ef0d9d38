"""Semantic retries: the same question again, soon, from the same user.

Whoever asks again was not served by the earlier answer, so a retry is evidence against the model
of the *earlier* decision, not of the one that is about to answer.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from conduit.core.outcomes import Head, Observation, Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

RETRY_QUALITY = 0.3
"""Quality in 0..1 that an answer is taken to have had when its question is asked again."""

RETRY_WEIGHT = 0.3
"""Weight in ratings. A decision keeps one retry at most, and a retry is the only implicit signal
of quality, so implicit evidence never outweighs one rating."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    decision_id: str
    direction: NDArray[np.float32]
    at: float


class RetryWindow:
    """Remembers what each user asked last, and recognises a question that returns.

    A retry is a query of the same user whose embedding has a cosine above ``similarity`` with one
    of the user's last ``per_user`` queries, asked at most ``seconds`` before. Time is an argument.
    A clock that goes backwards by no more than ``seconds`` is tolerated; what was asked further
    in the future than that is forgotten.

    Not thread-safe: one event loop owns it. Cost per call: ``per_user`` dot products.

    Args:
        similarity: cosine that must be exceeded, -1..1.
        seconds: length of the window.
        per_user: queries remembered per user.
        max_users: users remembered; the one silent longest is forgotten first. The default holds
            1,000 x 10 embeddings of 384 float32: 15 MB at most.
    """

    def __init__(
        self,
        *,
        similarity: float = 0.85,
        seconds: float = 300.0,
        per_user: int = 10,
        max_users: int = 1000,
    ) -> None:
        self._similarity = similarity
        self._seconds = seconds
        self._per_user = per_user
        self._max_users = max_users
        self._users: OrderedDict[str, deque[_Asked]] = OrderedDict()

    def __len__(self) -> int:
        """Number of users remembered."""
        return len(self._users)

    def record(
        self, user_id: str | None, embedding: NDArray[np.float32], decision_id: str, now: float
    ) -> str | None:
        """Remember a query, and say which earlier one it repeats.

        Args:
            user_id: who asks; None is anonymous, never a retry, and not remembered.
            embedding: (dim,) of the query; a zero or non-finite one resembles nothing.
            decision_id: the decision made for the query.
            now: seconds.

        Returns:
            The decision of the *latest* earlier query that it resembles: of several, the answer
            the user saw last is the one found wanting. None when it is no retry.
        """
        if user_id is None:
            return None
        direction = _direction(embedding)
        if direction is None:
            return None
        self._forget_idle(now)
        asked = self._users.setdefault(user_id, deque(maxlen=self._per_user))
        self._users.move_to_end(user_id)
        earlier = next(
            (a.decision_id for a in reversed(asked) if self._repeats(a, direction, now)), None
        )
        asked.append(_Asked(decision_id, direction, now))
        if len(self._users) > self._max_users:
            self._users.popitem(last=False)
        return earlier

    def _repeats(self, asked: _Asked, direction: NDArray[np.float32], now: float) -> bool:
        if not self._is_recent(asked, now) or asked.direction.shape != direction.shape:
            return False
        return float(asked.direction @ direction) > self._similarity

    def _is_recent(self, asked: _Asked, now: float) -> bool:
        return abs(now - asked.at) <= self._seconds

    def _forget_idle(self, now: float) -> None:
        # Users are ordered by their last query, so the idle ones are in front.
        while self._users:
            user_id, asked = next(iter(self._users.items()))
            if self._is_recent(asked[-1], now):
                return
            del self._users[user_id]


def retry_observation(earlier_decision_id: str, *, arm: str, observed_at: float) -> Observation:
    """Mild evidence against the model whose answer was asked for again.

    Args:
        earlier_decision_id: what :meth:`RetryWindow.record` returned.
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


def _direction(embedding: NDArray[np.float32]) -> NDArray[np.float32] | None:
    norm = float(np.linalg.norm(np.asarray(embedding, np.float64)))
    if norm == 0 or not math.isfinite(norm):
        return None
    return np.asarray(embedding / norm, np.float32)
