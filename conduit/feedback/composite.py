"""The composite reward that is reported to people; the learner never sees it.

The learner keeps quality, latency and availability on heads of their own, so that a user can
change the trade-off without relearning. People like one number, and this is it.
"""

from __future__ import annotations

EXPLICIT_SHARE = 0.7
"""Share of the explicit reward when implicit evidence exists as well."""

ERROR_REWARD = 0.0
RETRY_REWARD = 0.3
LATENCY_REWARDS = ((10.0, 0.9), (30.0, 0.7))
"""(seconds, reward of an answer that took no longer), from fast to slow."""
SLOW_REWARD = 0.5


def implicit_reward(*, error: bool, retried: bool, latency: float | None) -> float | None:
    """Reward in 0..1 of what a call showed: the worst news decides.

    An error is 0 and a semantic retry .3; otherwise patience decides: .9 within 10 seconds, .7
    within 30, .5 beyond. A latency that nobody measured is not zero: without other news the
    answer is None.

    Args:
        error: whether the call failed.
        retried: whether the user asked the same again soon after.
        latency: seconds; None when not measured.
    """
    if error:
        return ERROR_REWARD
    if retried:
        return RETRY_REWARD
    if latency is None:
        return None
    return next((reward for most, reward in LATENCY_REWARDS if latency <= most), SLOW_REWARD)


def composite_reward(
    explicit: float | None, *, error: bool, retried: bool, latency: float | None
) -> float | None:
    """Seven parts explicit and three parts implicit reward; one alone counts in full.

    Args:
        explicit: reward in 0..1 from ratings; None when nobody rated.
        error: whether the call failed.
        retried: whether the user asked the same again soon after.
        latency: seconds; None when not measured.

    Returns:
        0..1, or None when nothing is known.
    """
    implicit = implicit_reward(error=error, retried=retried, latency=latency)
    if explicit is None:
        return implicit
    if implicit is None:
        return explicit
    return EXPLICIT_SHARE * explicit + (1 - EXPLICIT_SHARE) * implicit
