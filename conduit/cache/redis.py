"""Redis: one connected server, and the cache on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from conduit.core.caching import CacheStatistics
from conduit.core.errors import CacheError, ConfigurationError
from conduit.core.loops import PerLoop, cancellations, heed

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

TIMEOUT_SECONDS = 0.25
"""How long one call may take, connecting included."""

_RUBBISH = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the client's parser stumbles with over bytes that are no Redis protocol."""


class RedisServer:
    """A server, connected to when it is first asked something.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        shown: the address without its password, for messages.
        timeout: seconds for one call.

    Raises:
        ConfigurationError: for an address that cannot be one, or without the package ``redis``.
    """

    def __init__(self, url: str, *, shown: str, timeout: float = TIMEOUT_SECONDS) -> None:
        try:
            from redis import RedisError  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigurationError(
                f"redis_url {shown} is set, but the package redis is not installed",
                remedy="run: pip install 'conduit-router[redis]', or leave REDIS_URL unset",
            ) from None
        self._shown = shown
        self._timeout = timeout
        self._errors = (RedisError, OSError, *_RUBBISH)
        _client(url, shown=shown, timeout=timeout)  # refused here, if it is to be
        self._clients = PerLoop(
            lambda: _client(url, shown=shown, timeout=timeout), close=self._let_go
        )

    @property
    def client(self) -> Redis:
        """Connections of the event loop that runs."""
        return self._clients.here()

    async def ask(self, call: Callable[[Redis], Awaitable[T]]) -> T:
        """What the server answers.

        Raises:
            CacheError: when it does not, not in time, or not in its protocol.
        """
        before = cancellations()
        try:
            with self.errors():
                async with asyncio.timeout(self._timeout):
                    return await call(self.client)
        finally:
            heed(since=before)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Whatever goes wrong with the server inside is a CacheError."""
        try:
            yield
        except self._errors as error:
            reason = str(error) or type(error).__name__
            raise CacheError(f"Redis at {self._shown} does not answer ({reason})") from None

    async def close(self) -> None:
        """Release connections; repeatable, and never an error."""
        await self._let_go(self.client)

    async def _let_go(self, client: Redis) -> None:
        with suppress(CacheError), self.errors():
            await client.aclose()


class RedisCache:
    """Keeps values on a server, for every process that uses it.

    Args:
        server: closed with the cache.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._statistics = CacheStatistics()

    @property
    def statistics(self) -> CacheStatistics:
        """How often it was asked."""
        return self._statistics

    async def get(self, key: str) -> bytes | None:
        """What was put last under a key; None where nothing is left of it."""
        try:
            value = await self._server.ask(lambda redis: redis.get(key))
            if not isinstance(value, bytes | None):
                raise CacheError(f"Redis answered with {type(value).__name__}, not with bytes")
        except CacheError:
            self._statistics = self._statistics.asked(hit=False).failed()
            raise
        self._statistics = self._statistics.asked(hit=value is not None)
        return value

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        """Keep a value for ``ttl`` seconds at most."""
        await self._change(lambda redis: redis.set(key, value, px=max(1, round(1000 * ttl))))

    async def drop(self, key: str) -> None:
        """Forget what is kept under a key, if anything is."""
        await self._change(lambda redis: redis.delete(key))

    async def close(self) -> None:
        """Release connections; repeatable."""
        await self._server.close()

    async def _change(self, call: Callable[[Redis], Awaitable[object]]) -> None:
        try:
            await self._server.ask(call)
        except CacheError:
            self._statistics = self._statistics.failed()
            raise


def _client(url: str, *, shown: str, timeout: float) -> Redis:
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
    from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra

    try:
        client = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
        # An option in the address that nobody knows is noticed here, not at the first call.
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, ValueError):  # whose words may quote the password
        raise ConfigurationError(
            f"redis_url {shown} cannot be used: its scheme, port or an option is none,"
            " or its password is not escaped",
            remedy="give an address as in redis://localhost:6379/0",
        ) from None
    return client
