"""The unit of latency: an ordinary call of the slowest arm, so that latency weighs at most 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

TYPICAL_CALLS = 5.0
"""Imagined calls of every arm that took as long as those of all arms did."""


def slowest_call(levels: Sequence[float], calls: Sequence[float]) -> float | None:
    """Seconds of an ordinary call of the slowest arm seen; None while there is none.

    A mean over calls would shrink as traffic moves to a fast arm, and every other arm would look
    slower than it did before. An arm of few calls is drawn to the mean of the arms, or a single
    slow call would make latency count for less until that arm is called again.

    Args:
        levels: (K,) logarithm of each arm's mean latency; infinite for an arm never seen.
        calls: (K,) what was seen of each, in calls.
    """
    seen = [(level, n) for level, n in zip(levels, calls, strict=True) if level < math.inf]
    if not seen:
        return None
    middle = sum(level for level, _ in seen) / len(seen)
    drawn = ((n * level + TYPICAL_CALLS * middle) / (n + TYPICAL_CALLS) for level, n in seen)
    return math.exp(max(drawn))
