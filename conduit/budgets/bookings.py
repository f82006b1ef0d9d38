"""What was spent is booked, once, whatever becomes of the task that spent it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from conduit.budgets.cost_reports import CostReports
from conduit.budgets.finishing import Finishing, Work
from conduit.budgets.gathering import Gathering
from conduit.budgets.leases import Leases
from conduit.core.budgets import Scope, nanos
from conduit.core.costs import CostRecord
from conduit.core.loops import PerLoop
from conduit.core.ports import Clock
from conduit.core.spending import Booking, BudgetStore, Closing, Reservation, ReservationState

T = TypeVar("T")


class Freed:
    """Tells those who wait in an event loop that money was freed.

    Attributes:
        event: is set when that happens the next time.
    """

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def tell(self) -> None:
        """Let all who wait look again."""
        self.event.set()
        self.event = asyncio.Event()


class Bookings(CostReports):
    """Settles what was set aside, and books what was not; belongs to one event loop at a time.

    Args:
        store: that keeps the books; open.
        clock: tells the windows.
        leases: of what is set aside.
    """

    def __init__(self, store: BudgetStore, *, clock: Clock, leases: Leases) -> None:
        super().__init__(store, before=self.caught_up)
        self._clock = clock
        self._leases = leases
        self._freed = PerLoop(Freed)
        self._finishing = Finishing()
        self._gathering = PerLoop(Gathering)

    def attend(self) -> None:
        """Be there when this loop ends: some calls are given up, and paid, only then."""
        self._finishing.attend()

    async def settle(
        self,
        reservation_id: str,
        cost: float,
        *,
        record: CostRecord | None = None,
        scopes: Sequence[Scope] = (),
        soon: bool = False,
    ) -> Reservation:
        """Spend what a call did cost, in USD, and free the rest; done even if the task is cancelled.

        Settled twice, the first cost stands. A reservation that was released or has expired is
        settled all the same: the money was spent.

        Args:
            reservation_id: of the reservation.
            cost: USD.
            record: of that cost, kept in the same transaction; None keeps none.
            scopes: accounts on which it is, too: their budgets count it, though nothing was set
                aside of them.
            soon: wait a moment for other calls to end, and book all of them at once. What was set
                aside stays so until then, so that no limit is passed meanwhile.

        Raises:
            InvalidInputError: for a reservation that does not exist, or a cost that cannot be.
        """
        self._leases.let_go(reservation_id)
        closing = Closing(
            id=reservation_id,
            state=ReservationState.SETTLED,
            cost=cost,
            now=self._clock.now(),
            record=record,
            scopes=tuple(dict.fromkeys(scopes)),
        )
        nanos(cost, what="a cost")
        return await self._surely(lambda: self._booked(lambda: self._store.end(closing), soon=soon))

    async def release(self, reservation_id: str) -> Reservation:
        """Free what was set aside for a call that cost nothing; done even if the task is cancelled.

        Raises:
            InvalidInputError: for a reservation that does not exist.
        """
        self._leases.let_go(reservation_id)
        closing = Closing(id=reservation_id, state=ReservationState.RELEASED, now=self._clock.now())
        return await self._surely(lambda: self._store.end(closing))

    async def record_cost(
        self,
        record: CostRecord,
        scopes: Sequence[Scope] = (),
        *,
        soon: bool = False,
        corrects: bool = False,
    ) -> bool:
        """Spend what nothing was set aside for, on record; done even if the task is cancelled.

        Budgets that apply count it at once in the window of its moment, even beyond their limit:
        the money was spent.

        Args:
            record: of the cost; the same one again is booked once.
            scopes: on whose account.
            soon: wait a moment for other costs, and book all of them at once.
            corrects: whether it takes the place of what was booked under its id: the budgets that
                this counted in pay or get back the difference. Its moment and its accounts stay.

        Returns:
            Whether it was new.

        Raises:
            InvalidInputError: for a cost that cannot be.
        """
        nanos(record.cost, what="a cost")
        accounts = tuple(dict.fromkeys(scopes))
        booking = Booking(record=record, scopes=accounts, now=record.at, corrects=corrects)
        return await self._surely(
            lambda: self._booked(lambda: self._store.book(booking), soon=soon)
        )

    async def _surely(self, work: Work[T]) -> T:
        task = self._finishing.begin(work)
        task.add_done_callback(lambda _: self._wake())
        return await asyncio.shield(task)

    async def caught_up(self) -> None:
        """Until what is being settled and booked here at this moment is in the books."""
        await asyncio.sleep(0)
        self._gathering.here().hurry()
        await self._finishing.done()

    async def _booked(self, booking: Work[T], *, soon: bool) -> T:
        if soon:
            await self._gathering.here().moment()
        return await booking()

    def _wake(self) -> None:
        """Let all who wait look again."""
        self._freed.here().tell()
