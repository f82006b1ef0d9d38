"""A replica keeps up: it folds what is pending, and takes up what other processes did.

Nothing here is on the way of a request. While the store is out of reach, the router goes on with
what it knows, and catches up afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial

from conduit.core.caching import Bell
from conduit.core.errors import ConduitError, LayoutMismatchError
from conduit.core.loops import goes_on
from conduit.core.outcomes import Head
from conduit.core.ports import Store
from conduit.core.sharing import Pulse
from conduit.engines.learner import Learner
from conduit.engines.shared_portfolio import PORTFOLIO
from conduit.engines.shared_steering import SharedSteering
from conduit.engines.swapping import Swapping
from conduit.engines.turn import Turn

EVERY = 0.2
"""Seconds between two looks at the store."""
EARLY = 100
"""Ratings known up to which a decision takes up first what others have learned."""
FRESH = 0.05
"""Seconds for which what a look has found will do for that."""
PATIENCE = 0.05
"""Seconds that a decision waits for it."""
COMPANY = 60.0
"""Seconds since another process changed anything after which there is nobody to wait for."""
AT_MOST = 5.0
"""The same while the store is out of reach: each pause is twice as long as the one before."""
GATHER = 0.01
"""Seconds that are waited for more of the same, once something has happened."""
CHANGED = "changed"
"""Topic of the bell."""

_log = logging.getLogger(__name__)
_BEHIND = "this process no longer keeps up with others"
_UNINFORMED = "a decision was made without what others learned just before it"


class Replica:
    """Looks at the store a few times a second, and at once when another process rings.

    The n-th rating changes what is believed by 1/n. So while next to nothing is known, and others
    learn too, a decision waits for a look of its own: what another process was told a moment ago
    may be half of all there is.

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
        self._away = 0.0
        self._met = self._looked = -math.inf
        self._outdated = False
        self._turn = Turn()
        self._keeper: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._asked: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether somebody looks, in the loop that runs."""
        return goes_on(self._keeper)

    def start(self) -> None:
        """Go on looking until stopped, in the loop that runs; nothing to do where that is done.

        Nor is there where no other process can be.
        """
        if self.is_running or not self._store.shared:
            return
        self._wake = asyncio.Event()  # one that was waited for belongs to its loop
        self._keeper = _begun(self._run())
        if self._bell is not None and not goes_on(self._listener):
            self._listener = _begun(self._listen(self._bell))

    async def stop(self) -> None:
        """Stop looking; a look that is under way is finished, so that nothing is told in doubt."""
        tasks = (self._keeper, self._listener, self._asked)
        running = [it for it in tasks if goes_on(it)]
        self._keeper = self._listener = self._asked = None
        async with self._turn:
            for task in running:
                task.cancel()
        if running:
            await asyncio.wait(running)

    def hurry(self) -> None:
        """Something was changed here: where others can be told at once, they are."""
        if self._bell is not None:
            self._wake.set()

    async def catch_up(self) -> None:
        """Before a decision, take up what others have learned, where that is worth a wait."""
        if not self._is_behind:
            return
        if not goes_on(self._asked):  # one look for all who wait, whoever of them gives up
            self._asked = _begun(self._look_for_news(), fault=_UNINFORMED)
        assert self._asked is not None
        await asyncio.wait([self._asked], timeout=PATIENCE)

    async def look(self) -> None:
        """Fold, take up what has changed, and tell what was done here.

        Raises:
            StoreError: when the store is out of reach.
        """
        async with self._turn:  # what is told twice at once would count twice
            await self._look()

    async def _look(self) -> None:
        pulse = await self._store.pulse()
        folded = pulse.pending and await self._learner.fold()
        if folded:
            pulse = await self._store.pulse()
        try:
            await self._take_up(pulse)
        except LayoutMismatchError as error:  # money is shared all the same
            if not self._outdated:
                _log.warning("this process learns from others no more, restart it: %s", error)
            self._outdated = True
        told = await self._steering.exchange(known=pulse)
        edited, self._rung = self._swapping.version != self._rung, self._swapping.version
        self._looked = time.monotonic()
        if self._bell is not None and (folded or told or edited):
            await self._bell.ring(CHANGED)

    async def _take_up(self, pulse: Pulse) -> None:
        """What others have learned, and which models they have.

        Raises:
            LayoutMismatchError: where they were given another encoder.
        """
        if pulse.documents.get(PORTFOLIO, 0) != self._swapping.version:
            await self._swapping.follow()
        elif pulse.state != self._learner.version:
            self._met = time.monotonic()
            await self._learner.refresh()

    @property
    def _is_behind(self) -> bool:
        """Whether others may know something that counts, and can be asked."""
        now = time.monotonic()
        if self._away or now - self._met > COMPANY or now - self._looked < FRESH:
            return False
        return self._learner.models.head(Head.QUALITY).count < EARLY

    async def _look_for_news(self) -> None:
        """The keeper says what is wrong with a store that is out of reach."""
        with suppress(ConduitError):
            async with self._turn:
                if self._is_behind:
                    await self._look()

    async def _run(self) -> None:
        while True:
            await self._wait(self._away or EVERY)
            if self._keeper is not asyncio.current_task():  # its loop was left, and is used again
                return
            try:
                await self.look()
                self._away = 0.0
            except ConduitError as error:
                if not self._away:
                    _log.warning("going on with what is known: %s", error)
                self._away = min(2 * (self._away or EVERY), AT_MOST)

    async def _wait(self, pause: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):  # wait_for would lose a cancellation at that moment
                await self._wake.wait()
            await asyncio.sleep(GATHER)
        self._wake.clear()

    async def _listen(self, bell: Bell) -> None:
        async for _ in bell.listen():
            self._wake.set()


def _begun(work: Coroutine[None, None, None], *, fault: str = _BEHIND) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(partial(_say_why, fault=fault))
    return task


def _say_why(ended: asyncio.Task[None], *, fault: str) -> None:
    """Who fails by a fault of its own is missed by nobody, unless it says so."""
    if not ended.cancelled() and (error := ended.exception()) is not None:
        _log.error(fault, exc_info=error)
