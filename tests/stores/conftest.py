"""The stores under test; another database joins the contract by one more entry of ``makers``."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path

import pytest

from conduit.core.ports import Clock, Store
from conduit.stores.memory import MemoryStore
from conduit.stores.migrate import up
from conduit.stores.sql import SQLStore
from tests.servers.postgres import Databases


class Memory:
    """Memory outlives ``close``, so opening again is the same object."""

    def __init__(self, _folder: Path) -> None:
        self._store: Store | None = None

    def connect(self, clock: Clock | None = None) -> Store:
        self._store = self._store or MemoryStore(clock=clock)
        return self._store


@cache
def _template() -> bytes:
    """An empty database, migrated once: migrating takes a hundred times longer than copying."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        up(file)
        return file.read_bytes()


def new_database(path: Path) -> Path:
    """Makes an empty database at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_template())
    return path


class SQLite:
    """A file; each connection is a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = new_database(folder / "conduit.db")

    def connect(self, clock: Clock | None = None) -> Store:
        return SQLStore(self.path, clock=clock)


class PostgreSQL:
    """A database of a server; each connection is a store of its own."""

    def __init__(self, address: str) -> None:
        self.path = address

    def connect(self, clock: Clock | None = None) -> Store:
        return SQLStore(self.path, clock=clock)


Backend = Memory | SQLite | PostgreSQL
Maker = Callable[[Path], Backend]
DATABASES = ("sqlite", "postgres")
BACKENDS = ("memory", *DATABASES)


@pytest.fixture
def makers(databases: Databases) -> dict[str, Maker]:
    """What makes an empty place to keep things, of every kind."""
    return {
        "memory": Memory,
        "sqlite": SQLite,
        "postgres": lambda _folder: PostgreSQL(databases.emptied()),
    }


@pytest.fixture(params=BACKENDS)
def new_backend(request: pytest.FixtureRequest, makers: dict[str, Maker]) -> Maker:
    """Makes an empty place to keep things."""
    return makers[request.param]


@pytest.fixture
def backend(new_backend: Maker, tmp_path: Path) -> Backend:
    """An empty place to keep things."""
    return new_backend(tmp_path)


@pytest.fixture(params=DATABASES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database of every kind."""
    if request.param == "sqlite":
        return str(new_database(tmp_path / "conduit.db"))
    made: Databases = request.getfixturevalue("databases")
    return made.new()


@pytest.fixture(params=DATABASES)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a place of every kind where nothing was migrated yet."""
    if request.param == "sqlite":
        return str(tmp_path / "conduit.db")
    made: Databases = request.getfixturevalue("databases")
    return made.bare()


@pytest.fixture
async def sql(where: str) -> AsyncIterator[SQLStore]:
    """An open, empty store in a database of every kind."""
    store = SQLStore(where)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[Store]:
    """An open, empty store of every kind."""
    store = backend.connect()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty SQLite database."""
    return new_database(tmp_path / "conduit.db")


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SQLStore]:
    """An open, empty SQLite store."""
    store = SQLStore(path)
    await store.open()
    yield store
    await store.close()
