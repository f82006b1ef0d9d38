"""A database that keeps budgets."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.core.budgets import Budget, Scope, Window
from conduit.core.spending import (
    Claim,
    Closing,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)
from conduit.stores import sql_budgets as unit
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

    async def claim(self, claim: Claim) -> Reservation | Shortage:
        """Set money aside in all budgets that apply, or in none.

        Raises:
            InvalidInputError: for an amount that cannot be.
        """
        try:
            return await self._account(claim)
        except unit.TakenError:  # it is there now
            return await self._account(claim)

    async def end(self, closing: Closing) -> Reservation:
        """Close a reservation: what it set aside is free, and what it did cost is spent.

        Raises:
            InvalidInputError: for a reservation that does not exist, or a cost that cannot be.
        """
        done = await self._account(closing)
        assert isinstance(done, Reservation)
        return done

    async def end_overdue(self, *, now: float) -> int:
        """Let reservations expire whose processes must have died; how many, a hundred at most."""
        ids = await self._worker.read(lambda conn: unit.overdue(conn, now=now))
        for id_ in ids:
            await self.end(Closing(id=id_, state=ReservationState.EXPIRED, now=now))
        return len(ids)

    async def _account(self, command: unit.Command) -> unit.Answer:
        durable = isinstance(command, Closing)
        return await self._worker.share(unit.account, command, lock=command.id, durable=durable)
