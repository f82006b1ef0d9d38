"""Features as bytes, and the cache that finds them again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.cache.entries import CorruptEntryError
from conduit.cache.feature_cache import MOST_UNDER_WAY, FeatureCache
from conduit.cache.features import feature_key, pack_features, unpack_features
from conduit.cache.memory import MemoryCache
from conduit.cache.redis import RedisCache, RedisServer
from conduit.core.caching import CacheStatistics
from conduit.core.decisions import QueryFeatures

FEATURES = QueryFeatures(
    embedding=np.array([0.6, -0.8], np.float32),
    context=np.array([1.0, 0.25, -3.5e-8], np.float32),
    token_count=12,
    complexity_score=0.1,
    domain="code",
    domain_confidence=1 / 3,
    difficulty=2 / 3,
)
LAYOUT = "encoder/projection/signals"


def assert_same(found: QueryFeatures | None, expected: QueryFeatures) -> None:
    """Equal in every bit."""
    assert found is not None
    np.testing.assert_array_equal(found.embedding, expected.embedding)
    np.testing.assert_array_equal(found.context, expected.context)
    for name in ("token_count", "complexity_score", "domain", "domain_confidence", "difficulty"):
        assert getattr(found, name) == getattr(expected, name)


numbers = st.lists(st.floats(width=32, allow_nan=False), max_size=8)


@given(
    numbers, numbers, st.integers(0, 2**60), st.floats(0, 1), st.text(st.characters(codec="utf-8"))
)
def test_what_was_packed_is_unpacked(
    embedding: list[float], context: list[float], tokens: int, score: float, domain: str
) -> None:
    """Features survive the way to bytes and back, bit for bit."""
    features = QueryFeatures(
        embedding=np.array(embedding, np.float32),
        context=np.array(context, np.float32),
        token_count=tokens,
        complexity_score=score,
        domain=domain,
        domain_confidence=1 - score,
        difficulty=score / 2,
    )
    assert_same(unpack_features(pack_features(features, key="k"), key="k"), features)


def test_an_entry_is_compact() -> None:
    """Forty-eight bytes beside the numbers and the name of the domain."""
    assert len(pack_features(FEATURES, key="k")) == 48 + 4 * 5 + len("code")


@given(st.data())
def test_a_damaged_entry_is_found_out(data: st.DataObject) -> None:
    """Any byte changed, any length cut: it is no entry."""
    entry = pack_features(FEATURES, key="k")
    at = data.draw(st.integers(0, len(entry) - 1))
    flipped = bytearray(entry)
    flipped[at] ^= data.draw(st.integers(1, 255))
    for wrong in (bytes(flipped), entry[:at]):
        with pytest.raises(CorruptEntryError):
            unpack_features(wrong, key="k")


@given(st.binary(max_size=100))
def test_rubbish_is_no_entry(rubbish: bytes) -> None:
    """Nothing but a CorruptEntryError comes of it."""
    with pytest.raises(CorruptEntryError):
        unpack_features(rubbish, key="k")


def test_an_entry_of_another_key_is_no_entry() -> None:
    """An answer to somebody else's question is found out."""
    with pytest.raises(CorruptEntryError):
        unpack_features(pack_features(FEATURES, key="k"), key="other")


def test_a_key_names_the_layout_and_hides_the_text() -> None:
    """Other layouts and other texts have other keys; odd characters have one, too."""
    key = feature_key(LAYOUT, "a secret question")
    assert LAYOUT in key
    assert "secret" not in key
    others = {feature_key("other", "a secret question"), feature_key(LAYOUT, "\ud800")}
    assert key not in others
    assert len(others) == 2


async def test_the_memory_in_front_spares_the_shared_cache() -> None:
    """What was found behind is kept in front."""
    far = MemoryCache()
    first = FeatureCache(far=far)
    await first.put(LAYOUT, "text", FEATURES)
    assert_same(await first.get(LAYOUT, "text"), FEATURES)
    assert far.statistics == CacheStatistics()
    await first.close()


