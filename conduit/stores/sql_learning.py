"""Units of work on observations and learned state: the delta log and its folding.

Statements are built once: building one costs more than SQLite takes to run it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from conduit.core.errors import UnknownDecisionError
from conduit.core.outcomes import Change, Observation
from conduit.core.sharing import Folded
from conduit.stores import sql_codec as codec
from conduit.stores.delta import (
    ObservationKey,
    Pending,
    changes_of,
    folded,
    key_of,
)
from conduit.stores.sql_adjustments import read_adjustments
from conduit.stores.sql_dialect import rows_need_locks
from conduit.stores.sql_schema import adjustments, audit, decisions, meta, observations, pending
from conduit.stores.sql_state import (
    changed,
    is_leased,
    read_forgetting,
    read_state,
    refuse_during_rebuild,
    take_free_turn,
    take_turn,
    write_state,
)

CHUNK = 1024
"""Most pending rows folded in one transaction; bounds memory and how long writers wait."""

_logger = logging.getLogger(__name__)

_BATCH = 500  # names in one IN list, far below every driver's limit

_LOCK = (
    select(decisions.c.id)
    .where(decisions.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(decisions.c.id)
    .with_for_update()
)
_KEPT = (
    select(decisions.c.id.label("known"), observations)
    .outerjoin_from(decisions, observations, observations.c.decision_id == decisions.c.id)
    .where(decisions.c.id.in_(bindparam("ids", expanding=True)))
)
_KEEP = insert(observations).values(
    era=select(func.coalesce(func.max(adjustments.c.id), 0)).scalar_subquery()
)
_CORRECT = (
    update(observations)
    .where(observations.c.decision_id == bindparam("of_decision"))
    .where(observations.c.arm == bindparam("of_arm"))
    .where(observations.c.signal == bindparam("of_signal"))
    .values(value=bindparam("new_value"), observed_at=bindparam("new_time"))
)
_AUDIT = insert(audit)
_PEND = insert(pending).values(
    era=select(observations.c.era)
    .where(observations.c.decision_id == bindparam("of_decision"))
    .where(observations.c.arm == bindparam("of_arm"))
    .where(observations.c.signal == bindparam("of_signal"))
    .scalar_subquery()
)
_ANY_PENDING = select(pending.c.id).limit(1)
_TAKE = (
    select(pending, decisions.c.context, decisions.c.created_at, decisions.c.layout)
    .join(decisions, decisions.c.id == pending.c.decision_id)
    .order_by(pending.c.id)
    .limit(CHUNK)
    .with_for_update(of=pending, skip_locked=True)
)


def observe(conn: Connection, new: Sequence[Observation]) -> tuple[Change, ...]:
    """Insert observations with their pending rows, and audit what they change.

    Raises:
        UnknownDecisionError: when a decision does not exist.
    """
    kept = _kept(conn, sorted({observation.decision_id for observation in new}))
    changes = changes_of(new, kept)
    if not changes:
        return ()
    _keep(conn, {key_of(change.observation): change for change in changes}, known=kept)
    conn.execute(_PEND, [_pending_row(change) for change in changes])
    if corrections := [change for change in changes if change.previous is not None]:
        conn.execute(_AUDIT, [codec.audit_row(change) for change in corrections])
    return changes


def _kept(conn: Connection, ids: Sequence[str]) -> dict[ObservationKey, Observation]:
    """Observations of decisions, locked against other writers of the same decisions."""
    kept: dict[ObservationKey, Observation] = {}
    for start in range(0, len(ids), _BATCH):
        some = {"ids": ids[start : start + _BATCH]}
        if rows_need_locks(conn):
            conn.execute(_LOCK, some)
        known = set()
        for row in conn.execute(_KEPT, some):
            known.add(row.known)
            if row.arm is not None:
                observation = codec.observation_of(row)
                kept[key_of(observation)] = observation
        for missing in (name for name in some["ids"] if name not in known):
            raise UnknownDecisionError(missing)
    return kept


def _keep(
    conn: Connection,
    changed: dict[ObservationKey, Change],
    *,
    known: dict[ObservationKey, Observation],
) -> None:
    rows = {key: codec.observation_row(change.observation) for key, change in changed.items()}
    if inserts := [row for key, row in rows.items() if key not in known]:
        conn.execute(_KEEP, inserts)
    if updates := [_renamed(row) for key, row in rows.items() if key in known]:
        conn.execute(_CORRECT, updates)


def _pending_row(change: Change) -> codec.Row:
    return codec.pending_row(change) | _key_row(key_of(change.observation))


def _renamed(row: codec.Row) -> codec.Row:
    key = row["decision_id"], row["arm"], row["signal"]
    return _key_row(key) | {"new_value": row["value"], "new_time": row["observed_at"]}


def _key_row(key: tuple[str, str, str]) -> codec.Row:
    return dict(zip(("of_decision", "of_arm", "of_signal"), key, strict=True))


def is_pending(conn: Connection) -> bool:
    """Whether anything waits to be folded."""
    return conn.scalar(_ANY_PENDING) is not None


def fold(conn: Connection, *, now: float, wait: bool = True) -> Folded | None:
    """Fold at most :data:`CHUNK` pending rows and delete them; none while a rebuild is under way.

    No decision counts as younger than ``now``. The row of ``meta`` is the folders' lock: one folds
    at a time, and a second one that waited for it finds those rows gone.

    Returns:
        None when another folds and ``wait`` is False.
    """
    turn = take_turn(conn) if wait else take_free_turn(conn)
    if turn is None:
        return None
    taken = [] if is_leased(conn, turn, now=now) else conn.execute(_TAKE).all()
    if not taken:
        return Folded(count=0, before=turn.version, after=turn.version)
    entries = _readable(conn, taken, layout=turn.layout)
    state = read_state(conn, sorted({entry.arm for entry in entries}))
    new = folded(state, entries, forgetting=read_forgetting(conn), now=now)
    write_state(conn, new, known=state.keys())
    drop_pending(conn, [row.id for row in taken])
    return Folded(count=len(taken), before=turn.version, after=changed(conn, turn))


def drop_pending(conn: Connection, ids: Sequence[int]) -> None:
    """Delete pending rows that learned state holds."""
    for start in range(0, len(ids), _BATCH):
        conn.execute(delete(pending).where(pending.c.id.in_(ids[start : start + _BATCH])))


def set_half_life(conn: Connection, half_life: float, *, now: float) -> None:
    """Declare another half-life, once all that is pending is folded under the one before.

    Raises:
        StoreError: while a rebuild is under way.
    """
    turn = take_turn(conn)
    if half_life == read_forgetting(conn).half_life:
        return
    refuse_during_rebuild(conn, turn, now=now)
    fold_all(conn, now=now)
    conn.execute(update(meta).values(version=meta.c.version + 1, half_life=half_life))


def fold_all(conn: Connection, *, now: float) -> None:
    """Fold all that is pending, in the transaction that is under way."""
    while (done := fold(conn, now=now)) and done.count:
        pass


def _readable(conn: Connection, taken: Sequence[Row[Any]], *, layout: str | None) -> list[Pending]:
    """Pending rows as they count now, without those of contexts that mean something else."""
    readable = [row for row in taken if row.layout == layout]
    if strange := len(taken) - len(readable):
        _logger.warning(
            "%d observations of decisions in another layout than %r were kept in the log and "
            "not learned; 'conduit db refit' learns them where their prompts are stored",
            strange,
            layout,
        )
    done = read_adjustments(conn)
    entries = (done.applied(_pending_of(row), era=row.era) for row in readable)
    return [entry for entry in entries if entry is not None]


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


def count(conn: Connection) -> int:
    """Number of observations kept."""
    return conn.scalar(select(func.count()).select_from(observations)) or 0
