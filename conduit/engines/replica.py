"""A replica keeps up: it folds what is pending, and takes up what other processes did.

Nothing here is on the way of a request. While the store is out of reach, the router goes on with
what it knows, and catches up afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress

from conduit.core.caching import Bell
from conduit.core.errors import ConduitError
from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.engines.learner import Learner
from conduit.engines.shared_portfolio import PORTFOLIO
from conduit.engines.shared_steering import SharedSteering
from conduit.engines.swapping import Swapping
from conduit.engines.turn import Turn

EVERY = 0.2
"""Seconds between two looks at the store."""
EAGER = 0.05
"""The same while next to nothing is known, and what others learn is worth most."""
GROWN = 400
"""Ratings known from which on there is no more hurry than that."""
COMPANY = 60.0
"""Seconds since the start, or since another process changed anything, after which there is nobody to hurry for."""
AT_MOST = 5.0
"""The same while the store is out of reach: each pause is twice as long as the one before."""
GATHER = 0.01
"""Seconds that are waited for more of the same, once something has happened."""
CHANGED = "changed"
"""Topic of the bell."""

_log = logging.getLogger(__name__)


class Replica:
    """Looks at the store a few times a second, and at once when another process rings.

    Args:
        learner: holds what was learned.
        swapping: holds the portfolio.
        steering: holds the budget's figures.
        store: where all processes meet.
        bell: rings where something has changed; None where nobody would hear it.
    """

    def __init__(
        self,
        learner: Learner,
        swapping: Swapping,
        *,
        steering: SharedSteering,
        store: Store,
        bell: Bell | None = None,
    ) -> None:
        self._learner = learner
        self._swapping = swapping
        self._steering = steering
        self._store = store
        self._bell = bell
        self._rung = 0
        self._met = time.monotonic()
        self._turn = Turn()
        self._keeper: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether somebody looks."""
        return _goes_on(self._keeper)

    def start(self) -> None:
        """Go on looking until stopped, in the loop that runs; nothing to do where that is done.

        Nor is there where no other process can be.
        """
        if self.is_running or not self._store.shared:
            return
        self._wake = asyncio.Event()  # one that was waited for belongs to its loop
        self._keeper = _begun(self._run())
        if self._bell is not None and not _goes_on(self._listener):
            self._listener = _begun(self._listen(self._bell))

    async def stop(self) -> None:
        """Stop looking; a look that is under way is finished, so that nothing is told in doubt."""
        running = [it for it in (self._keeper, self._listener) if it is not None and not it.done()]
        self._keeper = self._listener = None
        async with self._turn:
            for task in running:
                task.cancel()
        if running:
            await asyncio.wait(running)

    def hurry(self) -> None:
        """Something was changed here: where others can be told at once, they are."""
        if self._bell is not None:
            self._wake.set()

    async def look(self) -> None:
        """Fold, take up what has changed, and tell what was done here.

        Raises:
            StoreError: when the store is out of reach.
        """
        async with self._turn:  # what is told twice at once would count twice
            pulse = await self._store.pulse()
            folded = pulse.pending and await self._learner.fold()
            if folded:
                pulse = await self._store.pulse()
            if pulse.documents.get(PORTFOLIO, 0) != self._swapping.version:
                await self._swapping.follow()
            elif pulse.state != self._learner.version:
                self._met = time.monotonic()
                await self._learner.refresh()
            told = await self._steering.exchange(known=pulse)
            edited, self._rung = self._swapping.version != self._rung, self._swapping.version
        if self._bell is not None and (folded or told or edited):
            await self._bell.ring(CHANGED)

    async def _run(self) -> None:
        away = 0.0
        while True:
            await self._wait(away or self._pause)
            try:
                await self.look()
                away = 0.0
            except ConduitError as error:
                if not away:
                    _log.warning("going on with what is known: %s", error)
                away = min(2 * (away or EVERY), AT_MOST)

    @property
    def _pause(self) -> float:
        """Seconds: the n-th rating changes what is believed by 1/n, so that early ones are urgent.

        Where nobody else is, nothing is.
        """
        if time.monotonic() - self._met > COMPANY:
            return EVERY
        known = float(self._learner.models.head(Head.QUALITY).counts.sum())
        return EAGER + (EVERY - EAGER) * min(known / GROWN, 1.0)

    async def _wait(self, pause: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):  # wait_for would lose a cancellation at that moment
                await self._wake.wait()
            await asyncio.sleep(GATHER)
        self._wake.clear()

    async def _listen(self, bell: Bell) -> None:
        async for _ in bell.listen():
            self._wake.set()


def _begun(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_say_why)
    return task


def _goes_on(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()


def _say_why(ended: asyncio.Task[None]) -> None:
    """A keeper that fails by a fault of its own is missed by nobody, unless it says so."""
    if not ended.cancelled() and (error := ended.exception()) is not None:
        _log.error("this process no longer keeps up with others", exc_info=error)
