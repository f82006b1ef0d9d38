"""The ledger: money is set aside before a call, and what the call did cost is settled after it."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

from conduit.budgets.bookings import Bookings
from conduit.budgets.leases import LEASE, Leases
from conduit.budgets.refusals import exceeded, timed_out
from conduit.core.budgets import Budget, Scope, Window, nanos
from conduit.core.clocks import SystemClock
from conduit.core.errors import ConduitError, ConfigurationError, InvalidInputError
from conduit.core.ports import Clock
from conduit.core.spending import (
    BudgetStore,
    Claim,
    Closing,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)

PATIENCE = 30.0
"""Seconds for which a call waits for others to settle."""
FIRST_LOOK, LONGEST_LOOK = 0.02, 0.5
"""Seconds between looks at what other processes have settled; they double."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of claims, since the ledger was made.

    Args:
        granted: money was set aside.
        exceeded: the money was spent.
        timed_out: the wait for others ended.
    """

    granted: int = 0
    exceeded: int = 0
    timed_out: int = 0


class Ledger(Bookings):
    """Keeps calls within the budgets that apply to them, together with all who share the store.

    Belongs to one event loop at a time; any number of ledgers may share a database.

    Args:
        store: that keeps the books; open.
        clock: tells the windows; None takes the system's. Processes' clocks should agree.
        lease: seconds after which a reservation ends by itself, unless it is kept.

    Raises:
        ConfigurationError: for a store that keeps no budgets.
        InvalidInputError: for a lease that is not above 0.
    """

    def __init__(self, store: object, *, clock: Clock | None = None, lease: float = LEASE) -> None:
        if not isinstance(store, BudgetStore):
            raise ConfigurationError(
                f"budgets are not kept by a {type(store).__name__}",
                remedy="set DATABASE_URL to a postgresql:// address, or keep a SQLite file",
            )
        if not lease > 0:
            raise InvalidInputError(f"a lease of {lease:g} s is over", remedy="give more than 0")
        clock = clock or SystemClock()
        super().__init__(store, clock=clock, leases=Leases(store, clock=clock, seconds=lease))
        self._tally = Tally()
        self._edition = 0

    @property
    def tally(self) -> Tally:
        """What became of claims so far."""
        return self._tally

    @property
    def edition(self) -> int:
        """Grows when a budget is made, changed or removed here."""
        return self._edition

    def look_again(self) -> None:
        """Take what is known of budgets for old: another ledger has made or changed one."""
        self._edited()

    async def set_budget(self, scope: Scope, window: Window, limit: float, *, actor: str) -> Budget:
        """Make a budget, or change its limit, on record; what was spent of it stays spent.

        Spending counts from the moment that the budget is made.

        Raises:
            InvalidInputError: for a limit that is negative or no number.
        """
        budget = Budget(scope=scope, window=window, limit=limit)
        await self.caught_up()
        await self._store.put_budget(budget, actor=actor, now=self._clock.now())
        self._edited()
        return budget

    async def remove_budget(self, scope: Scope, window: Window, *, actor: str) -> bool:
        """Forget a budget and what was spent of it, on record; whether there was one."""
        gone = await self._store.remove_budget(scope, window, actor=actor, now=self._clock.now())
        self._edited()
        return gone

    async def standing(self, scopes: Sequence[Scope] | None = None) -> list[Spend]:
        """Budgets of some scopes, or all, in order, as they stand; as quick after any history."""
        await self.caught_up()
        await self._end_overdue()
        return await self.look(scopes)

    async def look(self, scopes: Sequence[Scope] | None = None) -> list[Spend]:
        """Likewise, with what was set aside for calls whose processes have died: quicker still."""
        return await self._store.spends(scopes, now=self._clock.now())

    async def any_budget(self) -> bool:
        """Whether anybody has one."""
        return await self._store.any_budget()

    async def check(self, scopes: Sequence[Scope], estimate: float = 0.0) -> list[Spend]:
        """How the budgets that apply stand; advisory, nothing is set aside.

        Raises:
            BudgetExceededError: where settled spending and the estimate, in USD, exceed a limit.
        """
        wanted = nanos(estimate, what="an estimate")
        spends = await self._store.spends(scopes, now=self._clock.now())
        for spend in spends:
            room = nanos(spend.budget.limit, what="a limit") - round(spend.settled * 1e9)
            if wanted > room or room < 0:
                raise exceeded(Shortage(spend=spend, wanted=estimate, final=True))
        return spends

    async def reserve(
        self,
        scopes: Sequence[Scope],
        estimate: float,
        *,
        id: str | None = None,  # noqa: A002 - what it is
        least: float | None = None,
        wait: float = PATIENCE,
        kept: bool = False,
    ) -> Reservation:
        """Set money aside in every budget that applies, or in none, waiting for others to settle.

        A task that is cancelled here leaves nothing set aside.

        Args:
            scopes: on whose account.
            estimate: USD that the call costs at most.
            id: of the reservation; the same one again answers what became of it the first time.
            least: USD that will do where the estimate is not left. Less is then set aside,
                ``amount`` says how much, and the caller sees to it that the call costs no more.
            wait: seconds for others to settle; 0 does not wait.
            kept: whether its lease is renewed until it is settled or released, which is then sure
                to come: it ends by itself only should the process die.

        Raises:
            BudgetExceededError: settled spending and what is wanted exceed a limit.
            ReservationTimeoutError: there would be room, but the wait ended.
            InvalidInputError: for an amount that cannot be.
        """
        wanted = Claim(
            id=id or uuid4().hex,
            fresh=id is None,
            scopes=tuple(dict.fromkeys(scopes)),
            estimate=estimate,
            least=least,
            now=0.0,
            ends_at=0.0,
        )
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), FIRST_LOOK
        while True:
            freed = self._freed.here().event
            answer = await self._claim(wanted)
            if isinstance(answer, Reservation):
                self._tally = replace(self._tally, granted=self._tally.granted + 1)
                if kept:
                    self._leases.hold(answer.id, since=answer.made_at)
                return answer
            left = began + wait - loop.time()
            if answer.final or left <= 0:
                raise self._refusal(answer, waited=loop.time() - began)
            self._gathering.here().hurry()
            if not await self._end_overdue():
                await _either(freed, min(pause, left))
                pause = min(2 * pause, LONGEST_LOOK)

    async def _end_overdue(self) -> int:
        """Free what processes have left behind that must have died; this one lives."""
        await self._leases.catch_up()
        return await self._store.end_overdue(now=self._clock.now())

    async def _claim(self, wanted: Claim) -> Reservation | Shortage:
        now = self._clock.now()
        claim = replace(wanted, now=now, ends_at=now + self._leases.seconds)
        asked = asyncio.ensure_future(self._store.claim(claim))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await self._surely(lambda: self._undone(asked, now=now))
            raise

    async def _undone(self, asked: Future[Reservation | Shortage], *, now: float) -> None:
        """Nothing is set aside by a claim that nobody waits for any more."""
        if asked.cancelled():  # with its loop: should it have been made, it expires
            return
        with suppress(ConduitError):  # a store that is out of reach lets it expire
            answer = await asked
            if isinstance(answer, Reservation) and answer.made_at == now:
                state = ReservationState.RELEASED
                await self._store.end(Closing(id=answer.id, state=state, now=self._clock.now()))

    def _refusal(self, shortage: Shortage, *, waited: float) -> Exception:
        if shortage.final:
            self._tally = replace(self._tally, exceeded=self._tally.exceeded + 1)
            return exceeded(shortage)
        self._tally = replace(self._tally, timed_out=self._tally.timed_out + 1)
        return timed_out(shortage, waited=waited)

    def _edited(self) -> None:
        self._edition += 1
        self._wake()


async def _either(freed: asyncio.Event, seconds: float) -> None:
    """Until something was freed here, or so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await freed.wait()
    except TimeoutError:
        return
