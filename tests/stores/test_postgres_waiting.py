"""A server that is there and does not answer: requests wait for it so long, maintenance for ever."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import Connection, make_url, text

from conduit.cli.stores import store_of
from conduit.core.errors import StoreError
from conduit.settings import Settings
from conduit.stores import sql_address
from conduit.stores.direct import opened
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_dialect import lock_for_migration
from conduit.stores.sql_worker import Worker
from experiments.servers.postgres import PostgresServer
from tests.servers.postgres import Databases
from tests.stores.builders import a_decision, an_observation

BOUND = text("SHOW statement_timeout")


@pytest.fixture
def address(databases: Databases) -> str:
    """An empty database on PostgreSQL."""
    return databases.new()


@contextmanager
def _held(address: str, table: str) -> Iterator[None]:
    """Somebody else's transaction holds a table."""
    with psycopg.connect(address) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


async def _bounds(address: str, seconds: float | None = 0.3) -> tuple[str, str]:
    """How long a statement may take that reads, and one that writes."""

    def shown(conn: Connection) -> str:
        return str(conn.scalar(BOUND))

    worker = Worker(parse_address(address), timeout=seconds)
    bounds = await worker.read(shown), await worker.write(shown, lock="")
    await worker.close()
    return bounds


@pytest.mark.parametrize("pooled", [False, True])
async def test_a_held_table_is_waited_for_so_long(
    address: str, monkeypatch: pytest.MonkeyPatch, *, pooled: bool
) -> None:
    """Reads and writes fail in one line then, nothing is done, and both go on once it is free."""
    if pooled:
        monkeypatch.setattr(sql_address, "POOLER_PORTS", (make_url(address).port,))
    store = SQLStore(address, timeout=0.3)
    await store.open()
    await store.append([a_decision(1)], [])
    with _held(address, "observations"):
        for refused in (store.count(), store.observe([an_observation(1)])):
            with pytest.raises(StoreError, match=r"did not answer in time.*: nothing counts twice"):
                await refused
    assert await store.count() == 0
    assert len(await store.observe([an_observation(1)])) == 1
    await store.close()


async def test_who_waits_in_a_group_does_not_wait_for_the_others_too(address: str) -> None:
    """Where writes that share a commit waited too long, they are not made one by one, each as long."""
    worker = Worker(parse_address(address), timeout=0.3)
    made: list[int] = []

    def write(conn: Connection, items: object) -> list[None]:
        made.append(len(list(items)))  # type: ignore[call-overload]
        conn.execute(text("LOCK TABLE observations"))
        return [None] * made[-1]

    with _held(address, "observations"):
        calls = [worker.share(write, number, lock="") for number in range(20)]
        failed = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, StoreError) for error in failed)
    assert sum(made) == 20
    await worker.close()


async def test_a_server_that_says_nothing_is_given_up_too(
    own_postgres_server: PostgresServer,
) -> None:
    """A process that was stopped does not give a statement up; its connection is, and others serve."""
    own_postgres_server.create("stopped")
    worker = Worker(parse_address(own_postgres_server.address("stopped")), timeout=0.3)

    def stopped(conn: Connection) -> None:
        process = conn.scalar(text("SELECT pg_backend_pid()"))
        os.kill(process, signal.SIGSTOP)
        try:
            conn.execute(text("SELECT 1"))
        finally:
            os.kill(process, signal.SIGCONT)

    for _ in range(2):
        with pytest.raises(StoreError, match="did not answer in time"):
            await worker.write(stopped)
    assert await worker.write(lambda conn: conn.scalar(text("SELECT 1"))) == 1
    await worker.close()
    own_postgres_server.drop("stopped")


async def test_without_a_word_it_is_half_a_minute(address: str) -> None:
    """The default bounds what a request waits for."""
    assert await _bounds(address, None) == ("30s", "30s")


async def test_what_others_have_bounded_stays(address: str) -> None:
    """An address with options of its own keeps them, and so does a database or a role."""
    assert await _bounds(f"{address}?options={quote('-c statement_timeout=7s')}") == ("7s", "7s")
    assert await _bounds(f"{address}?options={quote('-c work_mem=1MB')}") == ("0", "0")
    name = make_url(address).database
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET statement_timeout = 8000')
    assert await _bounds(address) == ("8s", "8s")
    worker = Worker(parse_address(address), timeout=0.1)
    slow = text("SELECT pg_sleep(0.4)")  # longer than our own bound, twice and more
    await worker.write(lambda conn: conn.execute(slow).close())
    await worker.close()


async def test_maintenance_takes_as_long_as_it_takes(address: str) -> None:
    """Neither a command that looks after a database nor a migration is cut, whoever begins it."""
    with opened(address) as database, database.read() as conn:
        assert conn.scalar(BOUND) == "0"

    def bound_of_a_migration(conn: Connection) -> str:
        lock_for_migration(conn)
        conn.execute(text("SELECT pg_sleep(0.7)"))  # longer than the server and we would wait
        return str(conn.scalar(BOUND))

    worker = Worker(parse_address(address), timeout=0.3)
    assert await worker.write(bound_of_a_migration) == "0"
    assert await worker.read(lambda conn: conn.scalar(BOUND)) == "300ms"
    await worker.close()


def test_the_setting_is_the_stores(address: str) -> None:
    """CONDUIT_DATABASE_TIMEOUT holds for the database that is set and for one that is named."""
    settings = Settings.load({"CONDUIT_DATABASE_TIMEOUT": "0.4", "DATABASE_URL": address})
    for named in (None, address):
        store = store_of(settings, named)

        async def refused(store: SQLStore) -> None:
            await store.open()
            with _held(address, "observations"), pytest.raises(StoreError, match="in time"):
                await store.count()
            await store.close()

        assert isinstance(store, SQLStore)
        asyncio.run(refused(store))
