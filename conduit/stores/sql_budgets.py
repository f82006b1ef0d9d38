"""Units of work on budgets: whatever many calls want at once is one transaction.

Rows are locked in one order everywhere, reservations before budgets and each by id, so that nobody
waits for anybody crosswise. Totals need no locks of their own: who has the budget has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, or_, select, update

from conduit.core.budgets import NANO, Budget, Scope, Window, nanos
from conduit.core.errors import StoreError
from conduit.core.spending import (
    Booking,
    Claim,
    Closing,
    Line,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)
from conduit.stores.accounts import Accounts, Total, Totals
from conduit.stores.budget_edits import edit_of
from conduit.stores.sql_costs import correct_costs, known_costs, write_costs
from conduit.stores.sql_dialect import COUNTED, insert_new, insert_or_replace
from conduit.stores.sql_documents import record_edit
from conduit.stores.sql_schema import budgets, reservations, spend

Command: TypeAlias = Claim | Closing | Booking
Answer: TypeAlias = Reservation | Shortage | bool
"""To a booking, whether it was new."""

OVERDUE = 100
"""Most reservations that expire in one transaction."""

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_SCOPES: BindParameter[Any] = bindparam("scopes", expanding=True)
_KNOWN = (
    select(reservations)
    .where(reservations.c.id.in_(_IDS))
    .order_by(reservations.c.id)
    .with_for_update()
)
_BUDGETS = (
    select(budgets)
    .where(or_(budgets.c.scope.in_(_SCOPES), budgets.c.id.in_(_IDS)))
    .order_by(budgets.c.id)
)
_LOCKED = _BUDGETS.with_for_update()
_ANY = select(budgets.c.id).limit(1)
_SPEND = select(spend).where(spend.c.budget_id.in_(_IDS))
_DROP = (
    delete(spend)
    .where(spend.c.budget_id == bindparam("of_budget"))
    .where(spend.c.slot == bindparam("of_slot"))
)
_CLOSE = (
    update(reservations)
    .where(reservations.c.id == bindparam("of_id"))
    .values(
        state=bindparam("new_state"),
        cost=bindparam("new_cost"),
        lines=bindparam("new_lines"),
        due=None,
    )
)
_RENEW = (
    update(reservations)
    .where(reservations.c.id.in_(_IDS))
    .where(reservations.c.due < bindparam("then"))
    .values(ends_at=bindparam("then"), due=bindparam("then"))
)
_DUE = (
    select(reservations.c.id)
    .where(reservations.c.due <= bindparam("now"))
    .order_by(reservations.c.due)
    .limit(OVERDUE)
)
_ONE = (
    select(budgets)
    .where(budgets.c.scope == bindparam("of_scope"))
    .where(budgets.c.window == bindparam("of_window"))
    .with_for_update()
)


class TakenError(StoreError):
    """Another process makes a reservation or record of this id at this moment: look again."""


def account(conn: Connection, commands: Sequence[Command]) -> list[Answer]:
    """Do what many calls want, in order.

    Raises:
        InvalidInputError: for the end of a reservation that does not exist, and amounts that
            cannot be.
        TakenError: for a reservation or a record that another process was first to make.
    """
    accounts = _about(conn, commands)
    booked = [it.id for it in commands if isinstance(it, Booking)]
    paid = accounts.costs = known_costs(conn, booked)
    before, known, told = _lines(accounts), dict(accounts.reservations), dict(paid)
    answers = [_done(accounts, it) for it in commands]
    now = accounts.reservations
    new = [it for id_, it in paid.items() if id_ not in told]
    if write_costs(conn, new) < len(new) and booked:
        raise TakenError("a record of this id is being made", remedy="try again")
    correct_costs(conn, [it for id_, it in paid.items() if it is not told.get(id_, it)])
    _write_reservations(conn, [it for id_, it in now.items() if id_ not in known])
    _close(conn, [now[id_] for id_, it in known.items() if now[id_] is not it])
    _write_totals(conn, before, _lines(accounts))
    return answers


def _done(accounts: Accounts, command: Command) -> Answer:
    if isinstance(command, Claim):
        return accounts.claim(command)
    if isinstance(command, Closing):
        return accounts.close(command)
    return accounts.book(command)


def renew(conn: Connection, ids: Sequence[str], *, ends_at: float) -> None:
    """Let reservations that are open end no sooner than at a moment."""
    if ids:
        conn.execute(_KNOWN, {"ids": [*ids]})  # locks them in the order of all others
        conn.execute(_RENEW, {"ids": [*ids], "then": ends_at})


def overdue(conn: Connection, *, now: float) -> list[str]:
    """Ids of reservations that have ended without being closed, some of them."""
    return list(conn.scalars(_DUE, {"now": now}))


def read_spends(conn: Connection, scopes: Sequence[Scope] | None, *, now: float) -> list[Spend]:
    """How the budgets of some scopes stand, or all, in order."""
    if scopes is None:
        rows = conn.execute(select(budgets)).all()
    else:
        rows = conn.execute(_BUDGETS, {"scopes": [*map(str, scopes)], "ids": []}).all()
    accounts = Accounts()
    _put(accounts, rows, _totals(conn, [row.id for row in rows]))
    return accounts.spends(scopes, now=now)


def any_budget(conn: Connection) -> bool:
    """Whether anybody has one."""
    return conn.scalar(_ANY) is not None


def put_budget(conn: Connection, budget: Budget, *, actor: str, now: float) -> None:
    """Make a budget, or change the limit of one, on record."""
    row = _find(conn, budget.scope, budget.window)
    limit = nanos(budget.limit, what="a limit")
    if row is None:
        values = {"scope": str(budget.scope), "window": str(budget.window), "nanos": limit}
        query = insert_or_replace(conn, budgets, key=("scope", "window"), values=("nanos",))
        conn.execute(query, {"id": uuid4().hex, **values})
    else:
        conn.execute(update(budgets).where(budgets.c.id == row.id).values(nanos=limit))
    before = None if row is None else _budget_of(row)
    record_edit(conn, edit_of(before, budget, actor=actor, now=now))


def remove_budget(
    conn: Connection, scope: Scope, window: Window, *, actor: str, now: float
) -> bool:
    """Forget a budget and what was spent of it, on record; whether there was one."""
    row = _find(conn, scope, window)
    if row is None:
        return False
    conn.execute(delete(spend).where(spend.c.budget_id == row.id))
    conn.execute(delete(budgets).where(budgets.c.id == row.id))
    record_edit(conn, edit_of(_budget_of(row), None, actor=actor, now=now))
    return True


def _about(conn: Connection, commands: Sequence[Command]) -> Accounts:
    """What some commands are about, locked."""
    accounts = Accounts()
    known = [it.id for it in commands if not (isinstance(it, Claim) and it.fresh)]
    for row in conn.execute(_KNOWN, {"ids": known}) if known else ():
        accounts.reservations[row.id] = _reservation_of(row)
    ids = {id_ for it in accounts.reservations.values() for id_, _ in it.lines}
    scopes = {str(scope) for it in commands for scope in it.scopes}
    rows: Sequence[Row[Any]] = ()
    if ids or scopes:
        rows = conn.execute(_LOCKED, {"scopes": [*scopes], "ids": [*ids]}).all()
    _put(accounts, rows, _totals(conn, [row.id for row in rows]))
    return accounts


def _put(accounts: Accounts, rows: Iterable[Row[Any]], totals: Mapping[str, Totals]) -> None:
    for row in rows:
        accounts.put(row.id, _budget_of(row), totals.get(row.id))


def _totals(conn: Connection, ids: Sequence[str]) -> dict[str, Totals]:
    found: dict[str, Totals] = {}
    for row in conn.execute(_SPEND, {"ids": ids}) if ids else ():
        found.setdefault(row.budget_id, {})[row.slot] = Total(row.settled, row.reserved)
    return found


def _lines(accounts: Accounts) -> dict[Line, Total]:
    return {
        (id_, slot): total
        for id_, totals in accounts.totals.items()
        for slot, total in totals.items()
    }


def _write_reservations(conn: Connection, new: Sequence[Reservation]) -> None:
    if not new:
        return
    rows = [_reservation_row(it) for it in new]
    done = conn.execute(insert_new(conn, reservations), rows, execution_options=COUNTED)
    if done.rowcount < len(rows):
        raise TakenError("a reservation of this id is being made", remedy="try again")


def _close(conn: Connection, closed: Sequence[Reservation]) -> None:
    rows = [
        {
            "of_id": it.id,
            "new_state": it.state.value,
            "new_cost": _cost(it),
            "new_lines": it.lines,
        }
        for it in closed
    ]
    if rows:
        conn.execute(_CLOSE, rows)


def _write_totals(
    conn: Connection, before: Mapping[Line, Total], now: Mapping[Line, Total]
) -> None:
    gone = [{"of_budget": id_, "of_slot": slot} for id_, slot in before.keys() - now.keys()]
    if gone:
        conn.execute(_DROP, gone)
    rows = [
        {"budget_id": id_, "slot": slot, "settled": total.settled, "reserved": total.reserved}
        for (id_, slot), total in now.items()
        if before.get((id_, slot)) != total
    ]
    if rows:
        key, values = ("budget_id", "slot"), ("settled", "reserved")
        conn.execute(insert_or_replace(conn, spend, key=key, values=values), rows)


def _find(conn: Connection, scope: Scope, window: Window) -> Row[Any] | None:
    return conn.execute(_ONE, {"of_scope": str(scope), "of_window": str(window)}).one_or_none()


def _budget_of(row: Row[Any]) -> Budget:
    return Budget(
        scope=Scope.parse(row.scope), window=Window.parse(row.window), limit=row.nanos / NANO
    )


def _reservation_of(row: Row[Any]) -> Reservation:
    return Reservation(
        id=row.id,
        amount=row.nanos / NANO,
        lines=tuple((id_, slot) for id_, slot in row.lines),
        made_at=row.made_at,
        ends_at=row.ends_at,
        state=ReservationState(row.state),
        cost=None if row.cost is None else row.cost / NANO,
    )


def _reservation_row(made: Reservation) -> dict[str, Any]:
    closed = made.state is not ReservationState.OPEN
    return {
        "id": made.id,
        "lines": made.lines,
        "nanos": nanos(made.amount, what="a reservation"),
        "made_at": made.made_at,
        "ends_at": made.ends_at,
        "due": None if closed else made.ends_at,
        "state": made.state.value,
        "cost": _cost(made),
    }


def _cost(of: Reservation) -> int | None:
    return None if of.cost is None else nanos(of.cost, what="a cost")
