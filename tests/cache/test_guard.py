"""A guarded cache: what goes wrong behind it costs a few short waits."""

from __future__ import annotations

import asyncio
import logging

import numpy as np
import pytest

from conduit.cache.guard import AT_ONCE, Guard, GuardedCache, GuardedRecent
from conduit.cache.memory import MemoryCache
from conduit.cache.recent import MemoryRecent
from conduit.core.caching import Asked
from conduit.core.clocks import ManualClock
from conduit.core.errors import CacheError


class Away(MemoryCache):
    """A cache that fails while it is away, counts its calls, and may be held."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.away = 0, True
        self.held: asyncio.Event | None = None

    async def get(self, key: str) -> bytes | None:
        self.calls += 1
        if self.held is not None:
            await self.held.wait()
        if self.away:
            raise CacheError("nobody answers")
        return await super().get(key)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def away() -> Away:
    return Away()


@pytest.fixture
def cache(away: Away, clock: ManualClock) -> GuardedCache:
    return GuardedCache(away, Guard(clock=clock))


async def test_a_cache_that_is_away_is_asked_five_times(cache: GuardedCache, away: Away) -> None:
    """Every question is a miss, and after the fifth nobody asks any more."""
    assert [await cache.get("key") for _ in range(50)] == [None] * 50
    assert away.calls == 5
    assert (cache.statistics.misses, cache.statistics.errors) == (50, 5)


async def test_after_five_minutes_one_question_tries(
    cache: GuardedCache, away: Away, clock: ManualClock
) -> None:
    """While it fails, that is one call in each five minutes; once it succeeds, all go through."""
    for _ in range(10):
        await cache.get("key")
    for _ in range(3):
        clock.advance(300.0)
        for _ in range(10):
            await cache.get("key")
    assert away.calls == 5 + 3
    away.away = False
    clock.advance(300.0)
    await cache.put("key", b"value", ttl=1e6)
    assert await cache.get("key") == b"value"


async def test_a_crowd_waits_for_the_first_failures_only(cache: GuardedCache, away: Away) -> None:
    """Of a thousand questions at once only those that found a turn are asked."""
    away.held = asyncio.Event()
    crowd = [asyncio.create_task(cache.get("key")) for _ in range(1000)]
    await asyncio.sleep(0)
    assert away.calls == AT_ONCE
    away.held.set()
    assert await asyncio.gather(*crowd) == [None] * 1000
    assert away.calls == AT_ONCE


async def test_a_cancelled_trial_leaves_room_for_the_next(
    cache: GuardedCache, away: Away, clock: ManualClock
) -> None:
    """A request that is given up while it tries does not shut the cache off for ever."""
    for _ in range(5):
        await cache.get("key")
    clock.advance(300.0)
    away.held = asyncio.Event()
    trial = asyncio.create_task(cache.get("key"))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.wait([trial])
    away.held, away.away = None, False
    calls = away.calls
    await cache.get("key")
    assert away.calls == calls + 1


async def test_what_fails_is_said_once_and_so_is_its_end(
    cache: GuardedCache, away: Away, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The first failure, the breaker's opening and the recovery: three lines, however many calls."""
    caplog.set_level(logging.INFO, logger="conduit.cache")
    for _ in range(20):
        await cache.get("key")
    clock.advance(300.0)
    away.away = False
    for _ in range(20):
        await cache.get("key")
    assert [record.getMessage() for record in caplog.records] == [
        "nobody answers",
        "5 failures of the cache server in a row: working without it, next try in 300 s",
        "the cache server answers again",
    ]


async def test_a_bug_is_not_taken_for_an_outage(clock: ManualClock) -> None:
    """Only a CacheError says that a server is away."""
    guard = Guard(clock=clock)

    async def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await guard.run(fail, otherwise=None)
    assert not guard.breaker.failures


class Absent(MemoryRecent):
    """A shared memory that nobody can reach."""

    async def exchange(self, user_id: str, asked: Asked) -> tuple[Asked, ...]:
        raise CacheError("nobody answers")


async def test_without_the_shared_memory_a_process_knows_its_own_queries(
    clock: ManualClock,
) -> None:
    """What it was asked before the server went, too."""
    recent = GuardedRecent(Absent(), own=MemoryRecent(), guard=Guard(clock=clock))
    queries = [
        Asked(decision_id=str(i), arm="m", at=float(i), direction=np.ones(1, np.float32))
        for i in range(8)
    ]
    answers = [await recent.exchange("ann", query) for query in queries]
    assert answers == [tuple(queries[:i]) for i in range(8)]
