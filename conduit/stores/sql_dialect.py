"""Everything that differs between SQLite and PostgreSQL.

SQLite runs in write-ahead mode from the first write on, so readers never wait for the writer. ``synchronous=NORMAL``
would lose commits that were already acknowledged when power fails; ``FULL`` waits for the disk
at every commit. Observations are promised to be durable, so they commit under FULL. Decisions,
executions and folds commit under NORMAL: the process may die without losing any, the next
observation's sync covers all that was written before it, as the log is sequential, and a fold
that a power cut undoes leaves its pending rows to be folded again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Table,
    cast,
    create_engine,
    event,
    func,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from conduit.core.errors import ConfigurationError, StoreError
from conduit.stores.sql_address import Address
from conduit.stores.sql_waiting import bound_statements, bound_transaction, unbound

BUSY_SECONDS = 30.0
"""How long a writer waits for another process's transaction."""

IDLE_SECONDS = 1.0
"""After so long without use a connection is asked whether it is still there."""
_USED, _DOUBT = "conduit_used", "conduit_doubt"
_MIGRATION_LOCK = 0x636F6E64  # "cond", a number of our own among PostgreSQL's advisory locks
_SYNCHRONOUS = "synchronous"

COUNTED = {"preserve_rowcount": True}
"""Options of a statement whose rows are to be counted."""


@dataclass(slots=True)
class _Doubt:
    """Connections that were last used before that moment may have been cut."""

    since: float = 0.0


class Access(StrEnum):
    """What a transaction is for."""

    READ = "read"
    LOG = "log"
    DURABLE = "durable"


@dataclass(frozen=True, slots=True)
class Transactions:
    """Of one kind, on one engine.

    They are begun here, not by a listener of the engine: an engine with listeners asks them at
    every statement, which takes a tenth of it.
    """

    engine: Engine
    mode: Access

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that is committed in the end, or undone by an error."""
        with self.engine.begin() as conn:
            if conn.dialect.name == "sqlite":
                _begin(conn, self.mode)
            else:
                bound_transaction(conn)
            yield conn


def make_engine(address: Address, *, timeout: float | None = None) -> Engine:
    """Connections to a place; its transactions are begun by :func:`access`.

    Args:
        address: the place.
        timeout: how long a statement may take on a server, in seconds; None for as long as it takes.

    Raises:
        ConfigurationError: when the driver is not installed.
        StoreError: when the file's folder cannot be made.
    """
    if address.is_sqlite:
        _make_folder(address)
    try:
        engine = create_engine(
            address.url,
            connect_args=_arguments(address),
            json_serializer=_COMPACT,
            # Who waited for a row's lock reads it anew, whatever the server's own default is.
            isolation_level=None if address.is_sqlite else "READ COMMITTED",
            pool_size=2 * address.threads + 1,  # readers, writers, and the group's
            pool_use_lifo=True,  # what was in use a moment ago needs no asking
        )
    except ModuleNotFoundError:
        raise ConfigurationError(
            "PostgreSQL needs a driver that is not installed",
            remedy="run: pip install 'conduit-router[postgres]'",
        ) from None
    if address.is_sqlite:
        event.listen(engine, "connect", _configure_connection)
    else:
        _ask_idle_connections(engine)
        if timeout is not None and "options" not in address.url.query:
            bound_statements(engine, timeout, pooled=address.is_pooled)
    return engine


def _ask_idle_connections(engine: Engine) -> None:
    """Ask a server that may have been restarted, but not about a connection that was in use just now.

    SQLAlchemy's own ``pool_pre_ping`` asks before every transaction, which takes a fifth of it. Where
    that was too late, the worker begins anew, and :func:`distrust` has all others asked.
    """
    doubt = _Doubt()
    engine.update_execution_options(**{_DOUBT: doubt})

    def returned(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = time.monotonic()

    def taken(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        used = record.info.get(_USED, 0.0)
        if used > doubt.since and time.monotonic() - used < IDLE_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the connection is gone") from error
        if not alive:
            raise DisconnectionError("the connection is gone")

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", taken)


def distrust(engine: Engine) -> None:
    """Have every connection asked that was last used before now: one was cut, and others may be.

    Those in use go on; emptying the pool would leave them open when they come back.
    """
    doubt = engine.get_execution_options().get(_DOUBT)
    if doubt is not None:  # a file is not cut off
        doubt.since = time.monotonic()


_POSTGRES = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "conduit",
}
"""A silent server is given up after 5 seconds, a silent connection after a minute, also one that was sent
something: a host that is gone answers no keepalive, and is not asked while data is on its way."""


def _arguments(address: Address) -> dict[str, Any]:
    """What the address does not say itself; poolers lose prepared statements."""
    if address.is_sqlite:
        return {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
    said = address.url.query
    kept = {name: value for name, value in _POSTGRES.items() if name not in said}
    return kept | ({"prepare_threshold": None} if address.is_pooled else {})


_COMPACT = partial(json.dumps, separators=(",", ":"), ensure_ascii=False)


def access(engine: Engine, mode: Access) -> Transactions:
    """Transactions of one kind."""
    if mode is Access.READ and engine.dialect.name != "sqlite":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    return Transactions(engine, mode)


def insert_new(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Insert rows, except those whose key is there already."""
    return _insert_new(conn.dialect.name, table)


