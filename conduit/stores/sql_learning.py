"""Units of work on learned state: folding the delta log into it.

Statements are built once: building one costs more than SQLite takes to run it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from conduit.core.forgetting import Forgetting
from conduit.core.sharing import Folded
from conduit.core.statistics import LearnedState, SufficientStatistics
from conduit.stores import sql_codec as codec
from conduit.stores.delta import (
    Pending,
    StateKey,
    folded,
)
from conduit.stores.sql_schema import arm_state, decisions, meta, observations, pending

CHUNK = 1024
"""Most pending rows folded in one transaction; bounds memory and how long writers wait."""

_ANY_PENDING = select(pending.c.id).order_by(pending.c.id.desc()).limit(1)  # not past dead rows
_SUMS: dict[str, Any] = {
    column.name: bindparam(column.name) for column in arm_state.c if not column.primary_key
}
_REPLACE_STATE = (
    update(arm_state)
    .where(arm_state.c.arm == bindparam("of_arm"))
    .where(arm_state.c.head == bindparam("of_head"))
    .values(_SUMS)
)
_ADD_STATE = insert(arm_state).values(arm=bindparam("of_arm"), head=bindparam("of_head"), **_SUMS)
_TAKE_TURN = select(meta.c.version).with_for_update()
_TAKE_FREE_TURN = select(meta.c.version).with_for_update(skip_locked=True)
_TAKE = (
    select(pending, decisions.c.context, decisions.c.created_at)
    .join(decisions, decisions.c.id == pending.c.decision_id)
    .order_by(pending.c.id)
    .limit(CHUNK)
    .with_for_update(of=pending, skip_locked=True)
)


def is_pending(conn: Connection) -> bool:
    """Whether anything waits to be folded."""
    return conn.scalar(_ANY_PENDING) is not None


def fold(conn: Connection, *, now: float, writer: str, wait: bool = True) -> Folded | None:
    """Fold at most :data:`CHUNK` pending rows and delete them.

    No decision counts as younger than ``now``. What another store than ``writer`` observed is
    counted apart. The row of ``meta`` is the folders' lock: one folds
    at a time, and a second one that waited for it finds those rows gone.

    Returns:
        None when another folds and ``wait`` is False.
    """
    version = take_turn(conn) if wait else _take_free_turn(conn)
    if version is None:
        return None
    taken = conn.execute(_TAKE).all()
    if not taken:
        return Folded(before=version, after=version)
    state = read_state(conn, sorted({row.arm for row in taken}))
    new = folded(state, map(_pending_of, taken), forgetting=read_forgetting(conn), now=now)
    write_state(conn, new, known=state.keys())
    conn.execute(delete(pending).where(pending.c.id.in_([row.id for row in taken])))
    conn.execute(update(meta).values(version=version + 1))
    foreign = sum(row.writer != writer for row in taken)
    return Folded(count=len(taken), foreign=foreign, before=version, after=version + 1)


def set_half_life(conn: Connection, half_life: float, *, now: float, writer: str) -> None:
    """Declare another half-life, once all that is pending is folded under the one before."""
    version = take_turn(conn)
    if half_life == read_forgetting(conn).half_life:
        return
    while (done := fold(conn, now=now, writer=writer)) and done.count:
        version = done.after
    conn.execute(update(meta).values(version=version + 1, half_life=half_life))


def read_forgetting(conn: Connection) -> Forgetting:
    """How fast evidence fades, as it was declared last."""
    half_life = conn.scalar(select(meta.c.half_life))
    return Forgetting() if half_life is None else Forgetting(half_life=half_life)


def shift(conn: Connection, key: StateKey, by: float) -> None:
    """Add ``by`` to every target in the learned state of one (arm, head)."""
    version = take_turn(conn)
    state = read_state(conn, [key[0]])
    if key in state:
        write_state(conn, {key: state[key].shifted(by)}, known=[key])
        conn.execute(update(meta).values(version=version + 1))


def discount(conn: Connection, key: StateKey, worth: float) -> None:
    """Let the learned state of one (arm, head) be worth at most so many ratings."""
    version = take_turn(conn)
    state = read_state(conn, [key[0]])
    if key in state and state[key].weight > worth:
        write_state(conn, {key: state[key].at_most(worth)}, known=[key])
        conn.execute(update(meta).values(version=version + 1))


def take_turn(conn: Connection) -> int:
    """Wait for the lock of those who change learned state; its version."""
    return conn.scalar(_TAKE_TURN) or 0


def _take_free_turn(conn: Connection) -> int | None:
    """The same without waiting; None when another has the lock."""
    version: int | None = conn.scalar(_TAKE_FREE_TURN)
    return version


def _pending_of(row: Row[Any]) -> Pending:
    return Pending(
        arm=row.arm,
        head=row.head,
        context=codec.context_of(row.context),
        decided_at=row.created_at,
        value=row.value,
        weight=row.weight,
        previous=row.previous,
    )


def read_state(
    conn: Connection, arms: Sequence[str] | None = None
) -> dict[StateKey, SufficientStatistics]:
    """The learned state of some arms, or of all."""
    query = select(arm_state)
    if arms is not None:
        query = query.where(arm_state.c.arm.in_(arms))
    return {(row.arm, row.head): codec.statistics_of(row) for row in conn.execute(query)}


def write_state(
    conn: Connection,
    state: dict[StateKey, SufficientStatistics],
    *,
    known: Iterable[StateKey],
) -> None:
    """Write the statistics of some (arm, head); ``known`` are those that have a row."""
    already = set(known)
    rows = {
        key: {"of_arm": key[0], "of_head": key[1]} | codec.statistics_row(statistics)
        for key, statistics in sorted(state.items())
    }
    if old := [row for key, row in rows.items() if key in already]:
        conn.execute(_REPLACE_STATE, old)
    if new := [row for key, row in rows.items() if key not in already]:
        conn.execute(_ADD_STATE, new)


def load(conn: Connection) -> LearnedState:
    """The learned state as of the last fold."""
    version = conn.scalar(select(meta.c.version)) or 0
    return LearnedState(version, read_state(conn), read_forgetting(conn))


def count(conn: Connection) -> int:
    """Number of observations kept."""
    return conn.scalar(select(func.count()).select_from(observations)) or 0
