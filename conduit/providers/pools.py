"""Backends that live and die with the event loop they were opened on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from conduit.providers.endpoints import Endpoint


class Closable(Protocol):
    """What lets go of its connections when it is told to."""

    @property
    def close(self) -> Callable[[], Awaitable[None]]:
        """Lets go of the connections."""
        ...


B = TypeVar("B", bound=Closable)


class BackendPool(Generic[B]):
    """Opens one backend per endpoint and event loop, at its first use.

    Connections belong to the loop that opened them. Each loop's backends are therefore held by an
    asynchronous generator, which a loop finishes when it shuts down: ``asyncio.run`` twice with
    one pool leaves nothing open, even where nobody called :meth:`aclose`.

    Args:
        opener: builds the backend of an endpoint; must not block.
    """

    def __init__(self, opener: Callable[[Endpoint], B]) -> None:
        self._opener = opener
        self._backends: dict[asyncio.AbstractEventLoop, dict[Endpoint, B]] = {}
        self._leases: dict[asyncio.AbstractEventLoop, AsyncGenerator[None]] = {}

    async def backend(self, endpoint: Endpoint) -> B:
        """The backend of an endpoint on the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._backends:
            self._forget_closed_loops()
            self._leases[loop] = self._lease(loop)
            await anext(self._leases[loop])
        backends = self._backends[loop]
        if endpoint not in backends:
            backends[endpoint] = self._opener(endpoint)
        return backends[endpoint]

    async def aclose(self) -> None:
        """Close the running loop's backends; a later use opens new ones."""
        lease = self._leases.pop(asyncio.get_running_loop(), None)
        if lease is not None:
            await lease.aclose()

    async def _lease(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None]:
        self._backends[loop] = {}
        try:
            yield
        finally:
            self._leases.pop(loop, None)
            for backend in self._backends.pop(loop).values():
                await backend.close()

    def _forget_closed_loops(self) -> None:
        # Only a loop closed without shutdown_asyncgens is still here; its sockets cannot be awaited.
        for loop in [loop for loop in self._backends if loop.is_closed()]:
            del self._backends[loop], self._leases[loop]
