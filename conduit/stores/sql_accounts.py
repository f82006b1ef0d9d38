"""A database that keeps budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conduit.core.budgets import Budget, Scope, Window
from conduit.core.costs import (
    CostFilter,
    CostPage,
    CostQuality,
    CostRecord,
    CostTotal,
    GroupBy,
    check_limit,
)
from conduit.core.spending import (
    Booking,
    Claim,
    Closing,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)
from conduit.stores import sql_budgets as unit
from conduit.stores import sql_costs as costs
from conduit.stores.cost_sums import parse_cursor
from conduit.stores.sql_connection import SQLConnection


class SQLBudgets(SQLConnection):
    """The :class:`~conduit.core.spending.BudgetStore` contract on SQLAlchemy.

    What tasks want at once shares a transaction. What is set aside may be lost with the machine's
    power, as the calls are it was set aside for; what was spent is on the disk.
    """

    async def put_budget(self, budget: Budget, *, actor: str, now: float) -> None:
        """Make a budget, or change the limit of one, on record; what was spent stays spent."""
        await self._worker.write(
            lambda conn: unit.put_budget(conn, budget, actor=actor, now=now), durable=True
        )

    async def remove_budget(self, scope: Scope, window: Window, *, actor: str, now: float) -> bool:
        """Forget a budget and what was spent of it, on record; whether there was one."""
        return await self._worker.write(
            lambda conn: unit.remove_budget(conn, scope, window, actor=actor, now=now),
            durable=True,
        )

    async def spends(self, scopes: Sequence[Scope] | None = None, *, now: float) -> list[Spend]:
        """Budgets of some scopes, or all, in order, as they stand."""
        return await self._worker.read(lambda conn: unit.read_spends(conn, scopes, now=now))

    async def any_budget(self) -> bool:
        """Whether anybody has one."""
        return await self._worker.read(unit.any_budget)

    async def claim(self, claim: Claim) -> Reservation | Shortage:
        """Set money aside in all budgets that apply, or in none.

        Raises:
            InvalidInputError: for an amount that cannot be.
        """
        answer = await self._account(claim)
        assert not isinstance(answer, bool)
        return answer

    async def end(self, closing: Closing) -> Reservation:
        """Close a reservation: what it set aside is free, and what it did cost is spent.

        Raises:
            InvalidInputError: for a reservation that does not exist, or a cost that cannot be.
        """
        done = await self._account(closing)
        assert isinstance(done, Reservation)
        return done

    async def renew(self, ids: Sequence[str], *, ends_at: float) -> None:
        """Let reservations that are open end no sooner than at a moment."""
        await self._worker.write(lambda conn: unit.renew(conn, ids, ends_at=ends_at))

    async def book(self, booking: Booking) -> bool:
        """Spend what nothing was set aside for, on record; whether it was not booked before.

        Raises:
            InvalidInputError: for a cost that cannot be.
        """
        return await self._account(booking) is True

    async def cost(self, record_id: str) -> CostRecord | None:
        """A record by its id; None where there is none."""
        return await self._worker.read(lambda conn: costs.read_record(conn, record_id))

    async def cost_page(
        self, wanted: CostFilter, *, limit: int, cursor: str | None = None
    ) -> CostPage:
        """Records of costs, the newest first.

        Raises:
            InvalidInputError: for a limit out of range, or a cursor that no page gave.
        """
        check_limit(limit)
        after = None if cursor is None else parse_cursor(cursor)
        return await self._worker.read(
            lambda conn: costs.read_page(conn, wanted, limit=limit, after=after)
        )

    async def cost_totals(
        self, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
    ) -> list[CostTotal]:
        """Sums per group, the dearest first, and days from the latest.

        Raises:
            InvalidInputError: for a limit out of range.
        """
        check_limit(limit)
        return await self._worker.read(
            lambda conn: costs.read_totals(conn, group_by, wanted, limit=limit)
        )

    async def cost_qualities(
        self, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
    ) -> list[CostQuality]:
        """The mean rating, in the order of the sums, of those of the first groups that have one.

        Raises:
            InvalidInputError: for a limit out of range.
        """
        check_limit(limit)
        return await self._worker.read(
            lambda conn: costs.read_qualities(conn, group_by, wanted, limit=limit)
        )

    async def end_overdue(self, *, now: float) -> int:
        """Let reservations expire whose processes must have died; how many, a hundred at most."""
        ids = await self._worker.read(lambda conn: unit.overdue(conn, now=now))
        for id_ in ids:
            await self.end(Closing(id=id_, state=ReservationState.EXPIRED, now=now))
        return len(ids)

    async def _account(self, command: unit.Command) -> unit.Answer:
        durable = not isinstance(command, Claim)
        try:
            return await self._worker.share(unit.account, command, lock=command.id, durable=durable)
        except unit.TakenError:  # it is there now
            again = replace(command, fresh=False) if isinstance(command, Claim) else command
            return await self._worker.share(unit.account, again, lock=again.id, durable=durable)
