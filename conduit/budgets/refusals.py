"""What a call is told that gets no money."""

from __future__ import annotations

from conduit.core.errors import BudgetExceededError, ReservationTimeoutError
from conduit.core.spending import Shortage


def exceeded(shortage: Shortage) -> BudgetExceededError:
    """The money is spent."""
    spend = shortage.spend
    return BudgetExceededError(
        spend.budget.name,
        scope=str(spend.budget.scope),
        window=str(spend.budget.window),
        limit=spend.budget.limit,
        spent=spend.settled,
        requested=shortage.wanted,
        resets_at=spend.resets_at,
    )


def timed_out(shortage: Shortage, *, waited: float) -> ReservationTimeoutError:
    """The money is set aside for others, and was for so many seconds."""
    spend = shortage.spend
    return ReservationTimeoutError(
        spend.budget.name,
        scope=str(spend.budget.scope),
        window=str(spend.budget.window),
        limit=spend.budget.limit,
        spent=spend.settled,
        reserved=spend.reserved,
        requested=shortage.wanted,
        waited=waited,
        resets_at=spend.resets_at,
    )
