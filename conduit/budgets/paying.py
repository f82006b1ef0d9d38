"""Whose budgets pay for a call, where it is said by name."""

from __future__ import annotations

from conduit.core.budgets import Scope, ScopeKind
from conduit.core.costs import CostRecord


def accounts(
    *,
    user: str | None = None,
    session: str | None = None,
    task_type: str | None = None,
    model: str | None = None,
) -> tuple[Scope, ...]:
    """The accounts of what was named; None names nothing.

    Raises:
        InvalidInputError: for a name that is empty.
    """
    names = {
        ScopeKind.USER: user,
        ScopeKind.SESSION: session,
        ScopeKind.TASK_TYPE: task_type,
        ScopeKind.MODEL: model,
    }
    return tuple(Scope(kind, name) for kind, name in names.items() if name is not None)


def accounts_of(record: CostRecord) -> tuple[Scope, ...]:
    """Those of a cost that was paid elsewhere."""
    return accounts(
        user=record.user, session=record.session, task_type=record.task_type, model=record.model
    )
