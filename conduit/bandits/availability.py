"""Whether an arm answers: the share of calls that did, fading fast and without a context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conduit.core.forgetting import remaining
from conduit.core.statistics import Array, SufficientStatistics

ANSWERED = 5.0
"""Imagined successful calls that every arm starts with."""


class Availability:
    """Answers and calls of K arms, weighed as of now; what is imagined does not fade.

    Args:
        statistics: one per arm; None where nothing was seen.
        time_constant: τ, seconds in which calls fade to 1/e.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        statistics: Sequence[SufficientStatistics | None],
        *,
        time_constant: float,
        now: float,
    ) -> None:
        self._tau = time_constant
        self._now = now
        self._seen = np.zeros((len(statistics), 2))  # answers, calls
        for arm, sums in enumerate(statistics):
            if sums is not None:
                self.merge(arm, sums)

    def estimate(self) -> Array:
        """(K,) probability that a call is answered, 0..1."""
        seen = self._seen + ANSWERED
        probability: Array = seen[:, 0] / seen[:, 1]
        return probability

    def advance(self, now: float) -> None:
        """Let time pass; a clock that goes backwards makes nothing younger."""
        self._seen *= remaining(now - self._now, self._tau)
        self._now = now

    def observe(
        self,
        arm: int,
        y: float,
        *,
        previous: float | None = None,
        weight: float = 1.0,
        at: float | None = None,
    ) -> None:
        """Count a call, or correct one that was counted.

        Args:
            arm: index of the arm.
            y: 1 for an answer, 0 for none.
            previous: what ``y`` replaces; None for a call that was not counted yet.
            weight: in calls.
            at: when the decision was made; now, when None or later than now.
        """
        if at is not None:
            weight *= remaining(self._now - at, self._tau)
        answers = weight * (y - (previous or 0.0))
        self._add(arm, answers, 0.0 if previous is not None else weight)

    def merge(self, arm: int, sums: SufficientStatistics) -> None:
        """Add evidence from elsewhere, weighed as of any moment."""
        sums = sums.at(self._now, time_constant=self._tau)
        self._add(arm, float(sums.b[0]), sums.weight)

    def _add(self, arm: int, answers: float, calls: float) -> None:
        """No more answers than calls, nor fewer than none.

        Where clocks disagree, a correction may weigh more than is left of what it corrects.
        """
        answered, called = self._seen[arm] + (answers, calls)
        self._seen[arm] = min(max(answered, 0.0), called), called
