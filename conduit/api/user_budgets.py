"""Bodies of Conductor's ``/budgets``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from conduit.api.compatibility import Taken, Usd
from conduit.api.directives import Name
from conduit.api.schemas import BudgetDetail
from conduit.budgets.nearness import WARNED
from conduit.core.budgets import Period, Window
from conduit.core.spending import Spend

WINDOWS = {f"{period}_usd": Window(period) for period in Period if period is not Period.TOTAL}
"""Calendar windows by the field of their limit."""


class UserBudget(Taken):
    """What a user may spend, in calendar windows in UTC; a window given as null is lifted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "user_123", "daily_usd": 5.0, "monthly_usd": 50.0}]
        }
    )

    user_id: Name
    hourly_usd: Usd | None = None
    daily_usd: Usd | None = None
    weekly_usd: Usd | None = None
    monthly_usd: Usd | None = None
    hard_limit: Literal[True] = Field(default=True, description="Every limit holds.")


class WindowBody(BaseModel):
    """A budget in one window as it stands; in USD, and seconds since the epoch."""

    window: str
    limit_usd: float
    spent_usd: float
    reserved_usd: float
    remaining_usd: float
    resets_at: float | None

    @classmethod
    def of(cls, spend: Spend) -> WindowBody:
        """The same for people."""
        return cls(
            window=str(spend.budget.window),
            limit_usd=spend.budget.limit,
            spent_usd=spend.settled,
            reserved_usd=spend.reserved,
            remaining_usd=spend.remaining,
            resets_at=spend.resets_at,
        )


class UserBudgetBody(BaseModel):
    """What a user may spend, and has spent."""

    user_id: str
    hourly_usd: float | None
    daily_usd: float | None
    weekly_usd: float | None
    monthly_usd: float | None
    windows: list[WindowBody]

    @classmethod
    def of(cls, user: str, spends: Iterable[Spend]) -> UserBudgetBody:
        """The same for people."""
        known = list(spends)
        limits = {spend.budget.window: spend.budget.limit for spend in known}
        return cls(
            user_id=user,
            **{name: limits.get(window) for name, window in WINDOWS.items()},
            windows=[WindowBody.of(spend) for spend in known],
        )


class UserBudgets(BaseModel):
    """Users with budgets, in order."""

    budgets: list[UserBudgetBody]


class CheckBody(Taken):
    """A cost that is expected."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": "user_123", "estimated_cost": 0.01}]}
    )

    user_id: Name
    estimated_cost: Usd = 0.0


class Checked(BaseModel):
    """Whether the cost would be within all budgets of the user, as they stand."""

    allowed: bool
    user_id: str
    estimated_cost: float
    reason: str | None = Field(description="Where it is not allowed.")
    budget: BudgetDetail | None = Field(description="The first budget that is in the way.")
    warnings: list[str] = Field(description=f"Budgets that would be {WARNED:.0%} used.")
    windows: list[WindowBody]
