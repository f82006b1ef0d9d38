"""Units of work that forget what single calls did cost; the totals of budgets stay."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, delete, false, func, select, true

from conduit.stores.sql_dialect import rows_need_locks
from conduit.stores.sql_schema import costs, reservations

BATCH = 5000
"""Rows forgotten in one transaction."""


def conditions(*, before: float | None, user: str | None) -> dict[Table, ColumnElement[bool]]:
    """Records made before a moment, of a user, or both; reservations say nothing of users.

    One that is open is kept: its call is under way.
    """
    mine: ColumnElement[bool] = true()
    closed: ColumnElement[bool] = false()
    if before is not None:
        mine &= costs.c.at < before
        closed = reservations.c.due.is_(None) & (reservations.c.made_at < before)
    if user is not None:
        mine &= costs.c.user_id == user
        closed = false()
    return {costs: mine, reservations: closed}


def count(conn: Connection, wanted: dict[Table, ColumnElement[bool]]) -> dict[str, int]:
    """How many rows would go, per table."""
    return {
        table.name: conn.scalar(select(func.count()).select_from(table).where(meant)) or 0
        for table, meant in wanted.items()
    }


def purge_batch(conn: Connection, wanted: dict[Table, ColumnElement[bool]]) -> dict[str, int]:
    """Forget at most :data:`BATCH` rows of each table, in one transaction; how many went.

    Reservations first and each by id, as all who book lock them (:mod:`~conduit.stores.sql_budgets`).
    """
    return {table.name: _forget(conn, table, wanted[table]) for table in (reservations, costs)}


def _forget(conn: Connection, table: Table, meant: ColumnElement[bool]) -> int:
    some = select(table.c.id).where(meant).limit(BATCH)
    if rows_need_locks(conn):
        found = select(table.c.id).where(table.c.id.in_(some)).where(meant)  # as they are by then
        some = found.order_by(table.c.id).with_for_update()
    ids = list(conn.scalars(some))
    if ids:
        conn.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)
