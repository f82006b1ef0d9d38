"""A cache in memory: equal in behaviour to a server, and gone with the process."""

from __future__ import annotations

from conduit.cache.bounded import Bounded
from conduit.core.caching import CacheStatistics
from conduit.core.clocks import SystemClock
from conduit.core.ports import Clock

MOST_BYTES = 16 * 2**20
"""Bytes of keys and values that are kept: some 8,000 prompts of 384 numbers each."""


class MemoryCache:
    """Keeps bytes in this process.

    Not thread-safe: one event loop owns it.

    Args:
        most_bytes: of keys and values together; 0 keeps nothing.
        clock: None takes the system's.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES, clock: Clock | None = None) -> None:
        self._kept: Bounded[bytes] = Bounded(most_bytes=most_bytes, clock=clock or SystemClock())
        self._statistics = CacheStatistics()

    @property
    def statistics(self) -> CacheStatistics:
        """How often it was asked."""
        return self._statistics

    @property
    def size(self) -> int:
        """Bytes of keys and values that it holds."""
        return self._kept.size

    def __len__(self) -> int:
        """Number of entries that it holds."""
        return len(self._kept)

    async def get(self, key: str) -> bytes | None:
        """What was put last under a key; None where nothing is left of it."""
        value = self._kept.get(key)
        self._statistics = self._statistics.asked(hit=value is not None)
        return value

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        """Keep a value for ``ttl`` seconds at most; one larger than all it may hold is not kept."""
        self._kept.put(key, value, size=len(value), ttl=ttl)

    async def drop(self, key: str) -> None:
        """Forget what is kept under a key, if anything is."""
        self._kept.drop(key)

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
