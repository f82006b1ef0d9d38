"""Many may work at once; one who needs quiet waits for them, and has those who come wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conduit.engines.turn import Turn


class Quiet:
    """Shared and exclusive use of something by the tasks of one event loop, or of one after another.

    Those who ask for quiet have it one after the other; whoever works must not wait for it.
    """

    def __init__(self) -> None:
        self._turn = Turn()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begin()

    def _begin(self) -> None:
        self._working = 0
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()

    def _enter_loop(self) -> None:
        """Whoever worked in a loop that has ended works no more."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._begin()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work beside others, as soon as there is no quiet to be kept."""
        self._enter_loop()
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
        self._enter_loop()
        async with self._turn:
            self._open.clear()
            try:
                await self._idle.wait()
                yield
            finally:
                self._open.set()
