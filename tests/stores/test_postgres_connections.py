"""Connections to a server: as the address says, through poolers, and after they were cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from conduit.core.errors import StoreError
from conduit.stores import sql_address, sql_log
from conduit.stores.sql import SQLStore
from conduit.stores.sql_address import parse_address
from conduit.stores.sql_errors import was_cut
from conduit.stores.sql_worker import Worker
from experiments.servers.postgres import PostgresServer
from tests.servers.postgres import Databases
from tests.stores.builders import (
    ARMS,
    a_decision,
    an_execution,
    an_observation,
    assert_equal_statistics,
    batch,
)

RATED = (ARMS[0], "quality")
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def address(databases: Databases) -> str:
    """An empty database on PostgreSQL."""
    return databases.new()


@pytest.fixture
async def store(address: str) -> AsyncIterator[SQLStore]:
    """An open, empty store in it."""
    store = SQLStore(address)
    await store.open()
    yield store
    await store.close()


def _cut(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(CUT)


async def _prepared(address: str) -> int:
    """Statements that a connection has prepared once it has logged thirty decisions."""
    worker = Worker(parse_address(address))
    for number in range(30):
        decided, tried = [a_decision(number)], [an_execution(number)]
        await worker.write(
            lambda conn, decided=decided, tried=tried: sql_log.append(  # type: ignore[misc]
                conn, decided, tried, unbound=()
            ),
            lock=decided[0].id,
        )
    counted: int = await worker.read(
        lambda conn: conn.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
    )
    await worker.close()
    return counted


async def test_nothing_is_prepared_behind_a_pooler(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a pooler's port no statement is prepared; elsewhere, where it halves the work, some are."""
    assert await _prepared(databases.new()) > 0
    address = databases.new()
    monkeypatch.setattr(sql_address, "POOLER_PORTS", (make_url(address).port,))
    assert await _prepared(address) == 0


@pytest.mark.parametrize(("port", "pooled"), [(5432, False), (6543, True), (6432, True)])
def test_a_pooler_is_known_by_its_port(port: int, *, pooled: bool) -> None:
    """Supabase's transaction mode is at 6543, PgBouncer at 6432."""
    assert parse_address(f"postgresql://u:p@host:{port}/x").is_pooled is pooled


async def test_after_connections_were_cut_the_next_call_works(
    store: SQLStore, address: str
) -> None:
    """What a pool holds may be dead; nobody who calls has to know."""
    for number in range(1, 4):
        await asyncio.gather(*[store.count() for _ in range(4)])
        await asyncio.to_thread(_cut, address)
        await store.append([a_decision(number)], [an_execution(number)])
        await asyncio.to_thread(_cut, address)
        assert len(await store.observe([an_observation(number)])) == 1
    await asyncio.to_thread(_cut, address)
    assert (await store.load()).statistics[RATED].count == 3


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_store_outlives_its_server(own_postgres_server: PostgresServer, mode: str) -> None:
    """While the server is down calls are refused in one line; once it is back the next one works."""
    own_postgres_server.create("outlived")
    store = SQLStore(own_postgres_server.address("outlived"))
    await store.open()
    await store.append([a_decision(1)], [])
    await store.observe([an_observation(1, 0.25)])
    await asyncio.to_thread(own_postgres_server.stop, mode=mode)
    try:
        for refused in (store.count(), store.append([a_decision(2)], []), store.fold()):
            with pytest.raises(StoreError, match="cannot be reached; check its host and port"):
                await refused
    finally:
        await asyncio.to_thread(own_postgres_server.start)
    await store.append([a_decision(2)], [])
    await store.observe([an_observation(2, 0.75)])
    learned = (await store.load()).statistics[RATED]
    assert_equal_statistics(learned, batch([(1, 0.25, 1.0), (2, 0.75, 1.0)]))
    await store.close()
    own_postgres_server.drop("outlived")


@pytest.mark.parametrize(
    ("said", "cut"), [(psycopg.errors.AdminShutdown, True), (psycopg.errors.UniqueViolation, False)]
)
def test_what_the_server_said_counts_before_the_driver_knows(
    said: type[psycopg.Error], *, cut: bool
) -> None:
    """A connection is gone once its end was announced, though it still looks open."""
    assert was_cut(DBAPIError("SELECT 1", None, said())) is cut


async def test_a_transaction_that_broke_before_its_commit_is_done_again(address: str) -> None:
    """Once: nothing was done by the first attempt, and the caller has to know nothing."""
    worker = Worker(parse_address(address))
    cuts = iter([True, False])

    def cut_off_once(conn: Connection) -> None:
        sql_log.append(conn, [a_decision(1)], [an_execution(1)], unbound=())
        if next(cuts):
            _cut(address)
        conn.execute(text("SELECT 1"))

    await worker.write(cut_off_once, lock="")
    await worker.close()
    store = SQLStore(address)
    await store.open()
    assert await store.executions(a_decision(1).id) == (an_execution(1),)
    await store.close()


async def test_a_connection_cut_inside_a_transaction_leaves_nothing(address: str) -> None:
    """The error says so, whole groups of writes are undone, and the same may be said again."""
    worker = Worker(parse_address(address))

    def cut_off(conn: Connection) -> None:
        sql_log.append(conn, [a_decision(1)], [an_execution(1)], unbound=())
        _cut(address)
        conn.execute(text("SELECT 1"))

    with pytest.raises(StoreError, match="cut the connection before it answered; try again"):
        await worker.write(cut_off, lock="")
    await worker.close()
    store = SQLStore(address)
    await store.open()
    assert await store.executions(a_decision(1).id) == ()
    await store.append([a_decision(1)], [an_execution(1)])
    await store.close()


async def test_groups_of_writers_that_meet_crosswise_all_succeed(address: str) -> None:
    """Two stores whose groups hold the same decisions in opposite orders never fail each other."""
    one, other = SQLStore(address), SQLStore(address)
    await asyncio.gather(one.open(), other.open())
    numbers = range(1, 41)
    await one.append([a_decision(number) for number in numbers], [])
    await asyncio.gather(
        *[one.observe([an_observation(number, 0.5)]) for number in numbers],
        *[other.observe([an_observation(number, 0.5)]) for number in reversed(numbers)],
    )
    assert (await one.load()).statistics[RATED].count == len(numbers)
    await one.close()
    await other.close()


async def test_writes_that_arrive_while_one_commits_share_the_next_commit(address: str) -> None:
    """Of a hundred writes at once, far fewer transactions are made than writes."""
    worker = Worker(parse_address(address))

    def transaction(conn: Connection) -> int:
        number: int = conn.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
        return number

    numbers = await asyncio.gather(*[worker.write(transaction, lock="") for _ in range(100)])
    assert len(set(numbers)) <= 10
    await worker.close()
