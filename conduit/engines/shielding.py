"""Work that is finished even when the task that began it is cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

_log = logging.getLogger(__name__)


async def finish(work: Coroutine[object, object, None]) -> None:
    """Do it to its end; a cancellation that comes meanwhile is passed on afterwards.

    A loop that is shut down cancels the work itself, as everything else.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            await _wait(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("after a call was given up: %s", error)
        raise


async def _wait(task: asyncio.Future[None]) -> None:
    """Until it is done, or until the waiting is cancelled once more, which changes nothing."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        return
