"""A lock that outlives its event loop."""

from __future__ import annotations

import asyncio


class Turn:
    """One task at a time, in one event loop after another.

    An ``asyncio.Lock`` belongs for good to the loop in which somebody first had to wait for it. Scripts
    that call ``asyncio.run`` once per request have a new loop each time; what ended with the loop
    before holds nothing any more.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> None:
        """Wait for one's turn."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._lock, self._loop = asyncio.Lock(), loop
        await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        """Let the next one in."""
        self._lock.release()
