"""A database at first hand, for commands that look after it: synchronous, one caller at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from conduit.core.errors import StoreError
from conduit.stores.sql_address import Address, parse_address
from conduit.stores.sql_dialect import Access, access, make_engine
from conduit.stores.sql_errors import translated
from conduit.stores.sql_migrations import bring_up


class Database:
    """A database of this version's schema.

    Args:
        address: where it is.
        engine: connected to it.
    """

    def __init__(self, address: Address, engine: Engine) -> None:
        self.address = address
        self._reading = access(engine, Access.READ)
        self._writing = access(engine, Access.DURABLE)
        self._engine = engine

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one moment of the database and writes nothing."""
        return self._reading.begin()

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that has reached the disk when it ends."""
        return self._writing.begin()

    def truncate_log(self) -> None:
        """Leave no copy of overwritten pages in SQLite's log; another reader may prevent it."""
        if self.address.is_sqlite:
            with self._engine.connect() as conn:
                driver = conn.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def engine_of(address: Address) -> Iterator[Engine]:
    """Connections to a place; its complaints are a :class:`StoreError`."""
    engine = make_engine(address)
    try:
        with translated(address.place):
            yield engine
    finally:
        engine.dispose()


@contextmanager
def opened(where: str | Path, *, create: bool = False) -> Iterator[Database]:
    """A database, brought to this version's schema.

    Args:
        where: path of a SQLite file, or an address.
        create: whether a file that is absent is made.

    Raises:
        SchemaVersionError: for a database made by a newer version; nothing is changed.
        StoreError: for a place that is absent or no usable database.
    """
    address = parse_address(where)
    if is_absent(address) and not create:
        raise StoreError(
            f"{address.place} does not exist",
            remedy="check the path, or make a database with 'conduit route'",
        )
    with engine_of(address) as engine:
        bring_up(engine)
        yield Database(address, engine)


def is_absent(address: Address) -> bool:
    """Whether it is a file that is not there."""
    return address.file is not None and not address.file.exists()
