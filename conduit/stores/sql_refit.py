"""Units of work of a rebuild: its lease, and the swap at its end (docs/adr/0018)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, func, select, update

from conduit.core.errors import StoreError
from conduit.core.outcomes import Head
from conduit.core.sharing import Edit
from conduit.core.statistics import SufficientStatistics
from conduit.stores.delta import StateKey, merged
from conduit.stores.sql_adjustments import read_adjustments
from conduit.stores.sql_codec import Row
from conduit.stores.sql_documents import record_edit
from conduit.stores.sql_learning import drop_pending, fold_all
from conduit.stores.sql_schema import (
    arm_state,
    base_state,
    decisions,
    meta,
    observations,
    pending,
    sources,
)
from conduit.stores.sql_state import (
    changed,
    read_base,
    read_forgetting,
    read_state,
    refuse_during_rebuild,
    stored_layout,
    take_turn,
    write_state,
)

LEASE_SECONDS = 60.0
"""How long nothing is folded once a rebuild has died."""
ROUNDING = 1e-6
"""Share by which sums may differ that were added up in another order."""

_EVIDENT = select(func.count(func.distinct(observations.c.decision_id))).join(
    decisions, decisions.c.id == observations.c.decision_id
)
_RENEW = update(meta).where(meta.c.lease == bindparam("token"))
_REWRITE = (
    update(decisions)
    .where(decisions.c.id == bindparam("of_decision"))
    .values(context=bindparam("new_context"), layout=bindparam("new_layout"))
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rebuilt:
    """What the log says, as of one moment.

    Args:
        layout: of the contexts of ``log``, and their length.
        log: what its observations add up to.
        newest: number of the newest adjustment that is in ``log``.
        pending: ids of pending rows whose observations are in ``log``.
    """

    layout: tuple[str, int]
    log: Mapping[StateKey, SufficientStatistics]
    newest: int
    pending: Sequence[int] = field(default=())


def begin(conn: Connection, token: str, *, now: float) -> None:
    """Fold all that is pending, and let nobody fold from now on.

    Raises:
        StoreError: while another rebuild is under way.
    """
    refuse_during_rebuild(conn, take_turn(conn), now=now)
    fold_all(conn, now=now)
    conn.execute(update(meta).values(lease=token, lease_ends=now + LEASE_SECONDS))


def renew(conn: Connection, token: str, *, now: float) -> None:
    """Keep others from folding for another while.

    Raises:
        StoreError: when the lease ended and somebody folded.
    """
    renewed = conn.execute(_RENEW.values(lease_ends=now + LEASE_SECONDS), {"token": token})
    if renewed.rowcount != 1:
        raise _too_late()


def release(conn: Connection, token: str) -> None:
    """Let others fold again; nothing when the lease is not ours any more."""
    conn.execute(_RENEW.values(lease=None, lease_ends=None), {"token": token})


def pending_ids(conn: Connection) -> list[int]:
    """Pending rows of this moment."""
    return list(conn.scalars(select(pending.c.id).order_by(pending.c.id)))


def unreadable(conn: Connection, layout: str) -> int:
    """Observed decisions of another layout, whose prompts are not stored."""
    lost = _EVIDENT.where(decisions.c.layout != layout).where(decisions.c.text.is_(None))
    return conn.scalar(lost) or 0


def unrecorded_sources(conn: Connection) -> int:
    """Sources absorbed before their evidence was kept apart, so that no rebuild can repeat it."""
    if conn.scalar(select(base_state.c.arm).limit(1)) is not None:
        return 0
    return conn.scalar(select(func.count()).select_from(sources)) or 0


def swap(
    conn: Connection,
    token: str,
    rebuilt: Rebuilt,
    *,
    rewritten: Iterable[list[Row]],
    edit: Edit,
    drops: bool,
) -> int:
    """Put what was rebuilt in the place of the learned state; its new version.

    Evidence that came meanwhile is kept: pending rows stay for the next fold, and what was
    absorbed or adjusted is on record.

    Args:
        conn: a writing transaction.
        token: of the lease.
        rebuilt: as of a moment within the lease.
        rewritten: batches of rows with new contexts for decisions.
        edit: for the record.
        drops: whether evidence that is neither in the log nor kept beside it may go.

    Raises:
        StoreError: when the lease ended and somebody folded, or for evidence that would be lost;
            nothing is changed.
    """
    turn = take_turn(conn)
    if turn.lease != token:
        raise _too_late()
    later = read_adjustments(conn, after=rebuilt.newest)
    counted = {
        key: later.applied_to(key, it, era=rebuilt.newest) for key, it in rebuilt.log.items()
    }
    state = {key: sums for key, sums in counted.items() if sums is not None}
    if stored_layout(conn) == rebuilt.layout:
        state = merged(read_base(conn), state, forgetting=read_forgetting(conn))
        if not drops:
            _check_nothing_lost(conn, state)
    else:
        _take_up_layout(conn, rebuilt.layout)
    for rows in rewritten:
        conn.execute(_REWRITE, rows)
    conn.execute(delete(arm_state))
    write_state(conn, state, known=())
    drop_pending(conn, rebuilt.pending)
    release(conn, token)
    record_edit(conn, edit)
    return changed(conn, turn)


def _check_nothing_lost(conn: Connection, new: Mapping[StateKey, SufficientStatistics]) -> None:
    """Refuse to lose what was absorbed before such evidence was kept apart.

    Counts only ever grow, but for what was set aside, which weighs nothing any more.
    """
    forgetting = read_forgetting(conn)
    lost = {
        key[0]
        for key, old in read_state(conn).items()
        if _has_more(old, new.get(key), time_constant=forgetting.time_constant(Head(key[1])))
    }
    if lost:
        raise StoreError(
            f"a rebuild would lose evidence of {len(lost)} models that the log does not hold, such as "
            "what an earlier version absorbed",
            remedy="add --drop-unreadable to let it go",
        )


def _has_more(
    old: SufficientStatistics, new: SufficientStatistics | None, *, time_constant: float
) -> bool:
    if new is None:
        return old.count > 0 and old.weight > 0
    moment = max(old.landmark, new.landmark)
    weights = [it.at(moment, time_constant=time_constant).weight for it in (old, new)]
    return old.count > new.count and weights[0] > weights[1] * (1 + ROUNDING)


def _take_up_layout(conn: Connection, layout: tuple[str, int]) -> None:
    """Evidence without prompts goes; its sources may be absorbed again, in the new layout."""
    conn.execute(delete(base_state))
    conn.execute(delete(sources))
    conn.execute(update(meta).values(layout=layout[0], dim=layout[1]))


def _too_late() -> StoreError:
    return StoreError(
        f"the rebuild paused for more than {LEASE_SECONDS:g} s and others went on learning",
        remedy="nothing was changed; run it again",
    )
