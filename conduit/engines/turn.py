"""A lock that outlives its event loop."""

from __future__ import annotations

import asyncio

from conduit.core.loops import PerLoop


class Turn:
    """One task at a time, in one event loop after another.

    An ``asyncio.Lock`` belongs for good to the loop in which somebody first had to wait for it. Scripts
    that call ``asyncio.run`` once per request have a new loop each time; what ended with the loop
    before holds nothing any more.
    """

    def __init__(self) -> None:
        self._lock = PerLoop(asyncio.Lock)

    async def __aenter__(self) -> None:
        """Wait for one's turn."""
        await self._lock.here().acquire()

    async def __aexit__(self, *_: object) -> None:
        """Let the next one in."""
        self._lock.here().release()
