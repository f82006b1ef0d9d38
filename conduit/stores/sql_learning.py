"""Units of work on learned state: folding the delta log into it.

Statements are built once: building one costs more than SQLite takes to run it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from conduit.core.sharing import Folded
from conduit.core.statistics import LearnedState
from conduit.stores import sql_codec as codec
from conduit.stores.adjustments import Adjustments
from conduit.stores.delta import (
    Pending,
    folded,
)
from conduit.stores.sql_adjustments import read_adjustments
from conduit.stores.sql_log import in_lists
from conduit.stores.sql_schema import decisions, meta, observations, pending
from conduit.stores.sql_state import (
    changed,
    is_leased,
    load,
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


_ANY_PENDING = select(pending.c.id).order_by(pending.c.id.desc()).limit(1)  # not past dead rows
_TAKE = (
    select(pending, decisions.c.context, decisions.c.created_at, decisions.c.layout)
    .join(decisions, decisions.c.id == pending.c.decision_id)
    .order_by(pending.c.id)
    .limit(CHUNK)
    .with_for_update(of=pending, skip_locked=True)
)


def is_pending(conn: Connection) -> bool:
    """Whether anything waits to be folded."""
    return conn.scalar(_ANY_PENDING) is not None


def load_if_folded(conn: Connection, *, bound: tuple[str, int] | None) -> LearnedState | None:
    """The learned state; None where something waits to be folded into it.

    Raises:
        LayoutMismatchError: when it was rebuilt in another layout meanwhile.
    """
    return None if is_pending(conn) else load(conn, bound=bound)


def fold(conn: Connection, *, now: float, writer: str = "", wait: bool = True) -> Folded | None:
    """Fold at most :data:`CHUNK` pending rows and delete them; none while a rebuild is under way.

    No decision counts as younger than ``now``. What another store than ``writer`` observed is
    counted apart. The row of ``meta`` is the folders' lock: one folds
    at a time, and a second one that waited for it finds those rows gone.

    Returns:
        None when another folds and ``wait`` is False.
    """
    turn = take_turn(conn) if wait else take_free_turn(conn)
    if turn is None:
        return None
    taken = [] if is_leased(conn, turn, now=now) else conn.execute(_TAKE).all()
    if not taken:
        return Folded(before=turn.version, after=turn.version)
    entries = readable(taken, read_adjustments(conn), layout=turn.layout)
    state = read_state(conn, sorted({entry.arm for entry in entries}))
    new = folded(state, entries, forgetting=read_forgetting(conn), now=now)
    write_state(conn, new, known=state.keys())
    drop_pending(conn, [row.id for row in taken])
    foreign = sum(row.writer != writer for row in taken)
    return Folded(count=len(taken), foreign=foreign, before=turn.version, after=changed(conn, turn))


def drop_pending(conn: Connection, ids: Sequence[int]) -> None:
    """Delete pending rows that learned state holds."""
    for some in in_lists(ids):
        conn.execute(delete(pending).where(pending.c.id.in_(some)))


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


def readable(taken: Sequence[Row[Any]], done: Adjustments, *, layout: str | None) -> list[Pending]:
    """Pending rows as they count now, without those of contexts that mean something else."""
    known = [row for row in taken if row.layout == layout]
    if strange := len(taken) - len(known):
        _logger.warning(
            "%d observations of decisions in another layout than %r were kept in the log and "
            "not learned; 'conduit db refit' learns them where their prompts are stored",
            strange,
            layout,
        )
    entries = (done.applied(_pending_of(row), era=row.era) for row in known)
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
