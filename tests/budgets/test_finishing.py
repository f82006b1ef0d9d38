"""Work that is finished, whatever becomes of who wanted it."""

from __future__ import annotations

import asyncio

from conduit.budgets.finishing import Finishing


async def test_what_is_begun_meanwhile_is_not_waited_for() -> None:
    """Under load somebody always pays: who wants to know what was paid by now would wait for ever."""
    finishing, first, later = Finishing(), asyncio.Event(), asyncio.Event()
    finishing.begin(first.wait)
    waiting = asyncio.create_task(finishing.done())
    await asyncio.sleep(0)
    finishing.begin(later.wait)
    first.set()
    async with asyncio.timeout(20):
        await waiting
    assert len(finishing) == 1
    resting = asyncio.create_task(finishing.rest())
    await asyncio.sleep(0)
    assert not resting.done()
    later.set()
    async with asyncio.timeout(20):
        await resting
    assert len(finishing) == 0
