"""The cache in memory: how long, and how much."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.cache.memory import MemoryCache
from conduit.core.clocks import ManualClock


@pytest.mark.parametrize(("after", "value"), [(59.9, b"value"), (60.0, None)])
async def test_a_value_ends_with_its_time(after: float, value: bytes | None) -> None:
    """At ``ttl`` seconds it is gone, and its place is free."""
    clock = ManualClock()
    cache = MemoryCache(clock=clock)
    await cache.put("key", b"value", ttl=60)
    clock.advance(after)
    assert await cache.get("key") == value
    assert len(cache) == (value is not None)


async def test_what_was_asked_for_longest_ago_goes_first() -> None:
    """Reading keeps a value; writing others pushes the rest out."""
    cache = MemoryCache(most_bytes=8)
    for key in "abcd":
        await cache.put(key, b"1", ttl=60)
    await cache.get("a")
    await cache.put("e", b"1", ttl=60)
    assert [await cache.get(key) for key in "abcde"] == [b"1", None, b"1", b"1", b"1"]


async def test_what_is_larger_than_all_it_may_hold_is_not_kept() -> None:
    """Nor does it push anything else out; the value it replaces is gone."""
    cache = MemoryCache(most_bytes=8)
    await cache.put("a", b"1", ttl=60)
    await cache.put("b", b"1", ttl=60)
    await cache.put("b", bytes(8), ttl=60)
    assert [await cache.get(key) for key in "ab"] == [b"1", None]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=6)), max_size=30))
async def test_it_never_holds_more_than_it_may(puts: list[tuple[str, bytes]]) -> None:
    """Its size is the sum of what can be read, and never above the bound."""
    cache = MemoryCache(most_bytes=12)
    for key, value in puts:
        await cache.put(key, value, ttl=60)
        assert cache.size <= 12
    kept = {key: await cache.get(key) for key in "abcdef"}
    assert cache.size == sum(len(k) + len(v) for k, v in kept.items() if v is not None)
