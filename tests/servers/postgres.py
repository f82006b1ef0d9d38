"""A PostgreSQL server for the tests of this process, and an empty database for each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from uuid import uuid4

import pytest

from conduit.stores import migrate
from experiments.servers.postgres import Postgres, PostgresServer, postgres
from tests.servers.supabase import SupabaseServer, make_roles

KEPT = 4
"""Databases that a test may use side by side; a fifth takes the place of the first."""


class Databases:
    """Makes databases: a copy of a migrated one takes a fifth of the time of migrating."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._prefix = f"conduit_{uuid4().hex[:12]}"
        self._made: deque[str] = deque()
        self._template = self._name("template")
        migrate.up(server.create(self._template))

    def new(self) -> str:
        """Address of a database that is migrated and otherwise empty."""
        return self._server.create(self._next(), template=self._template)

    def bare(self) -> str:
        """Address of a database with nothing in it."""
        return self._server.create(self._next())

    def close(self) -> None:
        """Drop what is left."""
        for name in (*self._made, self._template):
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
    if not isinstance(postgres_server, PostgresServer):  # ours goes as a whole
        made.close()


@pytest.fixture(scope="session")
def supabase_server(postgres_server: Postgres) -> Iterator[SupabaseServer]:
    """Supabase projects, each on a database of the server."""
    server = SupabaseServer(postgres_server)
    yield server
    server.close()
