"""Brings a database to this version's schema, or says why it cannot be.

Alembic is imported only when there is something to migrate: opening a database that is already
at :data:`HEAD` costs two small queries.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from conduit.core.errors import SchemaVersionError, StoreError
from conduit.stores.sql_address import Address
from conduit.stores.sql_dialect import Access, access, is_hidden, lock_for_migration
from conduit.stores.sql_schema import HEAD, metadata

if TYPE_CHECKING:
    from alembic.config import Config

REVISION_TABLE = "alembic_version"
_REVISION = text("SELECT version_num FROM alembic_version")
_START_ANEW = "restore a copy, or move it away to start anew"


@dataclass(frozen=True, slots=True)
class Moved:
    """Revisions before and after a migration; None is a database without tables."""

    before: str | None
    after: str | None


def migrations_folder() -> Path:
    """Where the revisions are: beside the package in a checkout, inside it in a wheel.

    Raises:
        StoreError: when the installation carries none.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(
        f"no migrations were found beside {package}", remedy="install conduit-router again"
    )


def revision_of(conn: Connection) -> str | None:
    """The revision a database says it is at.

    Raises:
        StoreError: when it has tables without a revision, or a revision without the tables.
    """
    tables = set(inspect(conn).get_table_names())
    ours = set(metadata.tables)
    revision: str | None = None
    if REVISION_TABLE in tables:
        revision = conn.scalar(_REVISION)
    if revision is None and REVISION_TABLE in tables and is_hidden(conn, REVISION_TABLE):
        raise StoreError(
            "row level security hides the database's rows from this role",
            remedy="connect as the role that made its tables (see migrations/DEPLOYMENT.md)",
        )
    if revision is None and (present := tables & ours):
        raise StoreError(
            f"the database is half-migrated: it has {_names(present)} but no revision",
            remedy=_START_ANEW,
        )
    if revision == HEAD and (missing := ours - tables):
        raise StoreError(
            f"the database is half-migrated: revision {HEAD} lacks {_names(missing)}",
            remedy=_START_ANEW,
        )
    return revision


def bring_up(engine: Engine) -> Moved:
    """Upgrade to :data:`HEAD`, in one transaction that a crash undoes.

    Raises:
        SchemaVersionError: for a revision this version does not know; nothing is changed.
        StoreError: for a database that is half-migrated.
    """
    with engine.connect() as conn:
        before = revision_of(conn)
    if before == HEAD:
        return Moved(HEAD, HEAD)
    with access(engine, Access.DURABLE).begin() as conn:
        lock_for_migration(conn)
        before = revision_of(conn)  # another process may have been first
        if before != HEAD:
            _check_known(before)
            _run(conn, "upgrade", "head")
    return Moved(before, HEAD)


def bring_down(engine: Engine) -> Moved:
    """Undo the newest revision, in one transaction; its tables go with what they hold.

    Raises:
        SchemaVersionError: for a revision this version does not know; nothing is changed.
        StoreError: for a database that is half-migrated.
    """
    with access(engine, Access.DURABLE).begin() as conn:
        lock_for_migration(conn)
        before = revision_of(conn)
        if before is None:
            return Moved(None, None)
        _check_known(before)
        _run(conn, "downgrade", "-1")
        return Moved(before, revision_of(conn))


def as_sql(address: Address) -> str:
    """The statements that make an empty database of this kind, for copying by hand."""
    from alembic import command  # noqa: PLC0415 - slow to import, seldom needed

    output = io.StringIO()
    config = _config(output)
    config.attributes["dialect"] = address.url.get_dialect().name
    command.upgrade(config, "head", sql=True)
    return output.getvalue()


def in_schema(conn: Connection, functions: str) -> str:
    """Functions of a revision, which look for tables in ``public``, for where the tables are made."""
    schema = conn.scalar(text("SELECT quote_ident(current_schema())"))
    return functions.replace("SET search_path = public,", f"SET search_path = {schema},")


def _run(conn: Connection, direction: str, target: str) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, seldom needed

    config = _config()
    config.attributes["connection"] = conn
    getattr(command, direction)(config, target)


def _check_known(revision: str | None) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - slow to import, seldom needed

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaVersionError(
            f"the database is at revision {revision!r}, this version of Conduit knows up to {HEAD!r}",
            remedy="upgrade conduit-router, or choose another database",
        )


def _config(output: io.StringIO | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - slow to import, seldom needed

    config = Config(output_buffer=output) if output else Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _names(tables: set[str]) -> str:
    return ", ".join(sorted(tables))
