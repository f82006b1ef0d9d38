"""What a router remembers beside its store, as ports: a cache, recent queries, and a bell.

Nothing here is needed for an answer to be right: all of it may be lost at any moment. Each port has
a public stand-in in memory: ``MemoryCache``, ``MemoryRecent``, ``MemoryBell``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REMEMBERED_SECONDS = 300.0
"""How long a query of a user is remembered, in seconds."""

REMEMBERED_PER_USER = 10
"""How many queries of a user are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStatistics:
    """How often a cache was asked, since it was made.

    Args:
        hits: questions that it had an answer to.
        misses: questions that it had none to, whatever the reason.
        errors: calls that failed, and entries that could not be read.
    """

    hits: int = 0
    misses: int = 0
    errors: int = 0

    @property
    def hit_rate(self) -> float:
        """Share of questions that were answered, 0..1; 0 before the first one."""
        return self.hits / max(1, self.hits + self.misses)

    def asked(self, *, hit: bool) -> Self:
        """After one question more."""
        hits, misses = self.hits + hit, self.misses + (not hit)
        return type(self)(hits=hits, misses=misses, errors=self.errors)

    def failed(self) -> Self:
        """After one error more."""
        return replace(self, errors=self.errors + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCacheStatistics:
    """How often the features of a prompt were known already.

    Args:
        memory: of this process's own cache, which is asked first.
        shared: of the cache behind it, asked for what the first does not have; None without one.
    """

    memory: CacheStatistics
    shared: CacheStatistics | None = None

    @property
    def hits(self) -> int:
        """Prompts whose features were found in either."""
        return self.memory.hits + (0 if self.shared is None else self.shared.hits)

    @property
    def misses(self) -> int:
        """Prompts whose features had to be computed."""
        return self.memory.misses - (0 if self.shared is None else self.shared.hits)

    @property
    def hit_rate(self) -> float:
        """Share of prompts whose features were found, 0..1; 0 before the first one."""
        return self.hits / max(1, self.hits + self.misses)


@runtime_checkable
class Cache(Protocol):
    """Bytes by key, for a time. What was put may be gone before its time."""

    @property
    def statistics(self) -> CacheStatistics:
        """How often it was asked."""
        ...

    async def get(self, key: str) -> bytes | None:
        """What was put last under a key; None where nothing is left of it.

        Raises:
            CacheError: when the cache cannot be reached; a guarded cache answers None instead.
        """
        ...

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        """Keep a value for ``ttl`` seconds at most, above 0.

        Raises:
            CacheError: when the cache cannot be reached.
        """
        ...

    async def drop(self, key: str) -> None:
        """Forget what is kept under a key, if anything is.

        Raises:
            CacheError: when the cache cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Release connections; repeatable."""
        ...


@runtime_checkable
class Bell(Protocol):
    """Tells other processes at once that something changed. A ring may be lost; nothing waits."""

    async def ring(self, topic: str) -> None:
        """Let the others know. Never raises because nobody can be reached."""
        ...

    def listen(self) -> AsyncIterator[str]:
        """Topics that others ring from now on, until the bell is closed.

        Who is slow hears a topic that was rung several times meanwhile once. The bell's own rings
        are not heard.
        """
        ...

    async def close(self) -> None:
        """Stop listening and release connections; repeatable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A query as it is remembered, to recognise it when it comes again.

    Args:
        decision_id: the decision made for it.
        arm: the arm that was chosen.
        at: seconds since the epoch.
        direction: (dim,) float32, its embedding at unit length.
    """

    decision_id: str
    arm: str
    at: float
    direction: NDArray[np.float32]


@runtime_checkable
class RecentQueries(Protocol):
    """The last ``REMEMBERED_PER_USER`` queries per user, for ``REMEMBERED_SECONDS`` seconds."""

    async def exchange(self, user_id: str, asked: Asked) -> tuple[Asked, ...]:
        """Remember a query, and say which of the user's were remembered before, oldest first.

        Of two at the same moment, in whatever processes, one sees the other.

        Raises:
            CacheError: when the memory cannot be reached; a guarded one answers from its own.
        """
        ...

    async def close(self) -> None:
        """Release connections; repeatable."""
        ...
