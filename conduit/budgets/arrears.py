"""Payments that are made behind the back of those who answer, and again until the store takes them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from conduit.budgets.finishing import Finishing, Work
from conduit.core.errors import ConduitError, StoreError
from conduit.core.loops import goes_on

Payment: TypeAlias = Work[object]
"""Makes one payment; made again, it changes nothing."""

AT_ONCE = 512
"""Payments under way that nobody waits for; who makes one more waits for it."""
MOST = 20_000
"""Payments kept while the store is out of reach; later ones are lost, and said so."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between attempts; each is twice as long as the one before."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    payment: Payment
    amount: float


class Arrears:
    """Sees to it that what was spent is booked, once, whatever becomes of task, loop and store.

    One event loop at a time owns it: the next one pays what the one before it has left.
    """

    def __init__(self) -> None:
        self._paying = Finishing()
        self._due: deque[_Due] = deque()
        self._collecting: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Payments that the store has not taken yet."""
        return len(self._due)

    def attend(self) -> None:
        """Be there when this loop ends: some calls are given up, and paid, only then."""
        self._paying.attend()

    async def pay(self, payment: Payment, *, amount: float = 0.0) -> None:
        """Pay now; later, where the store is out of reach. Done even if the task is cancelled.

        Args:
            payment: to be made.
            amount: USD, for the log, should it be lost.

        Raises:
            ConduitError: for a payment that can never be made.
        """
        due = _Due(payment, amount)
        await asyncio.shield(self._paying.begin(lambda: self._paid(due)))

    async def pay_soon(self, payment: Payment, *, amount: float = 0.0) -> None:
        """Pay without waiting, unless too many payments are under way, or the loop is ending.

        One that can never be made is lost, and the log says so: nobody is there to be told.
        """
        due = _Due(payment, amount)
        paying = self._paying.begin(lambda: self._paid_or_dropped(due))
        if self._due:  # of a loop that has ended
            self._collect_soon()
        if len(self._paying) > AT_ONCE or self._paying.is_ending:
            await asyncio.shield(paying)

    async def settle_up(self) -> None:
        """Make all payments; before the store closes.

        Raises:
            StoreError: when the store is out of reach, naming how many are lost.
        """
        await self._paying.rest()
        collecting, self._collecting = self._collecting, None
        if goes_on(collecting):
            collecting.cancel()
            await asyncio.wait([collecting])
        try:
            await self._collect()
        except StoreError as error:
            raise StoreError(
                f"{len(self._due)} costs could not be booked: {error.problem}", remedy=error.remedy
            ) from None

    async def _paid_or_dropped(self, due: _Due) -> None:
        try:
            await self._paid(due)
        except ConduitError as error:
            _drop(due, error)

    async def _paid(self, due: _Due) -> None:
        try:
            await due.payment()
        except StoreError as error:
            self._owe(due, error)

    def _owe(self, due: _Due, error: StoreError) -> None:
        if len(self._due) >= MOST:
            _drop(due, error)
            return
        if not self._due:
            _log.warning("costs are booked later: %s", error)
        self._due.append(due)
        self._collect_soon()

    def _collect_soon(self) -> None:
        if self._paying.is_ending:  # nobody would wait for it: the next loop does it
            return
        if not goes_on(self._collecting):
            self._collecting = asyncio.create_task(self._collect_on())

    async def _collect_on(self) -> None:
        """Until nothing is left. A loop that ends cancels this, and what is left is tried once."""
        pause = FIRST_PAUSE
        try:
            while self._due:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                with suppress(StoreError):  # said already, when the first payment failed
                    await self._collect()
        except asyncio.CancelledError:
            with suppress(StoreError):
                await self._collect()
            raise

    async def _collect(self) -> None:
        while self._due:
            due = self._due[0]
            try:
                await due.payment()
            except StoreError:
                raise
            except ConduitError as error:  # waiting is vain, and others wait behind it
                _drop(due, error)
            self._due.popleft()


def _drop(due: _Due, error: ConduitError) -> None:
    _log.error("a cost is lost, of $%.9g: %s", due.amount, error)
