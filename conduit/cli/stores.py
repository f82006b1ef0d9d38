"""The database of the command line."""

from __future__ import annotations

from pathlib import Path

from conduit.engines.configured import durable_store_of
from conduit.settings import Settings
from conduit.stores.choosing import DurableStore
from conduit.stores.sql import SQLStore


def store_of(settings: Settings, database: str | None) -> DurableStore:
    """The store that ``--database`` or the settings name; made when it is first opened.

    Raises:
        ConfigurationError: for an address that cannot be used, or half of one.
    """
    if database is None:
        return durable_store_of(settings)
    return SQLStore(database, timeout=settings.database_timeout)


def existing_store(settings: Settings, database: str | None) -> DurableStore | None:
    """The same for a command that only looks; None where opening it would create a file.

    Raises:
        ConfigurationError: for an address that cannot be used.
    """
    store = store_of(settings, database)
    is_there = "://" in store.place or Path(store.place).exists()
    return store if is_there else None
