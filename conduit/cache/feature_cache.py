"""The feature cache: this process's memory in front, a shared cache behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from conduit.cache.bounded import Bounded
from conduit.cache.entries import CorruptEntryError
from conduit.cache.features import feature_key, frozen, pack_features, size_of, unpack_features
from conduit.cache.memory import MOST_BYTES
from conduit.core.caching import Cache, CacheStatistics, FeatureCacheStatistics
from conduit.core.clocks import SystemClock
from conduit.core.decisions import QueryFeatures
from conduit.core.loops import PerLoop
from conduit.core.ports import Clock

_log = logging.getLogger("conduit.cache")

TTL_SECONDS = 24 * 3600.0
"""How long features are kept."""

MOST_UNDER_WAY = 64
"""Writes to the shared cache that may be under way; what comes beyond them is not written."""


class FeatureCache:
    """Finds features that were computed before, here or by another process.

    Answers never wait for a write to the shared cache, nor fail for one.

    Args:
        far: a cache that processes share, guarded; None without one.
        most_bytes: of features that are kept in memory; 0 keeps none.
        clock: tells how long they are; None takes the system's.
    """

    def __init__(
        self,
        *,
        far: Cache | None = None,
        most_bytes: int = MOST_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self._near: Bounded[QueryFeatures] = Bounded(
            most_bytes=most_bytes, clock=clock or SystemClock()
        )
        self._asked = CacheStatistics()
        self._far = None if far is None else _Shared(far)
        self._writes = PerLoop(set[asyncio.Task[None]])

    @property
    def statistics(self) -> FeatureCacheStatistics:
        """How often each part was asked."""
        far = None if self._far is None else self._far.statistics
        return FeatureCacheStatistics(memory=self._asked, shared=far)

    async def get(self, edition: str, text: str) -> QueryFeatures | None:
        """The features of a text in an edition; None where they have to be computed."""
        key = feature_key(edition, text)
        found = self._near.get(key)
        self._asked = self._asked.asked(hit=found is not None)
        if found is None and self._far is not None:
            found = await self._far.get(key)
            if found is not None:
                self._keep(key, found)
        return found

    async def put(self, edition: str, text: str, features: QueryFeatures) -> None:
        """Keep computed features, shared ones by and by."""
        key = feature_key(edition, text)
        self._keep(key, frozen(features))
        if self._far is not None and len(self._writes.here()) < MOST_UNDER_WAY:
            self._later(self._far.put(key, features))

    async def close(self) -> None:
        """Finish what is being written in this event loop, and release connections."""
        await asyncio.gather(*self._writes.here())
        self._near.clear()
        if self._far is not None:
            await self._far.cache.close()

    def _keep(self, key: str, features: QueryFeatures) -> None:
        self._near.put(key, features, size=size_of(features), ttl=TTL_SECONDS)

    def _later(self, write: Coroutine[None, None, None]) -> None:
        task, writes = asyncio.create_task(write), self._writes.here()
        writes.add(task)
        task.add_done_callback(writes.discard)


class _Shared:
    """A cache of bytes, asked for features: an entry that cannot be read is a miss, and dropped."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._asked = CacheStatistics()

    @property
    def statistics(self) -> CacheStatistics:
        unreadable, failed = self._asked.errors, self.cache.statistics.errors
        return CacheStatistics(
            hits=self._asked.hits, misses=self._asked.misses, errors=unreadable + failed
        )

    async def get(self, key: str) -> QueryFeatures | None:
        entry = await self.cache.get(key)
        found = None if entry is None else await self._read(entry, key)
        self._asked = self._asked.asked(hit=found is not None)
        return found

    async def put(self, key: str, features: QueryFeatures) -> None:
        await self.cache.put(key, pack_features(features, key=key), ttl=TTL_SECONDS)

    async def _read(self, entry: bytes, key: str) -> QueryFeatures | None:
        try:
            return unpack_features(entry, key=key)
        except CorruptEntryError as error:
            if not self._asked.errors:
                _log.warning(
                    "dropped a corrupt cache entry (%s): %s; later ones go unsaid", key, error
                )
            self._asked = self._asked.failed()
            await self.cache.drop(key)
            return None
