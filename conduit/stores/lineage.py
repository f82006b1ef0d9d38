"""Of which databases a database has the evidence, so that none counts twice by way of a file.

An id is made when a database is first exported, as one that never left is in no file. It is kept in
a document, with the ids that came with other files.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from sqlalchemy import Connection

from conduit.stores.sql_documents import put_document, read_document

LINEAGE = "lineage"
"""Key of the document."""


def read_lineage(conn: Connection) -> tuple[str, ...]:
    """Ids of the databases whose evidence is known here; empty where no file came or went."""
    document = read_document(conn, LINEAGE)
    return () if document is None else tuple(document.value["databases"])


def exported_lineage(conn: Connection) -> tuple[str, ...]:
    """The same with an id of its own, which is made now if there was none."""
    document = read_document(conn, LINEAGE)
    if document is None or document.value["own"] is None:
        own = uuid4().hex
        _put(conn, own, {own, *read_lineage(conn)})
    return read_lineage(conn)


def add_lineage(conn: Connection, databases: Iterable[str]) -> None:
    """Put on record that evidence of other databases was merged into what is here."""
    document = read_document(conn, LINEAGE)
    own = None if document is None else document.value["own"]
    _put(conn, own, {*read_lineage(conn), *databases})


def replace_lineage(conn: Connection, databases: Iterable[str]) -> None:
    """Put on record that evidence of other databases is all there is.

    What was exported from here before is gone, so that what is learned from now on has another id.
    """
    _put(conn, None, databases)


def _put(conn: Connection, own: str | None, databases: Iterable[str]) -> None:
    """The row of ``meta`` is held, so nobody else is first."""
    document = read_document(conn, LINEAGE)
    version = 0 if document is None else document.version
    value = {"own": own, "databases": sorted(databases)}
    put_document(conn, LINEAGE, value, expected=version, edit=None)
