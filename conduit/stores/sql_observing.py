"""Units of work on observations: the delta log, and the record of corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from conduit.core.outcomes import Change, Observation
from conduit.stores import sql_codec as codec
from conduit.stores.adjustments import Adjustments
from conduit.stores.delta import ObservationKey, changes_of, key_of
from conduit.stores.sql_adjustments import read_adjustments
from conduit.stores.sql_dialect import COUNTED, insert_new, rows_need_locks
from conduit.stores.sql_log import in_lists, lock_decisions
from conduit.stores.sql_schema import audit, observations, pending

_KEPT = select(observations).where(observations.c.decision_id.in_(bindparam("ids", expanding=True)))
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


def observe(
    conn: Connection, calls: Sequence[Sequence[Observation]], *, writer: str
) -> list[tuple[Change, ...]]:
    """Insert observations with their pending rows, and audit what they change.

    Args:
        conn: a transaction.
        calls: observations that were told together, in the order in which they count.
        writer: the store that was told.

    Returns:
        What each call changed.

    Raises:
        UnknownDecisionError: when a decision does not exist.
    """
    new = [observation for call in calls for observation in call]
    if rows_need_locks(conn) and _are_first(conn, new):
        answers = [tuple(Change(observation=it) for it in call) for call in calls]
        _pend(conn, [change for answer in answers for change in answer], writer=writer)
        return answers
    while (told := _observed(conn, calls, writer=writer)) is None:
        pass  # another was first with one of them, and has committed it by now
    return told


def _observed(
    conn: Connection, calls: Sequence[Sequence[Observation]], *, writer: str
) -> list[tuple[Change, ...]] | None:
    """What each call changes; None, and nothing is stored, where another was faster."""
    attempt = conn.begin_nested() if rows_need_locks(conn) else None  # who writes is alone
    rows = _kept(conn, sorted({it.decision_id for call in calls for it in call}))
    kept = {key: codec.observation_of(row) for key, row in rows.items()}
    answers = _answers(calls, kept)
    changes = [change for answer in answers for change in answer]
    stored = _keep(conn, {key_of(change.observation): change for change in changes}, known=kept)
    if attempt is not None:
        (attempt.commit if stored else attempt.rollback)()
    if not stored:
        return None
    _pend(conn, changes, writer=writer)
    if all(change.previous is None for change in changes):
        return answers
    done, eras = read_adjustments(conn), {key: row.era for key, row in rows.items()}
    return [tuple(_marked(change, done, eras) for change in answer) for answer in answers]


def _marked(change: Change, done: Adjustments, eras: Mapping[ObservationKey, int]) -> Change:
    """Nothing has come between a value and its correction in the same transaction."""
    key = key_of(change.observation)
    return done.marked(change, era=eras[key]) if key in eras else change


def _answers(
    calls: Sequence[Sequence[Observation]], kept: Mapping[ObservationKey, Observation]
) -> list[tuple[Change, ...]]:
    """What each call changes, after the ones before it."""
    now, answers = dict(kept), []
    for call in calls:
        answers.append(changes_of(call, now))
        now |= {key_of(change.observation): change.observation for change in answers[-1]}
    return answers


def _are_first(conn: Connection, new: Sequence[Observation]) -> bool:
    """Insert observations if nobody has made any of them, and all their decisions are known.

    What is almost always the case, and then needs neither a lock nor a look at what is kept.
    """
    rows = {key_of(observation): codec.observation_row(observation) for observation in new}
    if len(rows) < len(new):
        return False
    ordered = [rows[key] for key in sorted(rows)]  # so that writers never wait crosswise
    attempt = conn.begin_nested()
    try:
        query = insert_new(conn, observations)
        first = conn.execute(query, ordered, execution_options=COUNTED).rowcount == len(rows)
    except IntegrityError:
        first = False
    if first:
        attempt.commit()
    else:
        attempt.rollback()
    return first


def _kept(conn: Connection, ids: Sequence[str]) -> dict[ObservationKey, Row[Any]]:
    """Observations of decisions, locked against other writers of the same decisions."""
    kept: dict[ObservationKey, Row[Any]] = {}
    for some in in_lists(ids):
        lock_decisions(conn, some)
        for row in conn.execute(_KEPT, {"ids": some}):
            kept[key_of(codec.observation_of(row))] = row
    return kept


def _keep(
    conn: Connection,
    changed: Mapping[ObservationKey, Change],
    *,
    known: Mapping[ObservationKey, Observation],
) -> bool:
    """Insert and correct observations; False where one is there that was not known."""
    rows = {key: codec.observation_row(change.observation) for key, change in changed.items()}
    if inserts := [row for key, row in rows.items() if key not in known]:
        query = insert_new(conn, observations)
        if conn.execute(query, inserts, execution_options=COUNTED).rowcount < len(inserts):
            return False
    if updates := [_renamed(row) for key, row in rows.items() if key in known]:
        conn.execute(_CORRECT, updates)
    return True


def _pend(conn: Connection, changes: Sequence[Change], *, writer: str) -> None:
    if changes:
        conn.execute(_PEND, [_pending_row(change, writer=writer) for change in changes])
    if corrections := [change for change in changes if change.previous is not None]:
        conn.execute(_AUDIT, [codec.audit_row(change) for change in corrections])


def _pending_row(change: Change, *, writer: str) -> codec.Row:
    return codec.pending_row(change, writer=writer) | _key_row(key_of(change.observation))


def _renamed(row: codec.Row) -> codec.Row:
    key = row["decision_id"], row["arm"], row["signal"]
    return _key_row(key) | {"new_value": row["value"], "new_time": row["observed_at"]}


def _key_row(key: tuple[str, str, str]) -> codec.Row:
    return dict(zip(("of_decision", "of_arm", "of_signal"), key, strict=True))
