"""What every cache promises, in memory, on Redis, and behind a guard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from conduit.cache.guard import Guard, GuardedCache
from conduit.cache.memory import MemoryCache
from conduit.cache.redis import RedisCache, RedisServer
from conduit.core.caching import Cache, CacheStatistics

CACHES: dict[str, Callable[[RedisServer], Cache]] = {
    "memory": lambda _: MemoryCache(),
    "redis": RedisCache,
    "guarded redis": lambda server: GuardedCache(RedisCache(server), Guard()),
}


@pytest.fixture(params=CACHES)
def cache(request: pytest.FixtureRequest, server: RedisServer) -> Cache:
    """A cache of every kind."""
    return CACHES[request.param](server)


async def test_what_was_put_is_got(cache: Cache, unique: str) -> None:
    """Any bytes come back as they were, the empty ones too."""
    for value in (b"", b"\x00\xff\r\n", bytes(10_000)):
        await cache.put(unique, value, ttl=60)
        assert await cache.get(unique) == value


async def test_what_was_never_put_is_missing(cache: Cache, unique: str) -> None:
    """A key that nobody used has no value."""
    assert await cache.get(unique) is None


async def test_what_was_dropped_is_missing(cache: Cache, unique: str) -> None:
    """Dropping twice is dropping once."""
    await cache.put(unique, b"value", ttl=60)
    await cache.drop(unique)
    await cache.drop(unique)
    assert await cache.get(unique) is None


async def test_the_last_value_counts(cache: Cache, unique: str) -> None:
    """A key that is put again has the new value."""
    await cache.put(unique, b"old", ttl=60)
    await cache.put(unique, b"new", ttl=60)
    assert await cache.get(unique) == b"new"


async def test_hits_and_misses_are_counted(cache: Cache, unique: str) -> None:
    """Every question is one of the two."""
    await cache.get(unique)
    await cache.put(unique, b"value", ttl=60)
    await cache.get(unique)
    await cache.get(unique)
    assert cache.statistics == CacheStatistics(hits=2, misses=1)
    assert cache.statistics.hit_rate == pytest.approx(2 / 3)


async def test_closing_twice_is_closing_once(cache: Cache) -> None:
    """A cache may be closed by each of its owners."""
    await cache.close()
    await cache.close()


async def test_a_value_lasts_as_long_as_it_was_given(server: RedisServer, unique: str) -> None:
    """Redis is told the time to live in milliseconds."""
    await RedisCache(server).put(unique, b"value", ttl=24 * 3600)
    left = await server.client.pttl(unique)
    assert 24 * 3600_000 - 10_000 < left <= 24 * 3600_000


async def test_a_question_is_given_up_though_the_client_loses_the_cancellation(
    server: RedisServer,
) -> None:
    """As it does where the cancellation comes with the answer; a loop that ends asks but once."""

    async def answered(_: object) -> int:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return 1

    asking = asyncio.create_task(server.ask(answered))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_who_was_cancelled_may_still_ask(server: RedisServer) -> None:
    """What a task does to tidy up is not given up once more."""

    async def tidied() -> bool | None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return await server.ask(lambda redis: redis.ping())
        return None

    tidying = asyncio.create_task(tidied())
    await asyncio.sleep(0)
    tidying.cancel()
    assert await tidying is True


async def test_a_cancelled_question_is_not_answered_to_the_next(
    server: RedisServer, unique: str
) -> None:
    """At whatever step a question is given up, its answer never reaches who asks after it."""
    cache = RedisCache(server)
    for i in range(20):
        await cache.put(f"{unique}{i}", b"%d" % i, ttl=60)
    for steps in range(19):
        given_up = asyncio.create_task(cache.get(f"{unique}{steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
        assert await cache.get(f"{unique}{steps + 1}") == b"%d" % (steps + 1)
