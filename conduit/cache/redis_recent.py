"""Recent queries on Redis: one list per user, trimmed, and gone when its user falls silent."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from conduit.cache.entries import CorruptEntryError
from conduit.cache.recent import pack_asked, unpack_asked
from conduit.cache.redis import RedisServer
from conduit.core.caching import REMEMBERED_PER_USER, REMEMBERED_SECONDS, Asked
from conduit.core.errors import CacheError

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger("conduit.cache")


class RedisRecent:
    """Remembers the last queries of all users of a server; the keys hash who they are.

    Args:
        server: closed with it.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._said = False

    async def exchange(self, user_id: str, asked: Asked) -> tuple[Asked, ...]:
        """Remember a query, and say which of the user's were remembered before, oldest first."""
        digest = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()
        key = f"conduit:recent:{digest}"
        entry = pack_asked(asked, key=key)

        async def call(redis: Redis) -> list[object]:
            async with redis.pipeline(transaction=True) as together:
                together.lrange(key, 0, REMEMBERED_PER_USER - 1)
                together.lpush(key, entry)
                together.ltrim(key, 0, REMEMBERED_PER_USER - 1)
                together.pexpire(key, round(1000 * REMEMBERED_SECONDS))
                return list(await together.execute())

        newest_first = (await self._server.ask(call))[0]
        if not isinstance(newest_first, list):
            raise CacheError(f"Redis answered with {type(newest_first).__name__}, not with a list")
        return tuple(self._read(reversed(newest_first), key))

    async def close(self) -> None:
        """Release connections; repeatable."""
        await self._server.close()

    def _read(self, entries: Iterable[bytes], key: str) -> Iterator[Asked]:
        """What can be read; the rest is pushed out of its list, or gone with it, in minutes."""
        for entry in entries:
            try:
                yield unpack_asked(entry, key=key)
            except CorruptEntryError as error:
                if not self._said:
                    _log.warning("passed over a corrupt entry of %s: %s", key, error)
                self._said = True
