"""Learned state out of a database and into one."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, delete, select, update

from conduit.core.archive import Archive
from conduit.core.errors import StoreError
from conduit.core.ports import Clock
from conduit.core.sharing import Edit
from conduit.core.statistics import Source
from conduit.stores.adjustments import AdjustmentKind
from conduit.stores.direct import Database
from conduit.stores.lineage import (
    add_lineage,
    exported_lineage,
    read_lineage,
    replace_lineage,
)
from conduit.stores.sql_adjustments import record
from conduit.stores.sql_documents import record_edit
from conduit.stores.sql_evidence import absorb, keep_sources, read_sources
from conduit.stores.sql_learning import fold_all
from conduit.stores.sql_log import bind_layout
from conduit.stores.sql_schema import arm_state, base_state, meta, observations, sources
from conduit.stores.sql_state import (
    changed,
    read_state,
    refuse_during_rebuild,
    stored_layout,
    take_turn,
    write_base,
    write_state,
)


class Into(StrEnum):
    """What becomes of what a database has learned already."""

    EMPTY = "empty"
    MERGE = "merge"
    REPLACE = "replace"


def take_out(database: Database, *, clock: Clock) -> Archive:
    """What a database has learned, all that is pending included.

    Raises:
        StoreError: for a database that has learned nothing, or is being rebuilt.
    """
    with database.write() as conn:
        refuse_during_rebuild(conn, take_turn(conn), now=clock.now())
        fold_all(conn, now=clock.now())
        layout, statistics = stored_layout(conn), read_state(conn)
        if layout is None or not statistics:
            raise StoreError(
                f"{database.address.place} has learned nothing yet",
                remedy="there is nothing to export",
            )
        return Archive(
            layout=layout[0],
            dim=layout[1],
            half_life=_half_life(conn),
            statistics=dict(sorted(statistics.items())),
            sources=read_sources(conn),
            databases=exported_lineage(conn),
            created=clock.now(),
        )


def put_in(
    database: Database, archive: Archive, *, name: str, into: Into, clock: Clock, actor: str
) -> Source | None:
    """Learn what an archive holds, all or nothing.

    Merged, it counts as one more source, once. In the place of what was learned, it sets aside
    what the log says so far: a later rebuild repeats that.

    Args:
        database: to be taught.
        archive: as it was read from a file.
        name: of the file, for people.
        into: what becomes of what is there.
        clock: dates the source.
        actor: who asks for it.

    Returns:
        None when it was taken in; what was kept the first time when it had been merged before.

    Raises:
        LayoutMismatchError: for an archive of another layout.
        StoreError: for a database that has learned already where nothing says what becomes of it,
            one that knows evidence of a database in the archive, which would count twice, or one
            that is being rebuilt.
    """
    now = clock.now()
    source = Source(
        digest=archive.digest,
        name=name,
        n_eff=max(sums.weight for sums in archive.statistics.values()),
        prompts=max(sums.count for sums in archive.statistics.values()),
        absorbed_at=now,
    )
    edit = Edit(at=now, actor=actor, action="import", subject=name, after={"into": into.value})
    with database.write() as conn:
        refuse_during_rebuild(conn, take_turn(conn), now=now)
        fold_all(conn, now=now)
        if into is Into.EMPTY and _has_learned(conn, archive.digest):
            raise StoreError(
                f"{database.address.place} has learned already",
                remedy="add --merge to learn from both, or --replace to keep the file's alone",
            )
        if into is Into.REPLACE:
            _replace(conn, archive, source, now=now)
        else:
            known = _merge(conn, archive, source, place=database.address.place)
            if known is not None:
                return known
        record_edit(conn, edit)
    return None


def shared_sources(database: Database, archive: Archive) -> tuple[Source, ...]:
    """Sources that database and archive have both absorbed; merged, their evidence counts twice."""
    theirs = {source.digest for source in archive.sources}
    with database.read() as conn:
        return tuple(source for source in read_sources(conn) if source.digest in theirs)


def _merge(conn: Connection, archive: Archive, source: Source, *, place: str) -> Source | None:
    layout = archive.layout, archive.dim
    known = absorb(conn, archive.statistics, source, layout=layout)
    if known is None:
        if not set(archive.databases).isdisjoint(read_lineage(conn)):
            raise StoreError(
                f"{place} has learned from an earlier export of the same database, or is that "
                "database: merged, its evidence would count twice",
                remedy="take it in with --replace, or merge it into a database without it",
            )
        add_lineage(conn, archive.databases)
        keep_sources(conn, archive.sources)
        if _half_life(conn) is None:
            conn.execute(update(meta).values(half_life=archive.half_life))
    return known


def _replace(conn: Connection, archive: Archive, source: Source, *, now: float) -> None:
    """The file's evidence is all there is: what the log holds counts nothing from now on.

    What was absorbed before goes with its record, so that it may be absorbed again.
    """
    bind_layout(conn, archive.layout, archive.dim)
    logged = select(observations.c.arm, observations.c.head).distinct()
    keys = [(row.arm, row.head) for row in conn.execute(logged)]
    record(conn, keys, AdjustmentKind.DISCOUNT, amount=0.0, now=now)
    conn.execute(delete(arm_state))
    conn.execute(delete(base_state))
    conn.execute(delete(sources))
    write_state(conn, archive.statistics, known=())
    write_base(conn, archive.statistics, known=())
    keep_sources(conn, (*archive.sources, source))
    replace_lineage(conn, archive.databases)
    conn.execute(update(meta).values(half_life=archive.half_life))
    changed(conn, take_turn(conn))


def _has_learned(conn: Connection, digest: str) -> bool:
    """Whether anything was learned from elsewhere than this very file."""
    if any(source.digest == digest for source in read_sources(conn)):
        return False
    return conn.scalar(select(arm_state.c.arm).limit(1)) is not None


def _half_life(conn: Connection) -> float | None:
    seconds: float | None = conn.scalar(select(meta.c.half_life))
    return seconds
