"""What is spent and set aside of budgets, and the port of those who keep count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from conduit.core.budgets import NANO, Budget, Scope, Window
from conduit.core.costs import CostRecord, CostStore

Line: TypeAlias = tuple[str, int]
"""Id of a budget, and the slot of its window in which money counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """How a budget stands.

    Args:
        budget: which.
        id: of the budget; another one after it was removed and made again.
        settled: USD spent in the window that counts now.
        reserved: USD set aside for calls under way.
        resets_at: when money comes back, in seconds since the epoch: the end of the period, or
            when the oldest spending has left a rolling window; None for never.
    """

    budget: Budget
    id: str
    settled: float
    reserved: float
    resets_at: float | None

    @property
    def remaining(self) -> float:
        """USD that nobody has spent or set aside; 0 where more than the limit was spent."""
        left = self.budget.limit - self.settled - self.reserved
        return max(round(left * NANO), 0) / NANO


class ReservationState(StrEnum):
    """What became of a reservation."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Money wanted for one call, from all budgets that apply at once.

    Args:
        id: of the reservation; the same one again is the same reservation.
        scopes: on whose account.
        estimate: USD that the call costs at most.
        least: USD that will do where ``estimate`` is not left; None when nothing less will.
        now: seconds since the epoch.
        ends_at: when the reservation ends by itself, should its process die.
        fresh: whether the id was made up for this claim, so that there can be none of it yet.
    """

    id: str
    scopes: Sequence[Scope]
    estimate: float
    least: float | None = None
    now: float
    ends_at: float
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Money set aside for one call; settled from the start, what a booked cost counts in.

    Args:
        id: given by who reserved it.
        amount: USD set aside, of every budget that applies: what the call may cost.
        lines: those budgets, and where the money counts.
        made_at: seconds since the epoch.
        ends_at: likewise; afterwards the money is free again, unless it was renewed.
        state: what became of it.
        cost: USD that the call did cost, to the nanodollar; None until it is settled.
    """

    id: str
    amount: float
    lines: tuple[Line, ...] = ()
    made_at: float
    ends_at: float
    state: ReservationState = ReservationState.OPEN
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Why a claim was not granted; nothing has changed.

    Args:
        spend: the budget that has too little left, as it stands.
        wanted: USD, the least that would have done.
        final: whether settled spending alone leaves too little, so that waiting for others is vain.
    """

    spend: Spend
    wanted: float
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The end of a reservation.

    Args:
        id: which.
        state: settled, released or expired.
        cost: USD, when it is settled.
        now: seconds since the epoch; only a reservation that has ended by then expires.
        record: of that cost, kept in the same step; None keeps none.
        scopes: who pays it besides those it was set aside for, in the window of the reservation:
            accounts that were not known before.
    """

    id: str
    state: ReservationState
    cost: float | None = None
    now: float
    record: CostRecord | None = None
    scopes: Sequence[Scope] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A cost that nothing was set aside for.

    Args:
        record: of it; one that is known already is booked already.
        scopes: on whose account: what counts in their budgets.
        now: seconds since the epoch.
        corrects: whether the record takes the place of the one that is known, of whose moment
            and accounts it stays: the budgets that the first one counted in pay or get back the
            difference.
    """

    record: CostRecord
    scopes: Sequence[Scope]
    now: float
    corrects: bool = False

    @property
    def id(self) -> str:
        """The record's."""
        return self.record.id


@runtime_checkable
class BudgetStore(CostStore, Protocol):
    """Keeps budgets, running totals of what is spent of them, reservations, and what calls did cost.

    Every method is one step, whole or not at all, however many tasks and processes take theirs.
    """

    async def put_budget(self, budget: Budget, *, actor: str, now: float) -> None:
        """Make a budget, or change the limit of the one of its scope and window, on record.

        What was spent of it stays spent.
        """
        ...

    async def remove_budget(self, scope: Scope, window: Window, *, actor: str, now: float) -> bool:
        """Forget a budget and what was spent of it, on record; whether there was one."""
        ...

    async def spends(self, scopes: Sequence[Scope] | None = None, *, now: float) -> list[Spend]:
        """Budgets of some scopes, or all, in order, as they stand; as quick after any history."""
        ...

    async def any_budget(self) -> bool:
        """Whether anybody has one."""
        ...

    async def claim(self, claim: Claim) -> Reservation | Shortage:
        """Set money aside in all budgets that apply, or in none.

        A reservation that is known already is answered as it is, and nothing changes.
        """
        ...

    async def end(self, closing: Closing) -> Reservation:
        """Close a reservation: what it set aside is free, and what it did cost is spent.

        Once settled it stays settled, at the cost said first. What was released or has expired may
        still be settled: that money was spent.

        Raises:
            InvalidInputError: for a reservation that does not exist.
        """
        ...

    async def renew(self, ids: Sequence[str], *, ends_at: float) -> None:
        """Let reservations that are open end no sooner than at a moment, in seconds since the epoch.

        Those that were closed, or do not exist, stay as they are.
        """
        ...

    async def book(self, booking: Booking) -> bool:
        """Spend what nothing was set aside for, on record, even where it exceeds a limit.

        Returns:
            Whether it was booked; False, and nothing has changed, for a record that is known, and
            that it does not correct.
        """
        ...

    async def end_overdue(self, *, now: float) -> int:
        """Let reservations expire whose processes must have died; how many, a hundred at most."""
        ...
