"""The database of the command line."""

from __future__ import annotations

from pathlib import Path

from conduit.settings import Settings
from conduit.stores.sql import SQLStore


def store_of(settings: Settings, database: str | None) -> SQLStore:
    """The store that ``--database`` or the settings name.

    Raises:
        ConfigurationError: for an address that cannot be used.
    """
    return SQLStore(_place(settings, database))


def is_absent(settings: Settings, database: str | None) -> bool:
    """Whether nothing was ever stored, so that looking need not create the file."""
    place = _place(settings, database)
    return "://" not in str(place) and not Path(place).expanduser().exists()


def _place(settings: Settings, database: str | None) -> str | Path:
    if database is not None:
        return database
    return settings.database_url or settings.database_path
