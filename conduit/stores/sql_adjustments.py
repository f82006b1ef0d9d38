"""Units of work that change all that was learned so far of one head of one arm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select

from conduit.core.statistics import SufficientStatistics
from conduit.stores.adjustments import Adjustment, AdjustmentKind, Adjustments
from conduit.stores.delta import StateKey
from conduit.stores.sql_schema import adjustments, observations
from conduit.stores.sql_state import (
    changed,
    read_base,
    read_state,
    take_turn,
    write_base,
    write_state,
)

_ALL = select(adjustments)
_OBSERVED = (
    select(observations.c.era, func.sum(observations.c.weight).label("weight"))
    .where(observations.c.arm == bindparam("arm"))
    .where(observations.c.head == bindparam("head"))
    .group_by(observations.c.era)
)
_NEWEST = select(func.coalesce(func.max(adjustments.c.id), 0))


def shift(
    conn: Connection, key: StateKey, by: float, *, at: float | None = None, now: float
) -> None:
    """Add ``by`` to every target observed so far of one (arm, head), once where ``at`` names it.

    What is observed and not learned yet is shifted by the fold or the rebuild that learns it.
    """
    turn = take_turn(conn)
    state = read_state(conn, [key[0]])
    is_known = key in state or bool(_unlearned(conn, key))
    if is_known and (at is None or not is_shifted(conn.execute(_ALL), key, by, at=at)):
        _adjust(conn, key, state, lambda sums: sums.shifted(by))
        record(conn, [key], AdjustmentKind.SHIFT, amount=by, now=now if at is None else at)
        changed(conn, turn)


def is_shifted(rows: Iterable[Row[Any]], key: StateKey, by: float, *, at: float) -> bool:
    """Whether rows of ``adjustments`` have the shift of that moment."""
    wanted = (*key, AdjustmentKind.SHIFT.value, by, at)
    return any((row.arm, row.head, row.kind, row.amount, row.at) == wanted for row in rows)


def discount(conn: Connection, key: StateKey, worth: float, *, now: float) -> None:
    """Let the learned state of one (arm, head) be worth at most so many ratings.

    Where nothing is learned yet, what was observed of it.
    """
    turn = take_turn(conn)
    state = read_state(conn, [key[0]])
    weight = state[key].weight if key in state else _weight_left(conn, key)
    if weight > worth:
        share = worth / weight
        _adjust(conn, key, state, lambda sums: sums.scaled(share))
        record(conn, [key], AdjustmentKind.DISCOUNT, amount=share, now=now)
        changed(conn, turn)


def record(
    conn: Connection, keys: Iterable[StateKey], kind: AdjustmentKind, *, amount: float, now: float
) -> None:
    """Put on record what was done, for observations that are folded or read again later."""
    rows = [
        {"arm": arm, "head": head, "kind": kind.value, "amount": amount, "at": now}
        for arm, head in keys
    ]
    if rows:
        conn.execute(insert(adjustments), rows)


def newest(conn: Connection) -> int:
    """The number of the newest adjustment; 0 when there is none."""
    return conn.scalar(_NEWEST) or 0


def read_adjustments(conn: Connection, *, after: int = 0) -> Adjustments:
    """What was done to observations since an adjustment."""
    query = select(adjustments).where(adjustments.c.id > after).order_by(adjustments.c.id)
    return adjustments_of(conn.execute(query))


def adjustments_of(rows: Iterable[Row[Any]]) -> Adjustments:
    """What rows of ``adjustments`` say, the oldest first."""
    return Adjustments(
        Adjustment(
            number=row.id,
            arm=row.arm,
            head=row.head,
            kind=AdjustmentKind(row.kind),
            amount=row.amount,
        )
        for row in rows
    )


def _adjust(
    conn: Connection,
    key: StateKey,
    state: dict[StateKey, SufficientStatistics],
    step: Callable[[SufficientStatistics], SufficientStatistics],
) -> None:
    if key in state:
        write_state(conn, {key: step(state[key])}, known=[key])
    base = read_base(conn, [key[0]])
    if key in base:
        write_base(conn, {key: step(base[key])}, known=[key])


def _unlearned(conn: Connection, key: StateKey) -> dict[int, float]:
    """Weight per era of what was observed of a key that has no learned state, in ratings.

    It waits while a rebuild is under way, or is of another layout and waits for one.
    """
    rows = conn.execute(_OBSERVED, {"arm": key[0], "head": key[1]})
    return {row.era: row.weight for row in rows}


def _weight_left(conn: Connection, key: StateKey) -> float:
    done = read_adjustments(conn)
    return sum(weight * done.since(key, era)[0] for era, weight in _unlearned(conn, key).items())
