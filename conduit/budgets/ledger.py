"""The ledger: money is set aside before a call, and what the call did cost is settled after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import uuid4

from conduit.budgets.cost_reports import CostReports
from conduit.budgets.gathering import Gathering
from conduit.budgets.refusals import exceeded, timed_out
from conduit.core.budgets import Budget, Scope, Window, nanos
from conduit.core.clocks import SystemClock
from conduit.core.costs import CostRecord
from conduit.core.errors import ConduitError, ConfigurationError, InvalidInputError
from conduit.core.ports import Clock
from conduit.core.spending import (
    Booking,
    BudgetStore,
    Claim,
    Closing,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)

T = TypeVar("T")

LEASE = 900.0
"""Seconds after which a reservation ends by itself: longer than any call takes."""
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


class Ledger(CostReports):
    """Keeps calls within the budgets that apply to them, together with all who share the store.

    Belongs to one event loop; any number of ledgers may share a database.

    Args:
        store: that keeps the books; open.
        clock: tells the windows; None takes the system's. Processes' clocks should agree.
        lease: seconds after which a reservation ends by itself, above the longest call.

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
        super().__init__(store, before=self._told)
        self._clock = clock or SystemClock()
        self._lease = lease
        self._freed = asyncio.Event()
        self._tally = Tally()
        self._edition = 0
        self._under_way: set[asyncio.Future[Any]] = set()
        self._gathering = Gathering()

    @property
    def tally(self) -> Tally:
        """What became of claims so far."""
        return self._tally

    @property
    def edition(self) -> int:
        """Grows when a budget is made, changed or removed here."""
        return self._edition

    async def set_budget(self, scope: Scope, window: Window, limit: float, *, actor: str) -> Budget:
        """Make a budget, or change its limit, on record; what was spent of it stays spent.

        Spending counts from the moment that the budget is made.

        Raises:
            InvalidInputError: for a limit that is negative or no number.
        """
        budget = Budget(scope=scope, window=window, limit=limit)
        await self._told()
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
        await self._told()
        await self._store.end_overdue(now=self._clock.now())
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
            freed = self._freed
            answer = await self._claim(wanted)
            if isinstance(answer, Reservation):
                self._tally = replace(self._tally, granted=self._tally.granted + 1)
                return answer
            left = began + wait - loop.time()
            if answer.final or left <= 0:
                raise self._refusal(answer, waited=loop.time() - began)
            self._gathering.hurry()
            if not await self._store.end_overdue(now=self._clock.now()):
                await _either(freed, min(pause, left))
                pause = min(2 * pause, LONGEST_LOOK)

    async def settle(
        self,
        reservation_id: str,
        cost: float,
        *,
        record: CostRecord | None = None,
        soon: bool = False,
    ) -> Reservation:
        """Spend what a call did cost, in USD, and free the rest; done even if the task is cancelled.

        Settled twice, the first cost stands. A reservation that was released or has expired is
        settled all the same: the money was spent.

        Args:
            reservation_id: of the reservation.
            cost: USD.
            record: of that cost, kept in the same transaction; None keeps none.
            soon: wait a moment for other calls to end, and book all of them at once. What was set
                aside stays so until then, so that no limit is passed meanwhile.

        Raises:
            InvalidInputError: for a reservation that does not exist, or a cost that cannot be.
        """
        closing = Closing(
            id=reservation_id,
            state=ReservationState.SETTLED,
            cost=cost,
            now=self._clock.now(),
            record=record,
        )
        nanos(cost, what="a cost")
        return await self._surely(self._booked(lambda: self._store.end(closing), soon=soon))

    async def release(self, reservation_id: str) -> Reservation:
        """Free what was set aside for a call that cost nothing; done even if the task is cancelled.

        Raises:
            InvalidInputError: for a reservation that does not exist.
        """
        closing = Closing(id=reservation_id, state=ReservationState.RELEASED, now=self._clock.now())
        return await self._surely(self._store.end(closing))

    async def record_cost(
        self, record: CostRecord, scopes: Sequence[Scope] = (), *, soon: bool = False
    ) -> bool:
        """Spend what nothing was set aside for, on record; done even if the task is cancelled.

        Budgets that apply count it at once in the window of its moment, even beyond their limit:
        the money was spent.

        Args:
            record: of the cost; the same one again is booked once.
            scopes: on whose account.
            soon: wait a moment for other costs, and book all of them at once.

        Returns:
            Whether it was new.

        Raises:
            InvalidInputError: for a cost that cannot be.
        """
        nanos(record.cost, what="a cost")
        accounts = tuple(dict.fromkeys(scopes))
        booking = Booking(record=record, scopes=accounts, now=record.at)
        return await self._surely(self._booked(lambda: self._store.book(booking), soon=soon))

    async def _claim(self, wanted: Claim) -> Reservation | Shortage:
        now = self._clock.now()
        claim = replace(wanted, now=now, ends_at=now + self._lease)
        asked = asyncio.ensure_future(self._store.claim(claim))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await self._surely(self._undone(asked, now=now))
            raise

    async def _undone(self, asked: Awaitable[Reservation | Shortage], *, now: float) -> None:
        """Nothing is set aside by a claim that nobody waits for any more."""
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

    async def _surely(self, ending: Awaitable[T]) -> T:
        task = asyncio.ensure_future(ending)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _told(self) -> None:
        """Until what is being settled and booked here at this moment is in the books."""
        await asyncio.sleep(0)
        self._gathering.hurry()
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _booked(self, booking: Callable[[], Awaitable[T]], *, soon: bool) -> T:
        if soon:
            await self._gathering.moment()
        return await booking()

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._under_way.discard(task)
        self._wake()

    def _edited(self) -> None:
        self._edition += 1
        self._wake()

    def _wake(self) -> None:
        """Let all who wait look again."""
        self._freed.set()
        self._freed = asyncio.Event()


async def _either(freed: asyncio.Event, seconds: float) -> None:
    """Until something was freed here, or so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await freed.wait()
    except TimeoutError:
        return
