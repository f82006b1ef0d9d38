"""The books alone: a database and its ledger, with no router, no encoder and no models."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from conduit.budgets.ledger import Ledger
from conduit.core.errors import ConfigurationError
from conduit.engines.configured import durable_store_of
from conduit.settings import Settings
from conduit.stores.choosing import DurableStore
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address


@dataclass(frozen=True, slots=True)
class SQLiteStorage:
    """A SQLite file for budgets and costs, which any number of processes may share.

    It is a database of Conduit like any other: ``CONDUCTOR_DB_PATH`` lets :func:`conduit.llm` and the
    server use the same one (offline, ``CONDUIT_OFFLINE_DATABASE`` does).

    Args:
        db_path: of the file; it and its folder are made when missing.

    Raises:
        ConfigurationError: for what is no path, such as an address.
    """

    db_path: str | Path = "conductor.db"
    file: Path = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given: object = self.db_path
        path = str(given) if isinstance(given, str | Path) else ""
        if "://" in path or not path:
            raise ConfigurationError(
                f"SQLiteStorage takes the path of a file, and {self.db_path!r} is none",
                remedy="set DATABASE_URL for another database, and give no storage",
            )
        parse_address(path)
        # Where the program goes later does not move the file.
        object.__setattr__(self, "file", Path(self.db_path).expanduser().absolute())


class OpenBooks:
    """A ledger on a database of its own; belongs to one event loop.

    Args:
        store: that keeps the books; is opened and closed here.

    Raises:
        ConfigurationError: for a store that keeps none.
    """

    def __init__(self, store: DurableStore) -> None:
        self._ledger = Ledger(store)
        self._store = store

    async def open(self) -> None:
        """Connect; repeatable."""
        await self._store.open()

    async def ledger(self) -> Ledger:
        """The ledger."""
        return self._ledger

    async def aclose(self) -> None:
        """Let go, once all that was spent is on record."""
        await self._ledger.caught_up()
        await self._store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Which books are meant; equal ones are opened once.

    Args:
        settings: that name a database.
        file: SQLite file in its place.
    """

    settings: Settings
    file: Path | None = None

    def make(self) -> OpenBooks:
        """The books, not open yet."""
        store = durable_store_of(self.settings) if self.file is None else SQLStore(self.file)
        return OpenBooks(store)
