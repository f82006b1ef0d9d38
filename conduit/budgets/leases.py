"""Leases of calls under way: they go on while their process lives, and end soon after it died."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from conduit.core.errors import StoreError
from conduit.core.loops import PerLoop
from conduit.core.ports import Clock
from conduit.core.spending import BudgetStore

LEASE = 900.0
"""Seconds after which what a process has set aside is free, should it die."""
_TURNS = 4
"""Times that a lease is renewed in its length: a store may be away for some of them."""
_TOGETHER = 500
"""Reservations renewed in one step; databases take no endless lists."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Rounds:
    timer: asyncio.TimerHandle | None = None
    renewing: asyncio.Task[None] | None = None


class Leases:
    """Renews the leases of reservations that are held; belongs to one event loop at a time.

    Args:
        store: that keeps the books.
        clock: tells when leases end.
        seconds: of a lease.
    """

    def __init__(self, store: BudgetStore, *, clock: Clock, seconds: float = LEASE) -> None:
        self._store = store
        self._clock = clock
        self._held: set[str] = set()
        self._renewed_at = 0.0
        self._rounds = PerLoop(_Rounds)
        self.seconds = seconds

    def hold(self, reservation_id: str, *, since: float) -> None:
        """Renew its lease from now on; it began at ``since``."""
        if not self._held:
            self._renewed_at = since
        self._held.add(reservation_id)
        if self._rounds.here().timer is None:
            self._wind()

    def let_go(self, reservation_id: str) -> None:
        """Renew it no more."""
        self._held.discard(reservation_id)

    async def catch_up(self) -> None:
        """Renew at once what is late: the machine was asleep, or its clock has jumped.

        Raises:
            StoreError: when the store is out of reach.
        """
        if self._held and self._clock.now() - self._renewed_at > self.seconds / 2:
            await self._renewed()

    def _wind(self) -> None:
        loop = asyncio.get_running_loop()
        self._rounds.here().timer = loop.call_later(self.seconds / _TURNS, self._ring)

    def _ring(self) -> None:
        rounds = self._rounds.here()
        rounds.timer = None
        if self._held:
            rounds.renewing = asyncio.create_task(self._renewed_or_said())
            self._wind()

    async def _renewed_or_said(self) -> None:
        try:
            await self._renewed()
        except StoreError as error:
            _log.warning("what is set aside for calls under way was not renewed: %s", error)

    async def _renewed(self) -> None:
        now, held = self._clock.now(), sorted(self._held)
        for start in range(0, len(held), _TOGETHER):
            await self._store.renew(held[start : start + _TOGETHER], ends_at=now + self.seconds)
        self._renewed_at = now