@cache
def _insert_new(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    kind = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return kind(table).on_conflict_do_nothing(index_elements=list(table.primary_key))


def insert_or_replace(
    conn: Connection, table: Table, *, key: Sequence[str], values: Sequence[str]
) -> sqlite.Insert | postgresql.Insert:
    """Insert rows; of those whose key is there already, replace the values."""
    return _insert_or_replace(conn.dialect.name, table, tuple(key), tuple(values))


@cache
def _insert_or_replace(
    dialect: str, table: Table, key: tuple[str, ...], values: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        lite = sqlite.insert(table)
        new = {name: lite.excluded[name] for name in values}
        return lite.on_conflict_do_update(index_elements=key, set_=new)
    full = postgresql.insert(table)
    new = {name: full.excluded[name] for name in values}
    return full.on_conflict_do_update(index_elements=key, set_=new)


def whole(conn: Connection, number: ColumnElement[Any]) -> ColumnElement[int]:
    """The whole part of a number that is not negative; casts round on PostgreSQL."""
    return cast(number if conn.dialect.name == "sqlite" else func.floor(number), BigInteger)


def rows_need_locks(conn: Connection) -> bool:
    """Whether writers run side by side; SQLite's transactions lock the whole database."""
    return conn.dialect.name != "sqlite"


def is_hidden(conn: Connection, table: str) -> bool:
    """Whether row level security keeps this role from seeing the rows of a table."""
    if conn.dialect.name != "postgresql":
        return False
    return bool(conn.scalar(text("SELECT row_security_active(:name)"), {"name": table}))


def lock_for_migration(conn: Connection) -> None:
    """Let one process migrate at a time, however long it takes; SQLite's writers wait anyway."""
    if conn.dialect.name == "postgresql":
        unbound(conn)
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


def _make_folder(address: Address) -> None:
    if address.file is None:
        return
    try:
        address.file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder of {address.place} cannot be made: {error.strerror}",
            remedy="choose another path for the database",
        ) from None


def _configure_connection(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(
        "PRAGMA secure_delete=ON"
    )  # what is rewritten is not left for a purge to miss


def _begin(conn: Connection, mode: Access) -> None:
    driver = conn.connection.driver_connection
    assert driver is not None
    if mode is Access.READ:
        driver.execute("BEGIN")
        return
    if _SYNCHRONOUS not in conn.info:
        _log_ahead(driver)
    level = "FULL" if mode is Access.DURABLE else "NORMAL"
    if conn.info.get(_SYNCHRONOUS) != level:
        driver.execute(f"PRAGMA synchronous={level}")
        conn.info[_SYNCHRONOUS] = level
    driver.execute("BEGIN IMMEDIATE")


def _log_ahead(driver: Any) -> None:
    """Have a file that is written to keep its log; who only looks at one leaves it as it is."""
    if driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        driver.execute("PRAGMA journal_mode=WAL")
