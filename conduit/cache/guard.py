"""The guard: a server that is away costs a few short waits, then none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from conduit.cache.breaker import Breaker
from conduit.core.caching import Asked, Cache, CacheStatistics, RecentQueries
from conduit.core.clocks import SystemClock
from conduit.core.errors import CacheError
from conduit.core.loops import PerLoop
from conduit.core.ports import Clock

_log = logging.getLogger("conduit.cache")

T = TypeVar("T")

AT_ONCE = 16
"""Calls under way at once; the others wait for their turn before the breaker is asked."""


class Guard:
    """Calls one server through one breaker, whoever asks.

    Only so many calls are under way at once: a crowd neither exhausts the connections, which would
    look like a failure, nor waits for more than the first failures.

    Args:
        clock: None takes the system's.
        breaker: as it is at first.
    """

    def __init__(self, *, clock: Clock | None = None, breaker: Breaker | None = None) -> None:
        self._clock = clock or SystemClock()
        self._turns = PerLoop(lambda: asyncio.Semaphore(AT_ONCE))
        self.breaker = breaker or Breaker()

    async def run(self, call: Callable[[], Awaitable[T]], *, otherwise: T) -> tuple[T, bool]:
        """What the call answers, or ``otherwise``; and whether it failed.

        A call that the breaker holds back has not failed: nothing was asked.
        """
        if not self.breaker.allows(self._clock.now()):
            return otherwise, False
        async with self._turns.here():
            if not self.breaker.allows(self._clock.now()):
                return otherwise, False
            return await self._call(call, otherwise)

    async def _call(self, call: Callable[[], Awaitable[T]], otherwise: T) -> tuple[T, bool]:
        trial = self.breaker.is_open
        self.breaker = self.breaker.called()
        try:
            answer = await call()
        except CacheError as error:
            self._failed(error, trial=trial)
            return otherwise, True
        except BaseException:
            self.breaker = self.breaker.abandoned(trial=trial)
            raise
        self._succeeded(trial=trial)
        return answer, False

    def _failed(self, error: CacheError, *, trial: bool) -> None:
        before = self.breaker
        self.breaker = before.failed(self._clock.now(), trial=trial)
        if not before.failures:
            _log.warning("%s", error)
        if self.breaker.is_open and not before.is_open:
            _log.warning(
                "%d failures of the cache server in a row: working without it, next try in %g s",
                self.breaker.failures,
                self.breaker.seconds,
            )

    def _succeeded(self, *, trial: bool) -> None:
        self.breaker = self.breaker.succeeded(trial=trial)
        if trial:
            _log.info("the cache server answers again")


class GuardedCache:
    """A cache that is never an error: what cannot be reached is a miss.

    Args:
        cache: the one behind.
        guard: shared by all that call the same server.
    """

    def __init__(self, cache: Cache, guard: Guard) -> None:
        self._cache = cache
        self._guard = guard
        self._statistics = CacheStatistics()

    @property
    def statistics(self) -> CacheStatistics:
        """How often it was asked; a question that was held back is a miss."""
        return self._statistics

    async def get(self, key: str) -> bytes | None:
        """What was put last under a key; None where nothing is left of it, or nobody answers."""
        value = await self._run(lambda: self._cache.get(key), None)
        self._statistics = self._statistics.asked(hit=value is not None)
        return value

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        """Keep a value, if the cache can be reached."""
        await self._run(lambda: self._cache.put(key, value, ttl=ttl), None)

    async def drop(self, key: str) -> None:
        """Forget a value, if the cache can be reached."""
        await self._run(lambda: self._cache.drop(key), None)

    async def close(self) -> None:
        """Release connections."""
        await self._cache.close()

    async def _run(self, call: Callable[[], Awaitable[T]], otherwise: T) -> T:
        answer, failed = await self._guard.run(call, otherwise=otherwise)
        if failed:
            self._statistics = self._statistics.failed()
        return answer


class GuardedRecent:
    """Recent queries shared where that is possible, and this process's own where it is not.

    Args:
        shared: the memory behind a server.
        own: this process's, which remembers too, so that it is no stranger when the server goes.
        guard: shared by all that call the same server.
    """

    def __init__(self, shared: RecentQueries, *, own: RecentQueries, guard: Guard) -> None:
        self._shared = shared
        self._own = own
        self._guard = guard

    async def exchange(self, user_id: str, asked: Asked) -> tuple[Asked, ...]:
        """Remember a query, and say which of the user's were remembered before, oldest first."""
        own = await self._own.exchange(user_id, asked)
        earlier, _ = await self._guard.run(
            lambda: self._shared.exchange(user_id, asked), otherwise=own
        )
        return earlier

    async def close(self) -> None:
        """Release connections."""
        await self._own.close()
        await self._shared.close()
