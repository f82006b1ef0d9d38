"""The arithmetic of budgets, in whole nanodollars: what is granted, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from conduit.core.budgets import NANO, Budget, Scope, ScopeKind, Window, nanos
from conduit.core.costs import CostRecord
from conduit.core.errors import InvalidInputError
from conduit.core.spending import (
    Booking,
    Claim,
    Closing,
    Line,
    Reservation,
    ReservationState,
    Shortage,
    Spend,
)
from conduit.stores.corrections import corrected, counted_in


@dataclass(frozen=True, slots=True)
class Total:
    """Nanodollars that are spent, and set aside, in one slot of one budget."""

    settled: int = 0
    reserved: int = 0


SPARE = 2
"""Slots that are kept beyond those that may count at once, on either side of what is now."""

Totals: TypeAlias = dict[int, Total]
"""By slot."""


class Accounts:
    """Budgets, totals, reservations and costs: all there are, or those that some commands are about."""

    def __init__(self) -> None:
        self.budgets: dict[str, Budget] = {}
        self.totals: dict[str, Totals] = {}
        self.reservations: dict[str, Reservation] = {}
        self.costs: dict[str, CostRecord] = {}
        self._ids: dict[Scope, dict[Window, str]] = {}

    def put(self, id_: str, budget: Budget, totals: Totals | None = None) -> None:
        """Know a budget, or another limit of one."""
        self.budgets[id_] = budget
        self.totals.setdefault(id_, totals or {})
        self._ids.setdefault(budget.scope, {})[budget.window] = id_

    def remove(self, scope: Scope, window: Window) -> Budget | None:
        """Forget a budget, which is answered, and what was spent of it."""
        id_ = self._ids.get(scope, {}).pop(window, None)
        if id_ is None:
            return None
        del self.totals[id_]
        return self.budgets.pop(id_)

    def find(self, scope: Scope, window: Window) -> str | None:
        """Id of a budget; None where there is none."""
        return self._ids.get(scope, {}).get(window)

    def spends(self, scopes: Sequence[Scope] | None, *, now: float) -> list[Spend]:
        """How the budgets of some scopes stand, or all, in order."""
        return [self._spend(id_, now=now) for id_ in self._of(scopes)]

    def claim(self, claim: Claim) -> Reservation | Shortage:
        """Set money aside in all budgets that apply, or in none.

        Raises:
            InvalidInputError: for an amount that cannot be.
        """
        known = self.reservations.get(claim.id)
        if known is not None:
            return known
        ids = self._of(claim.scopes)
        wanted = nanos(claim.estimate, what="an estimate")
        least = wanted if claim.least is None else nanos(claim.least, what="a least amount")
        left = {id_: self._left(id_, now=claim.now) for id_ in ids}
        granted = min([wanted, *(free for free, _ in left.values())])
        if granted < min(least, wanted):
            return self._shortage(left, min(least, wanted), now=claim.now)
        return self._open(claim, ids, granted)

    def _open(self, claim: Claim, ids: Iterable[str], granted: int) -> Reservation:
        lines = self._lines(ids, now=claim.now)
        for line in lines:
            self._add(line, reserved=granted)
        made = Reservation(
            id=claim.id,
            amount=granted / NANO,
            lines=lines,
            made_at=claim.now,
            ends_at=claim.ends_at,
        )
        self.reservations[made.id] = made
        return made

    def close(self, closing: Closing) -> Reservation:
        """Close a reservation: what it set aside is free, and what it did cost is spent.

        Raises:
            InvalidInputError: for one that does not exist, or a cost that cannot be.
        """
        known = self.reservations.get(closing.id)
        if known is None:
            raise InvalidInputError(
                f"unknown reservation {closing.id!r}", remedy="pass the id of one that was made"
            )
        if not _changes(known, closing):
            return known
        cost = None if closing.cost is None else nanos(closing.cost, what="a cost")
        held = nanos(known.amount, what="") if known.state is ReservationState.OPEN else 0
        for line in self._there(known.lines):
            self._add(line, settled=cost or 0, reserved=-held)
        if cost:
            claimed = {id_ for id_, _ in known.lines}
            others = [id_ for id_ in self._of(closing.scopes) if id_ not in claimed]
            for line in self._lines(others, now=known.made_at):
                self._add(line, settled=cost)
        booked = None if cost is None else cost / NANO
        done = replace(known, state=closing.state, cost=booked)
        self.reservations[done.id] = done
        if booked is not None and closing.record is not None:
            self.costs.setdefault(closing.record.id, replace(closing.record, cost=booked))
        return done

    def book(self, booking: Booking) -> bool:
        """Spend what nothing was set aside for; whether it was not booked before.

        Raises:
            InvalidInputError: for a cost that cannot be.
        """
        known = self.costs.get(booking.id)
        if known is not None:
            return booking.corrects and self._correct(known, booking)
        cost = nanos(booking.record.cost, what="a cost")
        lines = self._lines(self._of(booking.scopes), now=booking.now)
        for line in lines:
            self._add(line, settled=cost)
        record = replace(booking.record, cost=cost / NANO)
        self.costs[record.id] = record
        if lines and record.id not in self.reservations:
            self.reservations[record.id] = counted_in(lines, record)
        return True

    def _correct(self, known: CostRecord, booking: Booking) -> bool:
        """Spend the new cost where the first counted; budgets made since neither pay nor get back."""
        said = booking.record
        cost, first = nanos(said.cost, what="a cost"), nanos(known.cost, what="a cost")
        moved = said.model != known.model
        if cost == first and not moved:
            return False
        made = self.reservations.get(known.id) or counted_in((), known)
        own = made.cost == known.cost
        before = self._there(made.lines) if own else ()
        after = self._moved(before, booking, at=known.at) if moved else before
        for line in before:
            self._add(line, settled=-first)
        for line in after:
            self._add(line, settled=cost)
        done = corrected(known, said, cost=cost / NANO)
        if own and (made.lines or after):
            self.reservations[known.id] = replace(made, lines=after, cost=done.cost)
        self.costs[known.id] = done
        return True

    def _moved(self, lines: Iterable[Line], booking: Booking, *, at: float) -> tuple[Line, ...]:
        """Where a cost counts whose model turns out to be another."""
        model = ScopeKind.MODEL
        others = [line for line in lines if self.budgets[line[0]].scope.kind is not model]
        named = self._of([scope for scope in booking.scopes if scope.kind is model])
        return (*others, *self._lines(named, now=at))

    def _there(self, lines: Iterable[Line]) -> tuple[Line, ...]:
        """Those of some lines that are still kept: neither the budget nor its window is gone."""
        return tuple(line for line in lines if line[1] in self.totals.get(line[0], {}))

    def _of(self, scopes: Sequence[Scope] | None) -> list[str]:
        """Ids of the budgets of some scopes, in order."""
        wanted = self._ids.keys() if scopes is None else {*scopes} & self._ids.keys()
        return [id_ for scope in sorted(wanted) for _, id_ in sorted(self._ids[scope].items())]

    def _lines(self, ids: Iterable[str], *, now: float) -> tuple[Line, ...]:
        """Where money of this moment counts; what nobody counts any more is dropped."""
        lines = tuple((id_, self.budgets[id_].window.slot(now)) for id_ in ids)
        for line in lines:
            self._make_room(line)
        return lines

    def _sums(self, id_: str, *, now: float) -> tuple[Total, int]:
        """What counts now, and the oldest slot that any of it is in."""
        window = self.budgets[id_].window
        oldest, newest = window.oldest(now), window.newest(now)
        some = {
            slot: total
            for slot, total in self.totals[id_].items()
            if oldest <= slot <= newest and total != Total()
        }
        settled = sum(total.settled for total in some.values())
        reserved = sum(total.reserved for total in some.values())
        return Total(settled, reserved), min(some, default=window.slot(now))

    def _left(self, id_: str, *, now: float) -> tuple[int, int]:
        """What nobody has spent or set aside, and what nobody has spent."""
        total, _ = self._sums(id_, now=now)
        unspent = nanos(self.budgets[id_].limit, what="") - total.settled
        return unspent - total.reserved, unspent

    def _shortage(self, left: dict[str, tuple[int, int]], least: int, *, now: float) -> Shortage:
        """About the budget where waiting is vain, else about that with the least left."""
        short = min(left, key=lambda id_: (left[id_][1] >= least, left[id_][0]))
        return Shortage(
            spend=self._spend(short, now=now), wanted=least / NANO, final=left[short][1] < least
        )

    def _spend(self, id_: str, *, now: float) -> Spend:
        budget = self.budgets[id_]
        total, since = self._sums(id_, now=now)
        return Spend(
            budget=budget,
            id=id_,
            settled=total.settled / NANO,
            reserved=total.reserved / NANO,
            resets_at=budget.window.lapses(since),
        )

    def _add(self, line: Line, *, settled: int = 0, reserved: int = 0) -> None:
        id_, slot = line
        total = self.totals[id_].get(slot, Total())
        self.totals[id_][slot] = Total(total.settled + settled, total.reserved + reserved)

    def _make_room(self, line: Line) -> None:
        """A new slot begins: drop what nobody counts any more.

        By number, not by age: a clock that jumps ahead, and returns, finds what was spent before.
        """
        id_, slot = line
        if slot in self.totals[id_]:
            return
        known, room = sorted(self.totals[id_]), self.budgets[id_].window.slots + SPARE
        earlier, later = [it for it in known if it < slot], [it for it in known if it > slot]
        for old in (*earlier[:-room], *later[room:]):
            del self.totals[id_][old]


def _changes(known: Reservation, closing: Closing) -> bool:
    """Whether a closing does anything to a reservation."""
    if closing.state is ReservationState.SETTLED:
        return known.state is not ReservationState.SETTLED
    if closing.state is ReservationState.EXPIRED and closing.now < known.ends_at:
        return False
    return known.state is ReservationState.OPEN
