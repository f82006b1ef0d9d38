"""Many may work at once; one who needs quiet waits for them, and has those who come wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Quiet:
    """Shared and exclusive use of something by the tasks of one event loop.

    Those who ask for quiet have it one after the other; whoever works must not wait for it.
    """

    def __init__(self) -> None:
        self._working = 0
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work beside others, as soon as there is no quiet to be kept."""
        while not self._open.is_set():
            await self._open.wait()
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Be alone: nobody works inside."""
        async with self._turn:
            self._open.clear()
            try:
                await self._idle.wait()
                yield
            finally:
                self._open.set()
