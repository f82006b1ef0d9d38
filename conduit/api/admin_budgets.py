"""``/v1/admin/budgets``: what users, teams, keys and sessions may spend."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.directives import Name
from conduit.api.gateway import Opened, opened
from conduit.api.refusals import refuse
from conduit.api.schemas import ERRORS
from conduit.core.budgets import MOST, Scope, Window
from conduit.core.spending import Spend

routes = APIRouter(prefix="/v1/admin", tags=["Administration"], responses=ERRORS)
ScopeText = Annotated[Name, Field(description="user, team, api_key, session, … then :ID.")]
WindowText = Annotated[
    Name, Field(description="hourly, daily, weekly, monthly, total; or rolling …")
]


class NewBudget(BaseModel):
    """At most so much, in USD, for one scope in one window."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"scope": "user:anna", "window": "daily", "limit": 5}]},
    )

    scope: ScopeText
    window: WindowText
    limit: float = Field(ge=0, le=MOST, description="USD.")


class BudgetBody(BaseModel):
    """A budget as it stands; in USD, and seconds since the epoch."""

    scope: str
    window: str
    limit: float
    settled: float
    reserved: float
    remaining: float
    resets_at: float | None

    @classmethod
    def of(cls, spend: Spend) -> BudgetBody:
        """The same for people."""
        return cls(
            scope=str(spend.budget.scope),
            window=str(spend.budget.window),
            limit=spend.budget.limit,
            settled=spend.settled,
            reserved=spend.reserved,
            remaining=spend.remaining,
            resets_at=spend.resets_at,
        )


class BudgetList(BaseModel):
    """Budgets, in order."""

    data: list[BudgetBody]


class KeyList(BaseModel):
    """Scopes of the keys in CONDUIT_API_KEY, in the order of that setting."""

    data: list[str]


@routes.get("/budgets", summary="All budgets, as they stand")
async def budgets(
    request: Request, scope: Annotated[ScopeText | None, Query()] = None
) -> BudgetList:
    """All of them, or those of one scope."""
    wanted = None if scope is None else [Scope.parse(scope)]
    spends = await opened(request.scope).ledger.standing(wanted)
    return BudgetList(data=[BudgetBody.of(spend) for spend in spends])


@routes.put("/budgets", summary="Make a budget, or change its limit")
async def set_budget(body: NewBudget, request: Request) -> BudgetBody:
    """What was spent of it stays spent."""
    server = opened(request.scope)
    scope, window = Scope.parse(body.scope), Window.parse(body.window)
    await server.ledger.set_budget(scope, window, body.limit, actor=_actor(request))
    return await _standing(server, scope, window)


@routes.delete("/budgets", summary="Forget a budget")
async def remove_budget(
    request: Request,
    scope: Annotated[ScopeText, Query()],
    window: Annotated[WindowText, Query()],
) -> BudgetBody:
    """And what was spent of it."""
    server = opened(request.scope)
    whose, when = Scope.parse(scope), Window.parse(window)
    gone = await _standing(server, whose, when)
    await server.ledger.remove_budget(whose, when, actor=_actor(request))
    return gone


@routes.get("/keys", summary="What ledgers call the keys")
async def keys(request: Request) -> KeyList:
    """For budgets of keys: no key is told, only the beginning of its digest."""
    names = opened(request.scope).doors.api.names
    return KeyList(data=[f"api_key:{name}" for name in names])


async def _standing(server: Opened, scope: Scope, window: Window) -> BudgetBody:
    for spend in await server.ledger.standing([scope]):
        if spend.budget.window == window:
            return BudgetBody.of(spend)
    raise refuse(f"there is no {window} budget of {scope}", code="budget_not_found", status=404)


def _actor(request: Request) -> str:
    return f"api_key:{request.scope['conduit_key']}"
