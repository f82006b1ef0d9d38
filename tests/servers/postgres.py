"""A PostgreSQL server for the tests of this process, and an empty database for each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, delete, make_url, update

from conduit.stores import migrate
from conduit.stores.sql_schema import meta, metadata
from experiments.servers.postgres import Postgres, PostgresServer, postgres
from tests.servers.supabase import SupabaseServer, make_roles

KEPT = 4
"""Databases that a test may use side by side; a fifth takes the place of the first."""


WAITING = """SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


async def until_waited_for(address: str) -> None:
    """Returns once somebody waits for a lock in a database."""
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        while await (await connection.execute(WAITING)).fetchone() is None:
            await connection.execute("SELECT pg_sleep(0.005)")


class Databases:
    """Makes databases: a copy of a migrated one takes a fifth of the time of migrating."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._prefix = f"conduit_{uuid4().hex[:12]}"
        self._made: deque[str] = deque()
        self._standing: Engine | None = None
        self._template = self._name("template")
        migrate.up(server.create(self._template))

    def new(self) -> str:
        """Address of a database that is migrated and otherwise empty."""
        return self._server.create(self._next(), template=self._template)

    def emptied(self) -> str:
        """Address of one that is always the same, emptied: for tests that use tables as they are."""
        if self._standing is None:
            address = self._server.create(self._name("standing"), template=self._template)
            url = make_url(address).set(drivername="postgresql+psycopg")
            # A store that a failed test left open must not hold the next one up.
            patience = {"options": "-c lock_timeout=5s"}
            self._standing = create_engine(url, connect_args=patience, pool_pre_ping=True)
        with self._standing.begin() as conn:
            for table in reversed(metadata.sorted_tables):
                if table is not meta:
                    conn.execute(delete(table))
            nothing = {column.name: None for column in meta.c if column.nullable}
            conn.execute(update(meta).values(version=0, **nothing))
        return self._server.address(self._name("standing"))

    def bare(self) -> str:
        """Address of a database with nothing in it."""
        return self._server.create(self._next())

    def disconnect(self) -> None:
        """Let go of the connection to the one that is emptied."""
        if self._standing is not None:
            self._standing.dispose()

    def close(self) -> None:
        """Drop what is left."""
        for name in (*self._made, self._name("standing"), self._template):
            self._server.drop(name)

    def _next(self) -> str:
        if len(self._made) == KEPT:
            self._server.drop(self._made.popleft())
        self._made.append(self._name(uuid4().hex[:12]))
        return self._made[-1]

    def _name(self, what: str) -> str:
        return f"{self._prefix}_{what}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The server that the environment names, or one of our own."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def own_postgres_server(postgres_server: Postgres) -> Iterator[PostgresServer]:
    """A server that a test may stop and start."""
    if isinstance(postgres_server, PostgresServer):
        yield postgres_server
        return
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def databases(postgres_server: Postgres) -> Iterator[Databases]:
    """Makes databases on the server, where the roles of a Supabase project are."""
    make_roles(postgres_server)
    made = Databases(postgres_server)
    yield made
    made.disconnect()
    if not isinstance(postgres_server, PostgresServer):  # ours goes as a whole
        made.close()


@pytest.fixture(scope="session")
def supabase_server(postgres_server: Postgres) -> Iterator[SupabaseServer]:
    """Supabase projects, each on a database of the server."""
    server = SupabaseServer(postgres_server)
    yield server
    server.close()
