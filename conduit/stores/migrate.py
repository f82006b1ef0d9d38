"""Migrations by command: what ``./migrate.sh`` asks for, on a database by its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from conduit.stores.sql_address import Address, parse_address
from conduit.stores.sql_dialect import make_engine
from conduit.stores.sql_errors import translated
from conduit.stores.sql_migrations import Moved, as_sql, bring_down, bring_up, revision_of
from conduit.stores.sql_schema import HEAD


def up(where: str | Path) -> str:
    """Upgrade to the newest revision; a sentence that says what was done.

    Raises:
        SchemaVersionError: for a database made by a newer version; nothing is changed.
        StoreError: for a place that is no usable database.
    """
    address = parse_address(where)
    moved = _move(address, bring_up)
    if moved.before == moved.after:
        return f"{address.place} is up to date at revision {moved.after}"
    return f"{address.place} is now at revision {moved.after} (before: {moved.before or 'empty'})"


def down(where: str | Path) -> str:
    """Undo the newest revision and what its tables hold; a sentence that says what was done.

    Raises:
        SchemaVersionError: for a database made by a newer version; nothing is changed.
        StoreError: for a place that is no usable database.
    """
    address = parse_address(where)
    moved = Moved(None, None) if _is_absent(address) else _move(address, bring_down)
    if moved.before is None:
        return f"{address.place} has nothing to undo"
    return f"{address.place} is now at revision {moved.after or 'none'} (before: {moved.before})"


def status(where: str | Path) -> str:
    """A sentence about the database's revision; nothing is created.

    Raises:
        StoreError: for a place that is no usable database.
    """
    address = parse_address(where)
    if _is_absent(address):
        return f"{address.place} does not exist yet; run ./migrate.sh up"
    with _engine(address) as engine, engine.connect() as conn:
        revision = revision_of(conn)
    if revision == HEAD:
        return f"{address.place} is up to date at revision {HEAD}"
    return f"{address.place} is at revision {revision or 'none'}; this version wants {HEAD}"


def sql(where: str | Path) -> str:
    """The statements that make an empty database of this kind; needs neither it nor a driver."""
    return as_sql(parse_address(where))


def _is_absent(address: Address) -> bool:
    return address.file is not None and not address.file.exists()


def _move(address: Address, step: Callable[[Engine], Moved]) -> Moved:
    with _engine(address) as engine:
        return step(engine)


@contextmanager
def _engine(address: Address) -> Iterator[Engine]:
    engine = make_engine(address)
    try:
        with translated(address.place):
            yield engine
    finally:
        engine.dispose()
