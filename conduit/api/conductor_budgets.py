"""Conductor's ``/budgets``: what users may spend."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.compatibility import Taken, Usd, compatible_routes
from conduit.api.directives import Name
from conduit.api.gateway import Opened, opened
from conduit.api.keys import presented_key
from conduit.api.refusals import Refusal, RefusedError, refusal_of, refuse
from conduit.api.schemas import BudgetDetail
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.errors import BudgetExceededError
from conduit.core.spending import Spend

routes = compatible_routes()
WARNED = 0.8
"""Share of a limit from which a check warns."""
WINDOWS = {
    "hourly_usd": Window(Period.HOURLY),
    "daily_usd": Window(Period.DAILY),
    "weekly_usd": Window(Period.WEEKLY),
    "monthly_usd": Window(Period.MONTHLY),
}
UserId = Annotated[Name, Query(description="Whose.")]


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


@routes.post("/budgets", summary="Conductor: say what a user may spend")
async def set_budget(body: UserBudget, request: Request) -> UserBudgetBody:
    """Windows that are left out stay as they are; what was spent stays spent.

    Where CONDUIT_ADMIN_KEY is set, it is asked for.
    """
    server, actor = opened(request.scope), _administrator(request)
    named = [name for name in WINDOWS if name in body.model_fields_set]
    if not named:
        raise refuse(
            f"no window: give one of {', '.join(WINDOWS)}", code="invalid_value", status=422
        )
    scope = Scope(ScopeKind.USER, body.user_id)
    for name in named:
        limit: float | None = getattr(body, name)
        if limit is None:
            await server.ledger.remove_budget(scope, WINDOWS[name], actor=actor)
        else:
            await server.ledger.set_budget(scope, WINDOWS[name], limit, actor=actor)
    return UserBudgetBody.of(body.user_id, await server.ledger.standing([scope]))


@routes.get("/budgets", summary="Conductor: what users may spend")
async def budgets(request: Request, user_id: UserId | None = None) -> UserBudgets | UserBudgetBody:
    """One user's budget, or all."""
    server = opened(request.scope)
    if user_id is not None:
        return UserBudgetBody.of(user_id, await _standing(server, user_id))
    spends = [
        spend
        for spend in await server.ledger.standing()
        if spend.budget.scope.kind is ScopeKind.USER
    ]
    spends.sort(key=lambda spend: spend.budget.scope)
    users = groupby(spends, key=lambda spend: spend.budget.scope.name)
    return UserBudgets(budgets=[UserBudgetBody.of(user, theirs) for user, theirs in users])


@routes.delete("/budgets", summary="Conductor: let a user spend what they like")
async def remove_budget(request: Request, user_id: UserId) -> UserBudgetBody:
    """Forget a user's budgets, and what was spent of them; answers what they were.

    Where CONDUIT_ADMIN_KEY is set, it is asked for.
    """
    server, actor = opened(request.scope), _administrator(request)
    gone = await _standing(server, user_id)
    for spend in gone:
        await server.ledger.remove_budget(spend.budget.scope, spend.budget.window, actor=actor)
    return UserBudgetBody.of(user_id, gone)


@routes.post("/budgets/check", summary="Conductor: whether a user may spend that much")
async def check(body: CheckBody, request: Request) -> Checked:
    """Advisory: what holds a budget is the reservation of each call."""
    server, scopes = opened(request.scope), [Scope(ScopeKind.USER, body.user_id)]
    refusal: Refusal | None = None
    try:
        spends = await server.ledger.check(scopes, body.estimated_cost)
    except BudgetExceededError as error:
        refusal, spends = refusal_of(error), await server.ledger.standing(scopes)
    return Checked(
        allowed=refusal is None,
        user_id=body.user_id,
        estimated_cost=body.estimated_cost,
        reason=None if refusal is None else refusal.message,
        budget=None if refusal is None else BudgetDetail(**refusal.more["budget"]),
        warnings=[_warning(spend) for spend in spends if _is_near(spend, body.estimated_cost)],
        windows=[WindowBody.of(spend) for spend in spends],
    )


async def _standing(server: Opened, user: str) -> list[Spend]:
    spends = await server.ledger.standing([Scope(ScopeKind.USER, user)])
    if not spends:
        raise refuse(f"there is no budget of user {user!r}", code="budget_not_found", status=404)
    return spends


def _is_near(spend: Spend, estimate: float) -> bool:
    return spend.settled + spend.reserved + estimate >= WARNED * spend.budget.limit


def _warning(spend: Spend) -> str:
    used = spend.settled + spend.reserved
    return (
        f"the {spend.budget.name} has ${used:.6g} of ${spend.budget.limit:.6g} spent or set aside"
    )


def _administrator(request: Request) -> str:
    """Who is on record; only an administrator, where there is one."""
    admin = opened(request.scope).doors.admin
    name: str | None = request.scope.get("conduit_key")
    if admin and admin.recognise(presented_key(request.scope["headers"])) is None:
        raise RefusedError(
            Refusal(
                status=403,
                message="this key may not change budgets; send the one of CONDUIT_ADMIN_KEY",
                type="permission_error",
                code="forbidden",
            )
        )
    return f"api_key:{name}"
