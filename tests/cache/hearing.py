"""How tests wait for a bell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from conduit.core.caching import Bell

SECONDS = 10.0
"""After so long a test gives up waiting."""


async def heard(topics: AsyncIterator[str], bell: Bell, topic: str) -> None:
    """Ring until the listener, which may be connecting still, has heard it."""

    async def listen() -> None:
        while await anext(topics) != topic:
            pass

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(SECONDS):
        while not listening.done():
            await bell.ring(topic)
            await asyncio.wait([listening], timeout=0.02)
    await listening
