"""What is special about coming over REST: exact numbers, one call one transaction, company."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest

from conduit.core.clocks import ManualClock
from conduit.core.errors import StoreError
from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.core.statistics import Source
from conduit.stores import supabase_learning, supabase_log
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from conduit.stores.supabase import SupabaseStore
from conduit.stores.supabase_rest import Rest
from tests.servers.postgres import Databases
from tests.servers.supabase import SERVICE_KEY, SupabaseServer
from tests.stores.builders import (
    ARMS,
    LAYOUT,
    a_decision,
    an_execution,
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
ODD = (1 / 3, 0.1, -0.0, 5e-324, 1.0000000000000002e150, 2.0, -1e-17)


@pytest.fixture
def address(databases: Databases) -> str:
    """An empty database."""
    return databases.new()


@pytest.fixture
def url(address: str, supabase_server: SupabaseServer) -> str:
    """The project on it."""
    return supabase_server.project(address)


async def _opened(url: str) -> SupabaseStore:
    store = SupabaseStore(url, SERVICE_KEY)
    await store.open()
    return store


@pytest.mark.parametrize("value", ODD)
async def test_every_number_survives_to_the_last_bit(url: str, value: float) -> None:
    """Figures pass through JSON there and back as the same float64."""
    store = await _opened(url)
    await store.append(
        [replace(a_decision(), confidence=value)], [an_execution(cost=value, latency=value)]
    )
    await store.observe([an_observation(value=value)])
    assert (await store.decision(a_decision().id)).confidence == value
    (execution,) = await store.executions(a_decision().id)
    assert (execution.cost, execution.latency) == (value, value)
    (logged,) = [logged async for logged in store.log()]
    assert logged.observations == (an_observation(value=value),)
    await store.close()


async def test_sums_are_those_of_a_direct_connection_bit_for_bit(address: str, url: str) -> None:
    """What one store learned over REST, another reads from the same tables, and the reverse."""
    rest, direct = await _opened(url), SQLStore(address)
    await direct.open()
    for number in range(1, 8):
        store = (rest, direct)[number % 2]
        await store.add_decision(a_decision(number))
        await store.observe([an_observation(number, number / 7)])
        await (direct, rest)[number % 2].fold()
    await rest.set_half_life(math.inf)
    one, other = await rest.load(), await direct.load()
    assert (one.version, one.forgetting) == (other.version, other.forgetting)
    a, b = one.statistics[RATED], other.statistics[RATED]
    np.testing.assert_array_equal(a.A, b.A)
    np.testing.assert_array_equal(a.b, b.b)
    assert (a.yy, a.weight, a.count, a.landmark) == (b.yy, b.weight, b.count, b.landmark)
    await asyncio.gather(rest.close(), direct.close())


async def test_many_writers_and_folders_count_everything_once(address: str, url: str) -> None:
    """Stores over REST and over a connection observe, correct and fold at once; nothing is lost."""
    stores = [await _opened(url), await _opened(url), SQLStore(address)]
    await stores[2].open()
    for number in range(1, 13):
        await stores[0].add_decision(a_decision(number))

    async def work(store: SupabaseStore | SQLStore, value: float) -> int:
        folded = 0
        for number in range(1, 13):
            await store.observe([an_observation(number, value)])
            folded += (await store.fold(wait=bool(number % 2))).count
        return folded

    done = await asyncio.gather(*(work(store, k / 4) for k, store in enumerate(stores)))
    done.append((await stores[0].fold()).count)
    kept = [it async for it in stores[2].log()]
    rows = [(int(it.decision.id, 16), it.rating.value, 1.0) for it in kept if it.rating]
    assert len(rows) == 12
    assert sum(done) >= 12
    assert_equal_statistics((await stores[1].load()).statistics[RATED], batch(rows))
    await asyncio.gather(*(store.close() for store in stores))


async def test_changes_of_learned_state_at_once_all_take_place(address: str, url: str) -> None:
    """Shifts, evidence and folds that race are made anew until each has been done once."""
    stores = [await _opened(url) for _ in range(3)]
    await stores[0].add_decision(replace(a_decision(), features=_with_bias()))
    await stores[0].observe([an_observation(value=0.5)])
    source = Source(digest="ab", name="val", n_eff=1.0, prompts=1, absorbed_at=1.5e9)
    answers = await asyncio.gather(
        *(store.shift(ARMS[0], Head.QUALITY, by=0.25) for store in stores for _ in range(2)),
        *(
            store.absorb(
                {(ARMS[1], "quality"): batch([(7, 0.3, 1.0)])}, source=source, layout=LAYOUT
            )
            for store in stores
        ),
    )
    assert answers[6:].count(None) == 1
    state = await stores[0].load()
    assert state.statistics[RATED].b[0] == pytest.approx(0.5 + 6 * 0.25)
    assert_equal_statistics(state.statistics[ARMS[1], "quality"], batch([(7, 0.3, 1.0)]))
    await asyncio.gather(*(store.close() for store in stores))


def _with_bias() -> object:
    features = a_decision().features
    return replace(features, context=np.array([1, 0, 0, 0], np.float32))


async def test_a_race_that_never_ends_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who is always first makes an error, no endless loop, and nothing is lost."""
    store = await _opened(url)
    await store.add_decision(a_decision())
    await store.observe([an_observation()])

    async def late(*_: object, **__: object) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(supabase_learning, "learn", late)
        version = (await store.pulse()).state
        assert (await store.fold(wait=False)).after == version
        with pytest.raises(StoreError, match="being changed by others all the time; try again"):
            await store.fold()
        with pytest.raises(StoreError, match="all the time"):
            await store.set_half_life(60.0)
    assert (await store.fold()).count == 1
    await store.close()


