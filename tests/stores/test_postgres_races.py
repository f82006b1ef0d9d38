"""Two who change one database at the same moment, in the order that would do the most harm."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from conduit.core.budgets import Budget, Period, Scope, ScopeKind, Window
from conduit.core.clocks import ManualClock
from conduit.core.errors import LayoutMismatchError
from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.core.spending import Booking
from conduit.stores.direct import opened
from conduit.stores.purge import Wanted, purge
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore
from conduit.stores.supabase_rest import Rest
from tests.servers.postgres import Databases, until_waited_for
from tests.servers.supabase import SERVICE_KEY, SupabaseServer
from tests.stores.builders import (
    ARMS,
    LAYOUT,
    a_cost,
    a_decision,
    an_observation,
    assert_equal_statistics,
    batch,
)
from tests.stores.refitting import (
    START,
    a_source,
    assert_same,
    decided,
    load,
    observed,
    refit,
    some_evidence,
)

RATED = (ARMS[0], "quality")
REBUILT = "UPDATE meta SET layout = 'lengths', dim = 2, version = version + 1"


@pytest.fixture
def address(databases: Databases) -> str:
    """An empty database."""
    return databases.new()


@pytest.fixture
def url(address: str, supabase_server: SupabaseServer) -> str:
    """The project on it."""
    return supabase_server.project(address)


def before_learning(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Does something once, between what a change over REST reads and its writing."""
    left, call = [action], Rest.call

    async def late(rest: Rest, function: str, **parameters: Any) -> Any:
        if function == "conduit_learn" and left:
            await asyncio.to_thread(left.pop())
        return await call(rest, function, **parameters)

    monkeypatch.setattr(Rest, "call", late)


async def _absorb(store: Store, digest: str = "a") -> None:
    source = a_source(digest, ManualClock(START))
    await store.absorb({RATED: some_evidence(1)}, source=source, layout=LAYOUT)


def _rebuild(address: str) -> None:
    with psycopg.connect(address) as connection:
        connection.execute(REBUILT)


def _rows(address: str, table: str) -> list[Any]:
    with psycopg.connect(address) as connection:
        return connection.execute(f"SELECT arm, head FROM {table}").fetchall()


async def test_evidence_that_waited_for_another_encoder_is_refused(address: str) -> None:
    """A warm start that meets the swap to another layout is checked against the new one."""
    store = SQLStore(address)
    await store.open()
    await store.bind_layout(LAYOUT, some_evidence(1).dim)
    async with await psycopg.AsyncConnection.connect(address) as swap:
        await swap.execute(REBUILT)
        late = asyncio.create_task(_absorb(store))
        await until_waited_for(address)
        await swap.commit()
    with pytest.raises(LayoutMismatchError, match="lengths"):
        await late
    assert await store.sources() == ()
    assert _rows(address, "arm_state") == _rows(address, "base_state") == []
    await store.close()


async def test_evidence_over_rest_that_meets_another_encoder_is_refused(
    address: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made anew because a rebuild was first is checked against the new layout."""
    store = SupabaseStore(url, SERVICE_KEY)
    await store.open()
    before_learning(monkeypatch, lambda: _rebuild(address))
    with pytest.raises(LayoutMismatchError, match="lengths"):
        await _absorb(store)
    assert await store.sources() == ()
    assert _rows(address, "arm_state") == _rows(address, "base_state") == []
    await store.close()


async def _shift(store: Store) -> None:
    await store.shift(ARMS[0], Head.QUALITY, by=0.5)


async def _discount(store: Store) -> None:
    await store.discount(ARMS[0], Head.QUALITY, worth=2.0)


async def _absorb_more(store: Store) -> None:
    await _absorb(store, "b")


def _forget(address: str, clock: ManualClock) -> None:
    with opened(address) as database:
        assert purge(database, Wanted(user="gone"), clock=clock, actor="tester")["decisions"] == 2


@pytest.mark.parametrize("change", [_shift, _discount, _absorb_more])
@pytest.mark.parametrize("warm", [False, True])
async def test_what_a_purge_moves_to_the_base_outlives_a_change_over_rest(
    address: str,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    change: Callable[[Store], Awaitable[None]],
    warm: bool,
) -> None:
    """A change that had read the base before is made anew, and a rebuild arrives at what it left."""
    clock = ManualClock(START)
    store = SupabaseStore(url, SERVICE_KEY, clock=clock)
    await store.open()
    await store.set_half_life(math.inf)
    for number in (1, 2, 3):
        await store.add_decision(decided(number, clock, user_id="gone" if number < 3 else None))
        await store.observe([observed(number, number / 10, clock)])
    if warm:
        await _absorb(store)
    await store.fold()
    before_learning(monkeypatch, lambda: _forget(address, clock))
    await change(store)
    after = await store.load()
    await store.close()
    refit(address, clock)
    assert_same(await load(address, clock), after)


async def test_writers_at_once_lose_nothing_whatever_the_database_isolates_by_default(
    address: str,
) -> None:
    """A default of REPEATABLE READ, as an administrator may set, fails nobody who waited for a lock."""
    with psycopg.connect(address, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(
            f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'"
        )
    stores = [SQLStore(address), SQLStore(address)]
    for store in stores:
        await store.open()
    await stores[0].append([a_decision(number) for number in range(1, 21)], [])

    async def one(store: SQLStore, number: int) -> None:
        await store.observe([an_observation(number, number / 100)])
        await store.fold()
        await store.shift(ARMS[1], Head.QUALITY, by=0.1)

    await asyncio.gather(*(one(store, number) for number in range(1, 21) for store in stores))
    expected = batch([(number, number / 100, 1.0) for number in range(1, 21)])
    assert_equal_statistics((await stores[0].load()).statistics[RATED], expected)
    for store in stores:
        await store.close()


@pytest.mark.parametrize(
    ("held", "free"), [("reservations", ("reservations", "costs")), ("costs", ("costs",))]
)
async def test_forgetting_costs_and_booking_them_never_wait_crosswise(
    address: str, held: str, free: tuple[str, ...]
) -> None:
    """Reservations are locked before records and each by id, in whatever order they were made."""
    clock = ManualClock(START)
    store = SQLStore(address, clock=clock)
    await store.open()
    team = Scope(ScopeKind.TEAM, "blue")
    budget = Budget(scope=team, window=Window(Period.TOTAL), limit=1.0)
    await store.put_budget(budget, actor="tester", now=START)
    for id_ in ("2", "1"):
        paid = a_cost(id_, 0.01, at=START)
        await store.book(Booking(record=paid, scopes=(team,), now=START))
    clock.advance(10.0)
    async with await psycopg.AsyncConnection.connect(address) as booking:
        await booking.execute(f"SELECT FROM {held} WHERE id = '1' FOR UPDATE")
        late = asyncio.create_task(asyncio.to_thread(_forget_costs, address, clock))
        await until_waited_for(address)
        for table in free:
            await booking.execute(f"SELECT FROM {table} ORDER BY id FOR UPDATE NOWAIT")
        await booking.commit()
    assert await late == (2, 2)
    await store.close()


def _forget_costs(address: str, clock: ManualClock) -> tuple[int, int]:
    with opened(address) as database:
        gone = purge(database, Wanted(older_than=1.0), clock=clock, actor="tester")
    return gone["reservations"], gone["costs"]
