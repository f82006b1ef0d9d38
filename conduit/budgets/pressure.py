"""How short money is: from spending ahead of its time to a price on further spending."""

from __future__ import annotations

from collections.abc import Iterable

from conduit.core.budgets import Window
from conduit.core.spending import Spend

FREELY = 0.5
"""Share of a budget without a pace that is spent before anything is saved."""
MOST = 1e6
"""The pressure where nothing is left."""


def pressure(spend: Spend, *, now: float, billed: float) -> float:
    """How strongly one budget asks for cheaper calls.

    ``p = max(f − e, 0) / (1 − f)``: what is spent ahead of an even pace, over what is left. ``f`` is
    the share of the limit that is spent, with calls under way at what they are expected to cost;
    ``e`` the share of the window that has passed, so that whoever spends evenly is never pressed.
    A total and a rolling window have no pace, money of theirs never or always comes back: there
    ``e = ½``. The pressure begins at 0 without a jump, is 1 where as much was spent too soon as is
    left, and grows without bound as the money ends (to :data:`MOST`), so that no difference in
    quality outweighs the last cents.

    Args:
        spend: how the budget stands.
        now: seconds since the epoch.
        billed: share of what is set aside that calls turn out to cost, 0..1.
    """
    limit = spend.budget.limit
    left = limit - spend.settled - billed * spend.reserved
    if left <= 0.0:
        return MOST
    used = 1.0 - left / limit
    return min(max(used - even(spend.budget.window, now), 0.0) / (1.0 - used), MOST)


def even(window: Window, now: float) -> float:
    """The share of a budget that may be spent by now without any pressure."""
    ends = None if window.rolling else window.period.ends(now)
    if ends is None:
        return FREELY
    starts = window.period.starts(now)
    return (now - starts) / (ends - starts)


def strongest(spends: Iterable[Spend], *, now: float, billed: float) -> float:
    """The pressure of the tightest of some budgets; 0 without any."""
    return max((pressure(it, now=now, billed=billed) for it in spends), default=0.0)
