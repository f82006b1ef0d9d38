"""What every memory of recent queries promises, in this process and on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from conduit.cache.entries import CorruptEntryError
from conduit.cache.guard import Guard, GuardedRecent
from conduit.cache.recent import MemoryRecent, pack_asked, unpack_asked
from conduit.cache.redis import RedisServer
from conduit.cache.redis_recent import RedisRecent
from conduit.core.caching import Asked, RecentQueries

NOW = 1_790_000_000.0


def asked(name: str, *, at: float = NOW) -> Asked:
    """A query that is told apart by its decision."""
    rng = np.random.default_rng(sum(name.encode()))
    direction = rng.standard_normal(5).astype(np.float32)
    return Asked(decision_id=name, arm=f"arm of {name}", at=at, direction=direction)


def names(queries: tuple[Asked, ...]) -> list[str]:
    return [query.decision_id for query in queries]


MEMORIES: dict[str, Callable[[RedisServer], RecentQueries]] = {
    "memory": lambda _: MemoryRecent(),
    "redis": RedisRecent,
    "guarded redis": lambda server: GuardedRecent(
        RedisRecent(server), own=MemoryRecent(), guard=Guard()
    ),
}


@pytest.fixture(params=MEMORIES)
def recent(request: pytest.FixtureRequest, server: RedisServer) -> RecentQueries:
    """A memory of every kind."""
    return MEMORIES[request.param](server)


async def test_earlier_queries_are_told_oldest_first(recent: RecentQueries, unique: str) -> None:
    """The query itself is not among them."""
    said = [names(await recent.exchange(unique, asked(name))) for name in "abc"]
    assert said == [[], ["a"], ["a", "b"]]


async def test_a_query_is_remembered_as_it_was(recent: RecentQueries, unique: str) -> None:
    """Decision, arm, time and every bit of the direction."""
    query = asked("größer")
    await recent.exchange(unique, query)
    (kept,) = await recent.exchange(unique, asked("next"))
    assert (kept.decision_id, kept.arm, kept.at) == (query.decision_id, query.arm, query.at)
    np.testing.assert_array_equal(kept.direction, query.direction)


async def test_users_see_their_own_queries_only(recent: RecentQueries, unique: str) -> None:
    """Whatever their names are made of."""
    await recent.exchange(f"{unique}\ud800", asked("a"))
    assert await recent.exchange(f"{unique} ü", asked("b")) == ()


async def test_the_last_ten_are_remembered(recent: RecentQueries, unique: str) -> None:
    """An eleventh pushes the first out."""
    for i in range(11):
        await recent.exchange(unique, asked(str(i)))
    assert names(await recent.exchange(unique, asked("last"))) == [str(i) for i in range(1, 11)]


async def test_of_two_at_once_one_sees_the_other(recent: RecentQueries, unique: str) -> None:
    """Remembering and asking are one step."""
    said = await asyncio.gather(*(recent.exchange(unique, asked(name)) for name in "abcde"))
    assert sorted(len(queries) for queries in said) == [0, 1, 2, 3, 4]


async def test_a_list_on_redis_names_nobody_and_ends_in_five_minutes(
    server: RedisServer, unique: str
) -> None:
    """The key is a hash, the time to live is set with every query, and only ten are kept."""
    before = {key async for key in server.client.scan_iter("conduit:recent:*")}
    await RedisRecent(server).exchange(unique, asked("a"))
    (key,) = {key async for key in server.client.scan_iter("conduit:recent:*")} - before
    assert unique.encode() not in key
    assert 290_000 < await server.client.pttl(key) <= 300_000
    for i in range(15):
        await RedisRecent(server).exchange(unique, asked(str(i)))
    assert await server.client.llen(key) == 10


async def test_a_corrupt_entry_is_passed_over_and_said_once(
    server: RedisServer, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The others of its list are told as ever."""
    before = {key async for key in server.client.scan_iter("conduit:recent:*")}
    recent = RedisRecent(server)
    await recent.exchange(unique, asked("a"))
    (key,) = {key async for key in server.client.scan_iter("conduit:recent:*")} - before
    await server.client.lpush(key, b"rubbish", b"")
    assert names(await recent.exchange(unique, asked("b"))) == ["a"]
    assert names(await recent.exchange(unique, asked("c"))) == ["a", "b"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_entry_of_another_list_or_cut_short_is_no_entry() -> None:
    """Each end, and the key, is part of what is checked."""
    entry = pack_asked(asked("a"), key="key")
    for wrong, key in [(entry[:-1], "key"), (entry + b"x", "key"), (entry, "other")]:
        with pytest.raises(CorruptEntryError):
            unpack_asked(wrong, key=key)


async def test_memory_is_bounded_and_the_longest_silent_goes_first() -> None:
    """Beyond max_users, the user who asked least recently is forgotten."""
    recent = MemoryRecent(max_users=2)
    for user in ("ann", "bob", "ann", "cid"):
        await recent.exchange(user, asked(user))
    assert len(recent) == 2
    assert len(await recent.exchange("ann", asked("x"))) == 2
    assert await recent.exchange("bob", asked("x")) == ()


@pytest.mark.parametrize("now", [NOW + 301, NOW - 301])
async def test_idle_users_cost_nothing(now: float) -> None:
    """Users silent for longer than the window, or asking in the far future, are forgotten."""
    recent = MemoryRecent()
    for i in range(50):
        await recent.exchange(f"user-{i}", asked("a"))
    await recent.exchange("late", asked("b", at=now))
    assert len(recent) == 1
