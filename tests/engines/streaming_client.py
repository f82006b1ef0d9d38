"""Models that answer piece by piece, as scripted, and wait where a test wants them to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypeAlias

from conduit.core.errors import ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest

Step: TypeAlias = str | Delta | ModelReply | ProviderError | asyncio.Event
"""A piece, the reply, a failure, or something to wait for."""


class StreamingScript:
    """A streaming client; per arm, the steps of its calls, one call after the other.

    Attributes:
        requests: every request received.
        hung_up: how often a stream was closed before its end.
        waiting: set when a call waits for an event.
    """

    def __init__(self, calls: Mapping[str, Sequence[Sequence[Step]]]) -> None:
        self._calls = {arm: iter(scripts) for arm, scripts in calls.items()}
        self.requests: list[ModelRequest] = []
        self.hung_up = 0
        self.waiting = asyncio.Event()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The reply of a stream."""
        async for piece in self.stream(request):
            if isinstance(piece, ModelReply):
                return piece
        raise AssertionError("no reply is scripted")

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | ModelReply]:
        """The next script of the arm."""
        self.requests.append(request)
        try:
            for step in next(self._calls[request.arm.id]):
                if isinstance(step, asyncio.Event):
                    self.waiting.set()
                    await step.wait()
                elif isinstance(step, ProviderError):
                    raise step
                else:
                    yield Delta(text=step) if isinstance(step, str) else step
        except (GeneratorExit, asyncio.CancelledError):
            self.hung_up += 1
            raise

    async def aclose(self) -> None:
        """Nothing to release."""
