"""A replica keeps up: it folds what is pending, and takes up what other processes did.

Nothing here is on the way of a request. While the store is out of reach, the router goes on with
what it knows, and catches up afterwards.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from conduit.core.errors import StoreError
from conduit.core.ports import Store
from conduit.engines.learner import Learner
from conduit.engines.shared_portfolio import PORTFOLIO
from conduit.engines.shared_steering import SharedSteering
from conduit.engines.swapping import Swapping

EVERY = 0.2
"""Seconds between two looks at the store."""
AT_MOST = 5.0
"""The same while the store is out of reach: each pause is twice as long as the one before."""

_log = logging.getLogger(__name__)


class Replica:
    """Looks at the store a few times a second.

    Args:
        learner: holds what was learned.
        swapping: holds the portfolio.
        steering: holds the budget's figures.
        store: where all processes meet.
    """

    def __init__(
        self, learner: Learner, swapping: Swapping, *, steering: SharedSteering, store: Store
    ) -> None:
        self._learner = learner
        self._swapping = swapping
        self._steering = steering
        self._store = store
        self._running: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Go on looking until stopped; nothing to do where no other process can be."""
        if self._store.shared:
            self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def wake(self) -> None:
        """Look now: something has changed elsewhere."""
        self._wake.set()

    async def look(self) -> None:
        """Fold, and take up what has changed.

        Raises:
            StoreError: when the store is out of reach.
        """
        await self._learner.fold()
        pulse = await self._store.pulse()
        if pulse.documents.get(PORTFOLIO, 0) != self._swapping.version:
            await self._swapping.follow()
        elif pulse.state != self._learner.version:
            await self._learner.refresh()
        await self._steering.exchange(known=pulse)

    async def _run(self) -> None:
        pause = EVERY
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()
            try:
                await self.look()
                pause = EVERY
            except StoreError as error:
                if pause == EVERY:
                    _log.warning("going on with what is known: %s", error)
                pause = min(2 * pause, AT_MOST)
