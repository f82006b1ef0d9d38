"""Units of work on decisions and executions: what was decided and what was tried."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from conduit.core.decisions import Decision
from conduit.core.errors import UnknownDecisionError
from conduit.core.outcomes import Execution
from conduit.stores.delta import check_layout, duplicate_decision, layout_of
from conduit.stores.sql_codec import execution_of, execution_row
from conduit.stores.sql_decisions import decision_of, decision_row
from conduit.stores.sql_schema import decisions, executions, meta

_DECIDE = insert(decisions)
_DECISION = select(decisions).where(decisions.c.id == bindparam("id"))
_ATTEMPT = insert(executions)
_ATTEMPTS = (
    select(executions)
    .where(executions.c.decision_id == bindparam("id"))
    .order_by(executions.c.attempt, executions.c.id)
)


def bind_layout(conn: Connection, layout: str, dim: int) -> None:
    """Declare the context layout; the first declaration is kept.

    Raises:
        LayoutMismatchError: when the first declaration was another.
    """
    first = update(meta).where(meta.c.layout.is_(None)).values(layout=layout, dim=dim)
    conn.execute(first)
    stored = conn.execute(select(meta.c.layout, meta.c.dim)).one()
    check_layout((layout, dim), (stored.layout, stored.dim))


def add_decision(conn: Connection, decision: Decision, *, bound: bool) -> None:
    """Log a decision; ``bound`` when its layout is known to be the database's.

    Raises:
        InvalidInputError: when its id is taken.
        LayoutMismatchError: when its context is of another layout.
    """
    if not bound:
        bind_layout(conn, *layout_of(decision))
    try:
        conn.execute(_DECIDE, decision_row(decision))
    except IntegrityError as error:
        if "unique" in str(error.orig).lower():
            raise duplicate_decision(decision.id) from None
        raise


def read_decision(conn: Connection, decision_id: str) -> Decision:
    """Read a decision back.

    Raises:
        UnknownDecisionError: when there is none.
    """
    row = conn.execute(_DECISION, {"id": decision_id}).one_or_none()
    if row is None:
        raise UnknownDecisionError(decision_id)
    return decision_of(row)


def add_execution(conn: Connection, execution: Execution) -> None:
    """Log one attempt.

    Raises:
        UnknownDecisionError: when its decision does not exist.
    """
    try:
        conn.execute(_ATTEMPT, execution_row(execution))
    except IntegrityError as error:
        if "foreign key" in str(error.orig).lower():
            raise UnknownDecisionError(execution.decision_id) from None
        raise


def read_executions(conn: Connection, decision_id: str) -> tuple[Execution, ...]:
    """Attempts of a decision, in order."""
    rows = conn.execute(_ATTEMPTS, {"id": decision_id})
    return tuple(map(execution_of, rows))
