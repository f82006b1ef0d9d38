"""Budgets for one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

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
from conduit.stores.accounts import Accounts
from conduit.stores.budget_edits import edit_of
from conduit.stores.cost_sums import Ratings, page_of, parse_cursor, qualities_of, totals_of
from conduit.stores.memory_documents import MemoryDocuments


class MemoryBudgets(MemoryDocuments):
    """The :class:`~conduit.core.spending.BudgetStore` contract without a database."""

    def __init__(self) -> None:
        super().__init__()
        self._accounts = Accounts()
        self._open: dict[str, float] = {}

    async def put_budget(self, budget: Budget, *, actor: str, now: float) -> None:
        """Make a budget, or change the limit of one, on record; what was spent stays spent."""
        known = self._accounts.find(budget.scope, budget.window)
        before = None if known is None else self._accounts.budgets[known]
        self._accounts.put(known or uuid4().hex, budget)
        self._edits.append(edit_of(before, budget, actor=actor, now=now))

    async def remove_budget(self, scope: Scope, window: Window, *, actor: str, now: float) -> bool:
        """Forget a budget and what was spent of it, on record; whether there was one."""
        before = self._accounts.remove(scope, window)
        if before is not None:
            self._edits.append(edit_of(before, None, actor=actor, now=now))
        return before is not None

    async def spends(self, scopes: Sequence[Scope] | None = None, *, now: float) -> list[Spend]:
        """Budgets of some scopes, or all, in order, as they stand."""
        return self._accounts.spends(scopes, now=now)

    async def any_budget(self) -> bool:
        """Whether anybody has one."""
        return bool(self._accounts.budgets)

    async def claim(self, claim: Claim) -> Reservation | Shortage:
        """Set money aside in all budgets that apply, or in none."""
        answer = self._accounts.claim(claim)
        if isinstance(answer, Reservation) and answer.state is ReservationState.OPEN:
            self._open[answer.id] = answer.ends_at
        return answer

    async def end(self, closing: Closing) -> Reservation:
        """Close a reservation: what it set aside is free, and what it did cost is spent.

        Raises:
            InvalidInputError: for a reservation that does not exist.
        """
        done = self._accounts.close(closing)
        if done.state is not ReservationState.OPEN:
            self._open.pop(done.id, None)
        return done

    async def renew(self, ids: Sequence[str], *, ends_at: float) -> None:
        """Let reservations that are open end no sooner than at a moment."""
        for id_ in ids:
            if self._open.get(id_, ends_at) < ends_at:
                known = self._accounts.reservations[id_]
                self._accounts.reservations[id_] = replace(known, ends_at=ends_at)
                self._open[id_] = ends_at

    async def book(self, booking: Booking) -> bool:
        """Spend what nothing was set aside for, on record; whether it was not booked before."""
        return self._accounts.book(booking)

    async def cost(self, record_id: str) -> CostRecord | None:
        """A record by its id; None where there is none."""
        return self._accounts.costs.get(record_id)

    async def cost_page(
        self, wanted: CostFilter, *, limit: int, cursor: str | None = None
    ) -> CostPage:
        """Records of costs, the newest first.

        Raises:
            InvalidInputError: for a limit out of range, or a cursor that no page gave.
        """
        check_limit(limit)
        after = None if cursor is None else parse_cursor(cursor)
        return page_of(self._accounts.costs.values(), wanted, limit=limit, after=after)

    async def cost_totals(
        self, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
    ) -> list[CostTotal]:
        """Sums per group, the dearest first, and days from the latest.

        Raises:
            InvalidInputError: for a limit out of range.
        """
        check_limit(limit)
        return totals_of(self._accounts.costs.values(), group_by, wanted)[:limit]

    async def cost_qualities(
        self, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
    ) -> list[CostQuality]:
        """The mean rating, in the order of the sums, of those of the first groups that have one.

        Raises:
            InvalidInputError: for a limit out of range.
        """
        check_limit(limit)
        records = tuple(self._accounts.costs.values())
        return qualities_of(records, self._ratings(), group_by, wanted, limit=limit)

    async def end_overdue(self, *, now: float) -> int:
        """Let reservations expire whose processes must have died; how many."""
        overdue = [id_ for id_, ends_at in self._open.items() if ends_at <= now]
        for id_ in overdue:
            await self.end(Closing(id=id_, state=ReservationState.EXPIRED, now=now))
        return len(overdue)

    def _ratings(self) -> Ratings:
        """Of answers, where there is a log."""
        return {}
