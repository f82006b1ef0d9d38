"""Units of work on what replicas share: documents, their record of edits, and the pulse."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, bindparam, insert, select, update

from conduit.core.sharing import Document, Edit, Json, Pulse
from conduit.stores.sql_dialect import insert_new
from conduit.stores.sql_schema import changes, documents, meta, pending

_ONE = select(documents.c.value, documents.c.version).where(documents.c.key == bindparam("of_key"))
_LATEST = select(pending.c.id).order_by(pending.c.id.desc()).limit(1)  # not past dead rows
_STATE = select(meta.c.version, _LATEST.scalar_subquery().is_not(None).label("pending"))
_VERSIONS = select(documents.c.key, documents.c.version)
_REPLACE = (
    update(documents)
    .where(documents.c.key == bindparam("of_key"))
    .where(documents.c.version == bindparam("expected"))
    .values(value=bindparam("new_value"), version=bindparam("new_version"))
)
_EDITS = select(changes).order_by(changes.c.id.desc())


def pulse(conn: Connection) -> Pulse:
    """How far learned state and documents have come."""
    state, waiting = conn.execute(_STATE).one()
    rows = conn.execute(_VERSIONS)
    return Pulse(
        state=state, documents={row.key: row.version for row in rows}, pending=bool(waiting)
    )


def read_document(conn: Connection, key: str) -> Document | None:
    """A shared value; None when nobody put one."""
    row = conn.execute(_ONE, {"of_key": key}).one_or_none()
    return None if row is None else Document(value=row.value, version=row.version)


def put_document(
    conn: Connection, key: str, value: Json, *, expected: int, edit: Edit | None
) -> bool:
    """Replace a value whose version is still the expected one, and record the edit with it."""
    put = _replace(conn, key, value, expected) if expected else _first(conn, key, value)
    if put and edit is not None:
        record_edit(conn, edit)
    return put


def record_edit(conn: Connection, edit: Edit) -> None:
    """Put on record who did what."""
    conn.execute(insert(changes), asdict(edit))


def read_edits(conn: Connection, *, limit: int) -> tuple[Edit, ...]:
    """Who changed what, the newest first."""
    rows = conn.execute(_EDITS.limit(limit)).mappings()
    return tuple(Edit(**{name: row[name] for name in Edit.__slots__}) for row in rows)


def _replace(conn: Connection, key: str, value: Json, expected: int) -> bool:
    row = {
        "of_key": key,
        "expected": expected,
        "new_value": dict(value),
        "new_version": expected + 1,
    }
    return conn.execute(_REPLACE, row).rowcount == 1


def _first(conn: Connection, key: str, value: Json) -> bool:
    """Two that are first at once are one first and one late."""
    query = insert_new(conn, documents)
    row = {"key": key, "version": 1, "value": dict(value)}
    return conn.execute(query.returning(documents.c.key), row).first() is not None
