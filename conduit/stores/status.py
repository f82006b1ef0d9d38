"""How a database is, without changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, case, func, select, text

from conduit.core.outcomes import Signal
from conduit.stores.direct import engine_of, is_absent
from conduit.stores.sql_address import Address, parse_address
from conduit.stores.sql_dialect import Access, access
from conduit.stores.sql_migrations import revision_of
from conduit.stores.sql_schema import (
    HEAD,
    decisions,
    documents,
    meta,
    metadata,
    observations,
    pending,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was observed of an arm, and how many of that were ratings."""

    observations: int
    ratings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database of this version's schema holds.

    Args:
        version: of the learned state.
        layout: of its contexts; None before the first decision.
        half_life: seconds; None where nobody declared one.
        rebuilding: whether a rebuild holds its lease, so that nothing is folded.
        rows: per table.
        arms: per arm id.
        documents: version of every shared document.
        last_decision: seconds since the epoch; None without any.
        last_observation: likewise.
        oldest_pending: when the oldest observation that nobody has folded yet was made.
    """

    version: int
    layout: str | None
    half_life: float | None
    rebuilding: bool
    rows: Mapping[str, int]
    arms: Mapping[str, Seen]
    documents: Mapping[str, int]
    last_decision: float | None
    last_observation: float | None
    oldest_pending: float | None

    def lag(self, now: float) -> float:
        """Seconds by which learned state is behind what was observed; 0 when all is folded."""
        return 0.0 if self.oldest_pending is None else max(0.0, now - self.oldest_pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a database is.

    Args:
        place: where it is, without its password.
        kind: ``sqlite`` or ``postgresql``.
        exists: False for a file that is not there.
        revision: of its schema; None where it has no tables.
        newest: the revision that this version of Conduit wants.
        size: in bytes, logs and indexes included.
        contents: None unless it is at the newest revision.
    """

    place: str
    kind: str
    exists: bool
    revision: str | None = None
    newest: str = field(default=HEAD)
    size: int = 0
    contents: Contents | None = None


def status_of(where: str | Path, *, now: float) -> Status:
    """How the database is at a moment; nothing is created, migrated or folded.

    Raises:
        ConfigurationError: for an address that cannot be used.
        StoreError: for a place that is no usable database.
    """
    address = parse_address(where)
    kind = address.url.get_backend_name()
    if is_absent(address):
        return Status(place=address.place, kind=kind, exists=False)
    with engine_of(address) as engine, access(engine, Access.READ).begin() as conn:
        revision = revision_of(conn)
        return Status(
            place=address.place,
            kind=kind,
            exists=True,
            revision=revision,
            size=_size(conn, address),
            contents=_contents(conn, now) if revision == HEAD else None,
        )


def _contents(conn: Connection, now: float) -> Contents:
    row = conn.execute(select(meta)).one()
    return Contents(
        version=row.version,
        layout=row.layout,
        half_life=row.half_life,
        rebuilding=row.lease is not None and (row.lease_ends or 0.0) > now,
        rows={
            name: conn.scalar(select(func.count()).select_from(table)) or 0
            for name, table in sorted(metadata.tables.items())
        },
        arms=_arms(conn),
        documents={it.key: it.version for it in conn.execute(select(documents))},
        last_decision=conn.scalar(select(func.max(decisions.c.created_at))),
        last_observation=conn.scalar(select(func.max(observations.c.observed_at))),
        oldest_pending=_oldest_pending(conn),
    )


def _arms(conn: Connection) -> dict[str, Seen]:
    rated = func.sum(case((observations.c.signal == Signal.RATING.value, 1), else_=0))
    query = select(observations.c.arm, func.count().label("all"), rated.label("rated"))
    rows = conn.execute(query.group_by(observations.c.arm).order_by(observations.c.arm))
    return {arm: Seen(observations=every, ratings=int(ratings)) for arm, every, ratings in rows}


def _oldest_pending(conn: Connection) -> float | None:
    same = (
        (observations.c.decision_id == pending.c.decision_id)
        & (observations.c.arm == pending.c.arm)
        & (observations.c.head == pending.c.head)
    )
    oldest: float | None = conn.scalar(
        select(func.min(observations.c.observed_at)).select_from(pending).join(observations, same)
    )
    return oldest


def _size(conn: Connection, address: Address) -> int:
    if not address.is_sqlite:
        return conn.scalar(text("SELECT pg_database_size(current_database())")) or 0
    if address.file is None:
        pages = conn.scalar(text("PRAGMA page_count")) or 0
        return pages * (conn.scalar(text("PRAGMA page_size")) or 0)
    parts = (address.file.with_name(address.file.name + end) for end in ("", "-wal", "-shm"))
    return sum(part.stat().st_size for part in parts if part.exists())
