"""The record of who made, changed and removed budgets."""

from __future__ import annotations

from conduit.core.budgets import Budget
from conduit.core.sharing import Edit, Json


def edit_of(before: Budget | None, after: Budget | None, *, actor: str, now: float) -> Edit:
    """For the record: who changed which budget; one of both is a budget."""
    budget = after or before
    assert budget is not None
    return Edit(
        at=now,
        actor=actor,
        action="set_budget" if after else "remove_budget",
        subject=str(budget.scope),
        before=None if before is None else _said(before),
        after=None if after is None else _said(after),
    )


def _said(budget: Budget) -> Json:
    return {"window": str(budget.window), "limit": budget.limit}
