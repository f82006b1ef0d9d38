"""Units of work on evidence from elsewhere: added to the learned state once, and on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from conduit.core.statistics import Source, SufficientStatistics
from conduit.stores.delta import StateKey, absorbed
from conduit.stores.sql_log import bind_layout
from conduit.stores.sql_schema import sources
from conduit.stores.sql_state import (
    changed,
    read_base,
    read_forgetting,
    read_state,
    take_turn,
    write_base,
    write_state,
)

_COLUMNS = [column for column in sources.c if column.name != "id"]
_KNOWN = select(*_COLUMNS).where(sources.c.digest == bindparam("digest"))
_ALL = select(*_COLUMNS).order_by(sources.c.id)


def absorb(
    conn: Connection,
    statistics: Mapping[StateKey, SufficientStatistics],
    source: Source,
    *,
    layout: tuple[str, int],
) -> Source | None:
    """Merge evidence into the learned state; what was kept of the source if it is there already.

    Raises:
        LayoutMismatchError: when the stored state is of another layout or dimension.
    """
    turn = take_turn(conn)  # first: a rebuild that holds it may be putting another layout here
    bind_layout(conn, *layout)
    if (known := conn.execute(_KNOWN, {"digest": source.digest}).one_or_none()) is not None:
        return Source(**known._mapping)
    arms = sorted({arm for arm, _ in statistics})
    rules: dict[str, Any] = {"source": source, "forgetting": read_forgetting(conn)}
    state, base = read_state(conn, arms), read_base(conn, arms)
    write_state(conn, absorbed(state, statistics, **rules), known=state.keys())
    write_base(conn, absorbed(base, statistics, **rules), known=base.keys())
    conn.execute(insert(sources), asdict(source))
    changed(conn, turn)
    return None


def read_sources(conn: Connection) -> tuple[Source, ...]:
    """What was absorbed, in that order."""
    return tuple(Source(**row._mapping) for row in conn.execute(_ALL))


def keep_sources(conn: Connection, more: Sequence[Source]) -> None:
    """Put sources on record whose evidence came with other sums."""
    known = {source.digest for source in read_sources(conn)}
    if new := [asdict(source) for source in more if source.digest not in known]:
        conn.execute(insert(sources), new)
