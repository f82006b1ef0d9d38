"""What every bell promises, within a process and over Redis."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from conduit.cache.bell import MemoryBell
from conduit.cache.guard import Guard
from conduit.cache.redis import RedisServer
from conduit.cache.redis_bell import CHANNEL, RedisBell
from conduit.core.caching import Bell
from experiments.servers.redis import Redis
from experiments.servers.redis import RedisServer as OwnServer

from .hearing import SECONDS, heard


@asynccontextmanager
async def redis_bells(url: str) -> AsyncIterator[tuple[Bell, ...]]:
    """Bells of three processes."""
    servers = [RedisServer(url, shown="redis") for _ in range(3)]
    bells = tuple(RedisBell(server, guard=Guard()) for server in servers)
    try:
        yield bells
    finally:
        for bell, server in zip(bells, servers, strict=True):
            await bell.close()
            await server.close()


@asynccontextmanager
async def memory_bells(_url: str) -> AsyncIterator[tuple[Bell, ...]]:
    """Bells on one rope."""
    first = MemoryBell()
    yield first, first.peer(), first.peer()


BELLS: dict[str, Callable[[str], AbstractAsyncContextManager[tuple[Bell, ...]]]] = {
    "memory": memory_bells,
    "redis": redis_bells,
}


@pytest.fixture(params=BELLS)
async def bells(
    request: pytest.FixtureRequest, redis_server: Redis
) -> AsyncIterator[tuple[Bell, ...]]:
    """Three processes' bells."""
    async with BELLS[request.param](redis_server.url) as three:
        yield three


async def test_a_ring_is_heard_by_all_others(bells: tuple[Bell, ...], unique: str) -> None:
    """By every listener of every other bell."""
    first, second, third = bells
    for topics in (second.listen(), second.listen(), third.listen()):
        await heard(topics, first, f"prices: {unique}")


async def test_ones_own_rings_are_not_heard(bells: tuple[Bell, ...], unique: str) -> None:
    """What was rung by oneself does not arrive before what others ring afterwards."""
    first, second, _ = bells
    topics = first.listen()
    await heard(topics, second, f"{unique} ready")
    await first.ring(f"{unique} own")
    await second.ring(f"{unique} theirs")
    async with asyncio.timeout(SECONDS):
        while (topic := await anext(topics)) == f"{unique} ready":
            pass
    assert topic == f"{unique} theirs"


async def test_who_is_slow_hears_a_topic_once(bells: tuple[Bell, ...], unique: str) -> None:
    """However often it was rung meanwhile, in the order of the first ring."""
    first, second, _ = bells
    topics = second.listen()
    await heard(topics, first, f"{unique} ready")
    for topic in ("a", "b", "a", "a", "b", "end"):
        await first.ring(topic)
    other = second.listen()
    await heard(other, first, f"{unique} done")
    async with asyncio.timeout(SECONDS):
        said = [await anext(topics) for _ in range(4)]
    assert [topic for topic in said if topic != f"{unique} ready"][:3] == ["a", "b", "end"]


async def test_closing_ends_the_listening(bells: tuple[Bell, ...]) -> None:
    """An iteration that waits ends without an error; closing again changes nothing."""
    bell = bells[0]
    topics = bell.listen()

    async def listen() -> list[str]:
        return [topic async for topic in topics]

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await bell.close()
    await bell.close()
    async with asyncio.timeout(SECONDS):
        assert await listening == []


async def test_a_bell_listens_again_when_its_server_is_back(own_redis_server: OwnServer) -> None:
    """A restart costs the rings of the meantime, and nothing else."""
    async with redis_bells(own_redis_server.url) as (first, second, _):
        topics = second.listen()
        await heard(topics, first, "before")
        own_redis_server.restart()
        await heard(topics, first, "after")


async def test_a_bell_without_a_server_is_silent(nobody: str) -> None:
    """Ringing is no error, listening waits, and closing ends it."""
    async with redis_bells(nobody) as (bell, *_):
        topics = bell.listen()
        await bell.ring("topic")
        await bell.close()
        assert [topic async for topic in topics] == []


async def test_a_connection_that_breaks_meanwhile_does_not_hold_up_the_closing(
    redis_server: Redis, unique: str
) -> None:
    """The client may swallow a cancellation at that moment; the bell ends all the same."""
    server = RedisServer(redis_server.url, shown="redis")
    bell = RedisBell(server, guard=Guard())
    async with redis_bells(redis_server.url) as (other, *_):
        await heard(bell.listen(), other, unique)
        await server.close()
        await server.close()  # while the listener is about to find out
        async with asyncio.timeout(SECONDS):
            await bell.close()
    await server.close()


def test_a_loop_that_ends_at_any_moment_ends_the_listening(redis_server: Redis) -> None:
    """It cancels once, which the client may swallow; the program must end all the same."""
    server = RedisServer(redis_server.url, shown="redis")

    async def listening(steps: int) -> None:
        RedisBell(server, guard=Guard()).listen()
        for _ in range(steps):
            await asyncio.sleep(0)

    def one_loop_after_another() -> None:
        for steps in range(40):
            asyncio.run(listening(steps))

    thread = threading.Thread(target=one_loop_after_another, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_a_loop_that_was_dropped_holds_up_no_bell(redis_server: Redis, unique: str) -> None:
    """What listened in it is not waited for: the next loop listens anew, and closes."""
    server = RedisServer(redis_server.url, shown="redis")
    bell = RedisBell(server, guard=Guard())
    loops = [asyncio.new_event_loop() for _ in range(2)]

    async def listen() -> None:
        topics = bell.listen()
        async with redis_bells(redis_server.url) as (other, *_):
            await heard(topics, other, unique)

    async def close() -> None:
        async with asyncio.timeout(SECONDS):
            await bell.close()
        await server.close()

    for loop in loops:
        loop.run_until_complete(listen())
    asyncio.run(close())
    for loop in loops:
        (listening,) = asyncio.all_tasks(loop)
        listening.cancel()
        loop.run_until_complete(asyncio.wait([listening]))
        loop.run_until_complete(server.close())
        loop.close()


async def test_what_others_say_on_the_channel_does_no_harm(
    server: RedisServer, redis_server: Redis, unique: str
) -> None:
    """Bytes that no bell rang are a topic at most."""
    async with redis_bells(redis_server.url) as (first, second, _):
        topics = second.listen()
        await heard(topics, first, "ready")
        await server.client.publish(CHANNEL, b"\xff\xfe rubbish")
        await heard(topics, first, unique)
