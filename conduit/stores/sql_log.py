"""Units of work on decisions and executions: what was decided and what was tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from conduit.core.decisions import Decision
from conduit.core.errors import UnknownDecisionError
from conduit.core.outcomes import Execution
from conduit.stores.delta import check_layout, duplicate_decision, layout_of
from conduit.stores.sql_codec import execution_of, execution_row
from conduit.stores.sql_decisions import decision_of, decision_row
from conduit.stores.sql_dialect import COUNTED, insert_new, rows_need_locks
from conduit.stores.sql_schema import decisions, executions, meta

BATCH = 500
"""Names in one IN list, far below every driver's limit."""

T = TypeVar("T")

_DECIDE = insert(decisions)
_DECISION = select(decisions).where(decisions.c.id == bindparam("id"))
_ATTEMPT = insert(executions)
_ATTEMPTS = (
    select(executions)
    .where(executions.c.decision_id == bindparam("id"))
    .order_by(executions.c.attempt, executions.c.id)
)
_THERE = (
    select(decisions.c.id)
    .where(decisions.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(decisions.c.id)
)
_LOCK = _THERE.with_for_update(key_share=True)
_KNOWN_ATTEMPTS = select(executions.c.decision_id, executions.c.attempt).where(
    executions.c.decision_id.in_(bindparam("ids", expanding=True))
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


def append(
    conn: Connection,
    new: Sequence[Decision],
    attempts: Sequence[Execution],
    *,
    unbound: Iterable[tuple[str, int]],
) -> None:
    """Log what is not logged yet; ``unbound`` are layouts that may not be the database's.

    Raises:
        UnknownDecisionError: for an attempt of a decision that is neither logged nor given.
        LayoutMismatchError: for a decision whose context is of another layout.
    """
    for layout in unbound:
        bind_layout(conn, *layout)
    fresh = _add_new(conn, new)
    unsure = {(it.decision_id, it.attempt) for it in attempts if it.decision_id not in fresh}
    known = _known_attempts(conn, sorted({decision_id for decision_id, _ in unsure}))
    wanted = {(it.decision_id, it.attempt): it for it in reversed(attempts)}
    if rows := [execution_row(wanted[key]) for key in sorted(wanted.keys() - known)]:
        conn.execute(_ATTEMPT, rows)


def _add_new(conn: Connection, new: Sequence[Decision]) -> set[str]:
    """Log decisions that are not there; ids that surely were not, so nothing refers to them."""
    if not new:
        return set()
    # In one order, so that writers of the same decisions wait for each other, not crosswise.
    rows = [decision_row(decision) for decision in sorted(new, key=lambda it: it.id)]
    done = conn.execute(insert_new(conn, decisions), rows, execution_options=COUNTED)
    return {decision.id for decision in new} if done.rowcount == len(rows) else set()


def _known_attempts(conn: Connection, ids: Sequence[str]) -> set[tuple[str, int]]:
    known: set[tuple[str, int]] = set()
    for some in in_lists(ids):
        lock_decisions(conn, some)
        rows = conn.execute(_KNOWN_ATTEMPTS, {"ids": some})
        known |= {(row.decision_id, row.attempt) for row in rows}
    return known


def lock_decisions(conn: Connection, ids: Sequence[str]) -> None:
    """Hold decisions against others who would add to them.

    Raises:
        UnknownDecisionError: when one of them is not there.
    """
    there = set(conn.scalars(_LOCK if rows_need_locks(conn) else _THERE, {"ids": ids}))
    for missing in (name for name in ids if name not in there):
        raise UnknownDecisionError(missing)


def in_lists(names: Sequence[T]) -> Iterator[Sequence[T]]:
    """Names in parts of :data:`BATCH`."""
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


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
