"""Units of work on sums: learned state, and the evidence in it that is not in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, Update, bindparam, insert, select, update

from conduit.core.errors import StoreError
from conduit.core.forgetting import Forgetting
from conduit.core.statistics import LearnedState, SufficientStatistics
from conduit.stores import sql_codec as codec
from conduit.stores.delta import StateKey, check_layout
from conduit.stores.sql_schema import arm_state, base_state, meta


@dataclass(frozen=True, slots=True)
class Turn:
    """The row of ``meta``, locked against others who change learned state.

    Args:
        version: of the learned state.
        lease: token of a rebuild; None when there is none.
        lease_ends: seconds since the epoch.
        layout: of the learned state.
    """

    version: int
    lease: str | None
    lease_ends: float | None
    layout: str | None


_TURN = select(meta.c.version, meta.c.lease, meta.c.lease_ends, meta.c.layout)
_META = select(meta.c.version, meta.c.layout, meta.c.dim, meta.c.half_life)
_TAKE_TURN = _TURN.with_for_update()
_TAKE_FREE_TURN = _TURN.with_for_update(skip_locked=True)


def take_turn(conn: Connection) -> Turn:
    """Wait for the lock of those who change learned state."""
    return Turn(*conn.execute(_TAKE_TURN).one())


def take_free_turn(conn: Connection) -> Turn | None:
    """The same without waiting; None when another has the lock."""
    row = conn.execute(_TAKE_FREE_TURN).one_or_none()
    return None if row is None else Turn(*row)


def is_leased(conn: Connection, turn: Turn, *, now: float) -> bool:
    """Whether a rebuild is under way, so that nothing may be folded.

    A lease that has ended is taken away, which is how its owner learns that it came too late.
    """
    if turn.lease is None:
        return False
    if turn.lease_ends is not None and turn.lease_ends > now:
        return True
    conn.execute(update(meta).values(lease=None, lease_ends=None))
    return False


def refuse_during_rebuild(conn: Connection, turn: Turn, *, now: float) -> None:
    """Refuse what would need to fold first.

    Raises:
        StoreError: while a rebuild is under way.
    """
    if is_leased(conn, turn, now=now):
        raise being_rebuilt()


def being_rebuilt() -> StoreError:
    """The error of what a rebuild holds up."""
    return StoreError(
        "the learned state is being rebuilt by 'conduit db refit'",
        remedy="wait until it is done, at most a minute if it was ended, and try again",
    )


def changed(conn: Connection, turn: Turn) -> int:
    """Let everybody see that learned state has changed; its new version."""
    conn.execute(update(meta).values(version=turn.version + 1))
    return turn.version + 1


def read_forgetting(conn: Connection) -> Forgetting:
    """How fast evidence fades, as it was declared last."""
    half_life = conn.scalar(select(meta.c.half_life))
    return Forgetting() if half_life is None else Forgetting(half_life=half_life)


def read_state(
    conn: Connection, arms: Sequence[str] | None = None, *, table: Table = arm_state
) -> dict[StateKey, SufficientStatistics]:
    """The sums of some arms, or of all."""
    query = select(table)
    if arms is not None:
        query = query.where(table.c.arm.in_(arms))
    return {(row.arm, row.head): codec.statistics_of(row) for row in conn.execute(query)}


def read_base(
    conn: Connection, arms: Sequence[str] | None = None
) -> dict[StateKey, SufficientStatistics]:
    """The evidence of some arms, or of all, that the log does not hold."""
    return read_state(conn, arms, table=base_state)


def write_state(
    conn: Connection,
    state: Mapping[StateKey, SufficientStatistics],
    *,
    known: Iterable[StateKey],
    table: Table = arm_state,
) -> None:
    """Write the sums of some (arm, head); ``known`` are those that have a row."""
    already = set(known)
    rows = {
        key: {"of_arm": key[0], "of_head": key[1]} | codec.statistics_row(statistics)
        for key, statistics in sorted(state.items())
    }
    replace, add = _statements(table)
    if old := [row for key, row in rows.items() if key in already]:
        conn.execute(replace, old)
    if new := [row for key, row in rows.items() if key not in already]:
        conn.execute(add, new)


def write_base(
    conn: Connection,
    base: Mapping[StateKey, SufficientStatistics],
    *,
    known: Iterable[StateKey],
) -> None:
    """Write the evidence of some (arm, head) that the log does not hold."""
    write_state(conn, base, known=known, table=base_state)


def stored_layout(conn: Connection) -> tuple[str, int] | None:
    """The layout of the learned state, and the length of its contexts."""
    row = conn.execute(select(meta.c.layout, meta.c.dim)).one()
    return None if row.layout is None else (row.layout, row.dim)


def load(conn: Connection, *, bound: tuple[str, int] | None = None) -> LearnedState:
    """The learned state as of the last fold.

    Args:
        conn: a transaction that sees one moment of the database.
        bound: the layout that the caller decides in; None takes any.

    Raises:
        LayoutMismatchError: when it was rebuilt in another layout meanwhile.
    """
    row = conn.execute(_META).one()
    if bound is not None and row.layout is not None:
        check_layout(bound, (row.layout, row.dim))
    forgetting = Forgetting() if row.half_life is None else Forgetting(half_life=row.half_life)
    return LearnedState(row.version, read_state(conn), forgetting)


@cache
def _statements(table: Table) -> tuple[Update, Insert]:
    """How a row is replaced, and how one is added."""
    sums: dict[str, Any] = {
        column.name: bindparam(column.name) for column in table.c if not column.primary_key
    }
    key: dict[str, Any] = {"arm": bindparam("of_arm"), "head": bindparam("of_head")}
    here = (table.c.arm == key["arm"]) & (table.c.head == key["head"])
    return update(table).where(here).values(sums), insert(table).values(key | sums)