async def test_what_is_kept_is_nobodys_to_change() -> None:
    """It has arrays of its own, so that no batch is kept alive by one row, and they are read-only."""
    batch = np.ones((2, 8), np.float32)
    cache = FeatureCache()
    await cache.put(LAYOUT, "text", replace(FEATURES, embedding=batch[0]))
    batch[:] = 0.0
    found = await cache.get(LAYOUT, "text")
    assert found is not None
    assert found.embedding.base is None
    assert found.embedding.tolist() == [1.0] * 8
    for numbers in (found.embedding, found.context):
        with pytest.raises(ValueError, match="read-only"):
            numbers[0] = 2.0


async def test_what_is_kept_holds_no_prompt() -> None:
    """However long the text, an entry takes no more room than is counted for it."""
    cache = FeatureCache()
    await cache.put(LAYOUT, "text", replace(FEATURES, text="text"))
    found = await cache.get(LAYOUT, "text")
    assert_same(found, FEATURES)
    assert found is not None
    assert found.text is None


async def test_processes_share_what_they_computed(server: RedisServer, unique: str) -> None:
    """A second process finds on Redis what the first one wrote, once it is written."""
    first = FeatureCache(far=RedisCache(server))
    await first.put(unique, "text", FEATURES)
    await first.close()
    second = FeatureCache(far=RedisCache(server))
    for _ in range(3):
        assert_same(await second.get(unique, "text"), FEATURES)
    assert await second.get(unique, "other") is None
    said = second.statistics
    assert (said.memory, said.shared) == (
        CacheStatistics(hits=2, misses=2),
        CacheStatistics(hits=1, misses=1),
    )
    assert (said.hits, said.misses, said.hit_rate) == (3, 1, 0.75)


async def test_a_corrupt_entry_is_a_miss_and_dropped_and_said_once(
    server: RedisServer, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it lies; what is computed instead takes its place."""
    caplog.set_level(logging.WARNING)
    far = RedisCache(server)
    cache = FeatureCache(far=far)
    for text in ("one", "two"):
        key = feature_key(unique, text)
        await far.put(key, b"rubbish", ttl=60)
        assert await cache.get(unique, text) is None
        assert await far.get(key) is None
    assert cache.statistics.shared == CacheStatistics(misses=2, errors=2)
    assert len(caplog.records) == 1
    await cache.put(unique, "one", FEATURES)
    assert_same(await cache.get(unique, "one"), FEATURES)
    await cache.close()


class Stuck(MemoryCache):
    """Takes nothing until it is let; knows whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on: asyncio.Event | None = None
        self.closed = False

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        if self.go_on is not None:
            await self.go_on.wait()
        await super().put(key, value, ttl=ttl)

    async def close(self) -> None:
        self.closed = True


def test_writes_of_a_loop_that_was_dropped_are_in_nobodys_way() -> None:
    """However many there were: the next loop's are made, and closing waits for these alone."""
    far = Stuck()
    cache = FeatureCache(far=far)
    dropped = asyncio.new_event_loop()

    async def begin() -> None:
        far.go_on = asyncio.Event()
        for number in range(MOST_UNDER_WAY):
            await cache.put(LAYOUT, f"text {number}", FEATURES)
        await asyncio.sleep(0)

    async def go_on() -> None:
        far.go_on = None
        await cache.put(LAYOUT, "another text", FEATURES)
        await cache.close()

    dropped.run_until_complete(begin())
    left = asyncio.all_tasks(dropped)
    assert len(left) == MOST_UNDER_WAY
    asyncio.run(go_on())
    assert far.closed
    assert_same(asyncio.run(FeatureCache(far=far).get(LAYOUT, "another text")), FEATURES)
    for task in left:
        task.cancel()
    dropped.run_until_complete(asyncio.wait(left))
    dropped.close()


async def test_a_cache_without_room_finds_nothing() -> None:
    """Nothing fails where nothing may be kept."""
    cache = FeatureCache(most_bytes=0)
    await cache.put(LAYOUT, "text", FEATURES)
    assert await cache.get(LAYOUT, "text") is None
    assert cache.statistics.shared is None
