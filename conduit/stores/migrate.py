"""Migrations by command: what ``./migrate.sh`` asks for, on a database by its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from conduit.stores.direct import engine_of, is_absent
from conduit.stores.sql_address import Address, parse_address
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
    moved = Moved(None, None) if is_absent(address) else _move(address, bring_down)
    if moved.before is None:
        return f"{address.place} has nothing to undo"
    return f"{address.place} is now at revision {moved.after or 'none'} (before: {moved.before})"


def status(where: str | Path) -> str:
    """A sentence about the database's revision; nothing is created.

    Raises:
        StoreError: for a place that is no usable database.
    """
    address = parse_address(where)
    if is_absent(address):
        return f"{address.place} does not exist yet; run ./migrate.sh up"
    with engine_of(address) as engine, engine.connect() as conn:
        revision = revision_of(conn)
    if revision == HEAD:
        return f"{address.place} is up to date at revision {HEAD}"
    return f"{address.place} is at revision {revision or 'none'}; this version wants {HEAD}"


def sql(where: str | Path) -> str:
    """The statements that make an empty database of this kind; needs neither it nor a driver."""
    return as_sql(parse_address(where))


def _move(address: Address, step: Callable[[Engine], Moved]) -> Moved:
    with engine_of(address) as engine:
        return step(engine)
