"""How many calls of one provider may be on their way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from weakref import WeakKeyDictionary

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.ports import StreamingClient


class LimitedClient:
    """Lets so many calls of one provider through at a time; the others wait their turn.

    A call may wait for its turn as long as it may then take: ``request.timeout`` seconds for the
    one, and again for the other. Each event loop counts its own calls, for what ended with a loop
    holds nothing any more.

    Args:
        client: makes the calls.
        most: calls of one provider at once, at least 1.
    """

    def __init__(self, client: StreamingClient, *, most: int) -> None:
        self._client = client
        self._most = most
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = (
            WeakKeyDictionary()
        )

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one request when it is its turn.

        Raises:
            ProviderError: TIMEOUT when its turn did not come in time; otherwise as from every
                client.
        """
        async with self._turn(request):
            return await self._client.complete(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one request piece by piece when it is its turn, which lasts until the end.

        Raises:
            ProviderError: TIMEOUT when its turn did not come in time; otherwise as from every
                client.
        """
        async with self._turn(request), aclosing(self._client.stream(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        """Close the client that makes the calls."""
        await self._client.aclose()

    @asynccontextmanager
    async def _turn(self, request: ModelRequest) -> AsyncIterator[None]:
        turns = self._turns.setdefault(asyncio.get_running_loop(), {})
        turn = turns.setdefault(request.arm.provider, asyncio.Semaphore(self._most))
        try:
            async with asyncio.timeout(request.timeout):
                await turn.acquire()
        except TimeoutError:
            raise ProviderError(
                FailureKind.TIMEOUT,
                model=request.arm.id,
                detail=f"{self._most} calls of {request.arm.provider!r} were on their way for "
                f"{request.timeout} s",
            ) from None
        try:
            yield
        finally:
            turn.release()
