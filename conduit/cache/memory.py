"""A cache in memory: bounded, and what was asked for longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict

from conduit.core.caching import CacheStatistics
from conduit.core.clocks import SystemClock
from conduit.core.ports import Clock

MOST_BYTES = 16 * 2**20
"""Bytes of keys and values that are kept: some 8,000 prompts of 384 numbers each."""


class MemoryCache:
    """Keeps values in this process; equal in behaviour to a server, and gone with the process.

    Not thread-safe: one event loop owns it.

    Args:
        most_bytes: of keys and values together; 0 keeps nothing.
        clock: None takes the system's.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES, clock: Clock | None = None) -> None:
        self._most = most_bytes
        self._clock = clock or SystemClock()
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0
        self._statistics = CacheStatistics()

    @property
    def statistics(self) -> CacheStatistics:
        """How often it was asked."""
        return self._statistics

    @property
    def size(self) -> int:
        """Bytes of keys and values that it holds."""
        return self._bytes

    def __len__(self) -> int:
        """Number of entries that it holds."""
        return len(self._kept)

    async def get(self, key: str) -> bytes | None:
        """What was put last under a key; None where nothing is left of it."""
        value, until = self._kept.get(key, (None, 0.0))
        if value is not None and self._clock.now() >= until:
            self._forget(key)
            value = None
        if value is not None:
            self._kept.move_to_end(key)
        self._statistics = self._statistics.asked(hit=value is not None)
        return value

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        """Keep a value for ``ttl`` seconds at most; one larger than all it may hold is not kept."""
        self._forget(key)
        if _size(key, value) > self._most:
            return
        self._kept[key] = (value, self._clock.now() + ttl)
        self._bytes += _size(key, value)
        while self._bytes > self._most:
            self._forget(next(iter(self._kept)))

    async def drop(self, key: str) -> None:
        """Forget what is kept under a key, if anything is."""
        self._forget(key)

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._bytes = 0

    def _forget(self, key: str) -> None:
        if key in self._kept:
            self._bytes -= _size(key, self._kept.pop(key)[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value)
