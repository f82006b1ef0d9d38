"""Conductor's ``/budgets``: what users may spend."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from fastapi import Query, Request

from conduit.api.compatibility import compatible_routes
from conduit.api.directives import Name
from conduit.api.gateway import Opened, opened
from conduit.api.keys import presented_key
from conduit.api.refusals import Refusal, RefusedError, refusal_of, refuse
from conduit.api.schemas import BudgetDetail
from conduit.api.user_budgets import (
    WINDOWS,
    CheckBody,
    Checked,
    UserBudget,
    UserBudgetBody,
    UserBudgets,
    WindowBody,
)
from conduit.budgets.nearness import warnings_of
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.errors import BudgetExceededError
from conduit.core.spending import Spend

routes = compatible_routes()
UserId = Annotated[Name, Query(description="Whose.")]


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
        warnings=warnings_of(spends, body.estimated_cost),
        windows=[WindowBody.of(spend) for spend in spends],
    )


async def _standing(server: Opened, user: str) -> list[Spend]:
    spends = await server.ledger.standing([Scope(ScopeKind.USER, user)])
    if not spends:
        raise refuse(f"there is no budget of user {user!r}", code="budget_not_found", status=404)
    return spends


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