async def test_more_is_pending_than_one_call_takes(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folding goes on until nothing is left, and adds up to what was observed."""
    monkeypatch.setattr(supabase_learning, "CHUNK", 3)
    monkeypatch.setattr(supabase_log, "PAGE", 3)
    store = await _opened(url)
    await store.append([a_decision(number) for number in range(1, 9)], [])
    await store.observe([an_observation(number, number / 8) for number in range(1, 9)])
    done = await store.fold()
    assert (done.count, done.after - done.before) == (8, 3)
    assert_equal_statistics(
        (await store.load()).statistics[RATED], batch([(n, n / 8, 1.0) for n in range(1, 9)])
    )
    assert len([logged async for logged in store.log()]) == 8
    await store.close()


async def test_nothing_is_folded_while_a_rebuild_keeps_the_state(address: str, url: str) -> None:
    """A lease stops folds and another half-life until it ends; observations are kept."""
    store, direct = await _opened(url), SQLStore(address)
    await direct.open()
    await store.add_decision(a_decision())
    await store.observe([an_observation()])
    lease = "UPDATE meta SET lease = 'x', lease_ends = "
    await direct._worker.write(lambda conn: conn.exec_driver_sql(lease + "'Infinity'"))
    assert (await store.fold()).count == 0
    with pytest.raises(StoreError, match="is being rebuilt by 'conduit db refit'; wait"):
        await store.set_half_life(60.0)
    await direct._worker.write(lambda conn: conn.exec_driver_sql(lease + "1"))
    assert (await store.fold()).count == 1
    await asyncio.gather(store.close(), direct.close())


@pytest.mark.parametrize(
    ("function", "given"),
    [
        ("conduit_count", {"most": 1}),
        ("conduit_edits", {}),
        ("conduit_edits", {"most": 1, "other": 2}),
        ("conduit_nothing", {}),
    ],
)
async def test_what_a_function_does_not_declare_is_refused(
    url: str, function: str, given: dict[str, int]
) -> None:
    """The tests' server is no kinder than PostgREST: a parameter too many or too few is an error."""
    rest = Rest(url, SERVICE_KEY)
    await rest.connect()
    with pytest.raises(StoreError, match="lacks functions of this version"):
        await rest.call(function, **given)
    await rest.close()


async def test_what_happened_over_rest_is_what_memory_and_a_rebuild_make_of_it(
    address: str, url: str
) -> None:
    """Corrections before and after shifts, discounts and evidence end alike, folded or refitted."""
    clock = ManualClock(START)
    stores: list[Store] = [
        MemoryStore(clock=clock),
        SupabaseStore(url, SERVICE_KEY, clock=clock),
    ]
    for store in stores:
        await store.open()
        await store.set_half_life(500.0)
        for number in (1, 2, 3):
            await store.add_decision(decided(number, clock))
            await store.observe([observed(number, number / 4, clock)])
        await store.shift(ARMS[0], Head.QUALITY, by=0.5)
        await store.observe([observed(1, 0.9, clock), observed(2, 0.1, clock)])
        await store.discount(ARMS[0], Head.QUALITY, worth=2.0)
        evidence = {RATED: some_evidence(5)}
        await store.absorb(evidence, source=a_source("a", clock), layout=LAYOUT)
        await store.observe([observed(3, 0.3, clock)])
        await store.shift(ARMS[0], Head.QUALITY, by=-0.25)
    memory, rest = [await store.load() for store in stores]
    assert_same(rest, memory)
    for store in stores:
        await store.close()
    refit(address, clock)
    assert_same(await load(address, clock), memory)
