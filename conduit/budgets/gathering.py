"""A moment in which more may come of what is cheaper done together."""

from __future__ import annotations

import asyncio

GATHER = 0.02
"""Seconds: as long as a client hardly notices, and ten times as long as a commit takes."""


class Gathering:
    """Lets tasks go on together, a moment after the first of them came; belongs to one event loop."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    async def moment(self) -> None:
        """Until the moment is over, or somebody is in a hurry."""
        if self._next is None or self._next.done():
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            loop.call_later(GATHER, self.hurry)
        await asyncio.shield(self._next)

    def hurry(self) -> None:
        """Wait no longer."""
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
