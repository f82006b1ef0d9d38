"""How many calls of one provider may be on their way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

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
        self._turns: dict[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one request when it is its turn.

        Raises:
            ProviderError: RATE_LIMIT when its turn did not come in time; otherwise as from every
                client.
        """
        async with self._turn(request):
            return await self._client.complete(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one request piece by piece when it is its turn, which lasts until the end.

        Raises:
            ProviderError: RATE_LIMIT when its turn did not come in time; otherwise as from every
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
        turn = self._semaphore(request.arm.provider)
        try:
            async with asyncio.timeout(request.timeout):
                await turn.acquire()
        except TimeoutError:
            raise ProviderError(
                FailureKind.RATE_LIMIT,
                model=request.arm.id,
                detail=f"its turn did not come within {request.timeout} s: no more than "
                f"{self._most} calls of {request.arm.provider!r} are made at once",
            ) from None
        try:
            yield
        finally:
            turn.release()

    def _semaphore(self, provider: str) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if loop not in self._turns:
            for ended in [other for other in self._turns if other.is_closed()]:
                del self._turns[ended]
            self._turns[loop] = {}
        turns = self._turns[loop]
        if provider not in turns:
            turns[provider] = asyncio.Semaphore(self._most)
        return turns[provider]
