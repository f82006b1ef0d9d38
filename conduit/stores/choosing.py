"""Which store the settings mean: one rule for everybody who keeps something."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from conduit.core.errors import ConfigurationError
from conduit.core.ports import Clock
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore

DurableStore: TypeAlias = SQLStore | SupabaseStore
"""A store that outlives the process, and knows its ``place``."""


def durable_store(
    path: str | Path,
    *,
    database_url: str | None = None,
    supabase_url: str | None = None,
    supabase_key: str | None = None,
    clock: Clock | None = None,
    timeout: float | None = None,
) -> DurableStore:
    """The database of an address, else a Supabase project over REST, else the SQLite file.

    Args:
        path: of the SQLite file.
        database_url: stronger than all else.
        supabase_url: of the project; goes with its key.
        supabase_key: of a role that may use its tables.
        clock: no decision is younger than its now; None takes the system's.
        timeout: how long a statement may take on PostgreSQL, in seconds; None takes 30.

    Raises:
        ConfigurationError: for a project without a key, a key without a project, or an address
            that cannot be used.
    """
    if database_url is not None:
        return SQLStore(database_url, clock=clock, timeout=timeout)
    if supabase_url is not None and supabase_key is not None:
        return SupabaseStore(supabase_url, supabase_key, clock=clock)
    if supabase_url is not None:
        raise _half("SUPABASE_URL", missing="SUPABASE_ANON_KEY")
    if supabase_key is not None:
        raise _half("SUPABASE_ANON_KEY", missing="SUPABASE_URL")
    return SQLStore(path, clock=clock)


def _half(there: str, *, missing: str) -> ConfigurationError:
    return ConfigurationError(
        f"{there} is set and {missing} is not",
        remedy=f"set {missing} too, or DATABASE_URL instead, or neither to keep a SQLite file",
    )
