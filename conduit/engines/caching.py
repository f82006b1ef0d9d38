"""What a router remembers beside its store: in memory, or shared through a server."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec

from conduit.cache.feature_cache import FeatureCache
from conduit.cache.guard import Guard, GuardedCache, GuardedRecent
from conduit.cache.memory import MOST_BYTES
from conduit.cache.recent import MemoryRecent
from conduit.cache.redis import RedisCache, RedisServer
from conduit.cache.redis_bell import RedisBell
from conduit.cache.redis_recent import RedisRecent
from conduit.core.caching import Bell, Cache, RecentQueries
from conduit.core.ports import Clock
from conduit.settings.masking import mask_url

_log = logging.getLogger("conduit.cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caches:
    """All of it; losing any of it costs time, never an answer.

    Args:
        features: computed features by text.
        recent: the last queries per user.
        bell: tells other processes that something changed; None where nobody would hear.
    """

    features: FeatureCache
    recent: RecentQueries
    bell: Bell | None

    async def close(self) -> None:
        """Finish what is being written, and release connections; repeatable."""
        if self.bell is not None:
            await self.bell.close()
        await self.features.close()
        await self.recent.close()


def open_caches(
    redis_url: str | None,
    *,
    most_bytes: int | None,
    cache: Cache | None,
    bell: Bell | None,
    clock: Clock,
) -> Caches:
    """The caches of a router; connects to nothing yet.

    Without the package ``redis`` its address is a warning, as a server that is away would be.

    Args:
        redis_url: a Redis server, for what is not given; None works without.
        most_bytes: of features that are kept in memory; 0 keeps none, None takes the default.
        cache: a shared cache of features.
        bell: tells other processes.
        clock: dates what is kept, and how long a failing server is left alone.

    Raises:
        ConfigurationError: for an address that is none.
    """
    own, guard = MemoryRecent(), Guard(clock=clock)
    recent: RecentQueries = own
    if redis_url is not None and find_spec("redis") is None:
        _log.warning(
            "redis_url %s is set, but the package redis is not installed: all is kept in memory;"
            " run: pip install 'conduit-router[redis]'",
            mask_url(redis_url),
        )
    elif redis_url is not None:
        server = RedisServer(redis_url, shown=mask_url(redis_url))
        recent = GuardedRecent(RedisRecent(server), own=own, guard=guard)
        bell = bell or RedisBell(server, guard=guard)
        cache = cache or RedisCache(server)
    far = None if cache is None else GuardedCache(cache, guard)
    features = FeatureCache(
        far=far, most_bytes=MOST_BYTES if most_bytes is None else most_bytes, clock=clock
    )
    return Caches(features=features, recent=recent, bell=bell)
