"""Units of work that forget decisions and keep what was learned from them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select, true

from conduit.stores.delta import merged
from conduit.stores.sql_adjustments import read_adjustments
from conduit.stores.sql_contributions import contributions, remembered
from conduit.stores.sql_dialect import rows_need_locks
from conduit.stores.sql_learning import fold_all
from conduit.stores.sql_schema import audit, decisions, executions, observations, pending
from conduit.stores.sql_state import (
    changed,
    read_base,
    read_forgetting,
    refuse_during_rebuild,
    take_turn,
    write_base,
)

BATCH = 500
"""Decisions forgotten in one transaction."""

PARTS = {
    "executions": executions,
    "observations": observations,
    "corrections": audit,
    "pending": pending,
}
"""What belongs to decisions, by the name that people see."""


def condition(*, before: float | None, user: str | None) -> ColumnElement[bool]:
    """Decisions made before a moment, of a user, or both."""
    wanted: ColumnElement[bool] = true()
    if before is not None:
        wanted &= decisions.c.created_at < before
    if user is not None:
        wanted &= decisions.c.user_id == user
    return wanted


def count(conn: Connection, wanted: ColumnElement[bool]) -> dict[str, int]:
    """How many rows would go, per kind."""
    theirs = select(decisions.c.id).where(wanted)
    found = {"decisions": _number(conn, wanted)}
    for name, table in PARTS.items():
        query = select(func.count()).select_from(table).where(table.c.decision_id.in_(theirs))
        found[name] = conn.scalar(query) or 0
    return found


def purge_batch(conn: Connection, wanted: ColumnElement[bool], *, now: float) -> dict[str, int]:
    """Forget at most :data:`BATCH` decisions, in one transaction; how many rows went, per kind.

    What is pending is folded first. What the observations contributed moves from the log to the
    base, so that learned state is the sum of both as before.

    Raises:
        StoreError: while a rebuild is under way.
    """
    refuse_during_rebuild(conn, take_turn(conn), now=now)
    ids = _oldest(conn, wanted)
    if not ids:
        return dict.fromkeys(("decisions", *PARTS), 0)
    fold_all(conn, now=now)
    _move_to_base(conn, ids, now=now)
    gone = {
        name: conn.execute(delete(table).where(table.c.decision_id.in_(ids))).rowcount
        for name, table in PARTS.items()
    }
    conn.execute(delete(decisions).where(decisions.c.id.in_(ids)))
    return {"decisions": len(ids)} | gone


def _oldest(conn: Connection, wanted: ColumnElement[bool]) -> list[str]:
    """The next ones to go, locked in the order of their ids, as everybody locks them.

    By age, which there is an index on: by id, every batch would walk past all that stay.
    """
    oldest = select(decisions.c.id).where(wanted)
    oldest = oldest.order_by(decisions.c.created_at, decisions.c.id).limit(BATCH)
    ids = list(conn.scalars(oldest))
    if not rows_need_locks(conn):
        return ids
    chosen = select(decisions.c.id).where(decisions.c.id.in_(ids)).order_by(decisions.c.id)
    return list(conn.scalars(chosen.with_for_update()))


def _move_to_base(conn: Connection, ids: Sequence[str], *, now: float) -> None:
    """Learned state stays, but its version grows: who read the base before has to read it anew."""
    turn = take_turn(conn)
    base = read_base(conn)
    more = contributions(
        {},
        [decision for decision in remembered(conn, ids) if decision.layout == turn.layout],
        adjustments=read_adjustments(conn),
        forgetting=read_forgetting(conn),
        now=now,
    )
    if not more:
        return
    new = merged(base, more, forgetting=read_forgetting(conn))
    write_base(conn, {key: new[key] for key in more}, known=base.keys())
    changed(conn, turn)


def _number(conn: Connection, wanted: ColumnElement[bool]) -> int:
    return conn.scalar(select(func.count()).select_from(decisions).where(wanted)) or 0
