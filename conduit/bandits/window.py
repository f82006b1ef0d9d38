"""A budget per day or month: so much money until a date, however many requests come."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from conduit.bandits.ledger import Ledger, undone
from conduit.bandits.pacer import Pacer, PacerGains
from conduit.bandits.steering import Paced
from conduit.core import budgets

AHEAD = 0.1
"""Share of a window's money that may be spent before its time: the capacity."""
RESERVE = 20.0
"""Requests that the money at hand is to last for, so that a burst does not end at a wall."""
SUPPOSED = 300.0
"""Requests per window that are expected while nothing is known."""
SUPPOSED_FOR = 10.0
"""How many requests that supposition is worth."""
LEAST = 1e-9
"""The smallest budget of a request, as a share of the window's money."""


class Period(StrEnum):
    """Calendar windows in UTC."""

    DAY = "day"
    MONTH = "month"

    def window(self, now: float) -> tuple[float, float]:
        """Start and end of the window that holds ``now``, in seconds since the epoch."""
        period = budgets.Period.DAILY if self is Period.DAY else budgets.Period.MONTHLY
        end = period.ends(now)
        assert end is not None  # a day and a month do end
        return period.starts(now), end


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How often requests come: counts that are forgotten over one window.

    Args:
        last: seconds since the epoch of the latest request.
        requests: number of requests, earlier ones faded.
        seconds: of observation, likewise.
    """

    last: float
    requests: float = 0.0
    seconds: float = 0.0

    def after(self, now: float, *, memory: float) -> Arrivals:
        """With one more request at ``now``; ``memory`` is the time constant in seconds."""
        gap = max(now - self.last, 0.0)
        faded = math.exp(-gap / memory)
        return Arrivals(
            last=now,
            requests=faded * self.requests + 1.0,
            seconds=faded * self.seconds + memory * (1.0 - faded),
        )

    def without(self, earlier: Arrivals, *, memory: float) -> Arrivals:
        """As if the latest request of ``earlier`` had never come, though those since then did."""
        faded = math.exp(-max(self.last - earlier.last, 0.0) / memory)
        return replace(self, requests=max(self.requests - faded, 0.0))

    def rate(self, *, window: float) -> float:
        """Requests per second, given the length of a window in seconds."""
        supposed = window * SUPPOSED_FOR / SUPPOSED
        return (self.requests + SUPPOSED_FOR) / (self.seconds + supposed)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPerWindow(Paced):
    """An amount of money per calendar window, UTC, paced over the requests still to come.

    Money accrues evenly over the window. What may be spent now is what has accrued and not been
    spent, plus a capacity of a tenth of the amount; never more than what is left of the amount. A
    dearer call than that is infeasible, so spend ≤ accrual + capacity at any time, and
    ≤ amount at the end, except for the surprise of a single call and for the cheapest model,
    which always stays feasible.

    The pacer's budget per request is resolved before every decision,
    ``B = min(left / N, headroom / min(N, 20))``, with N the requests expected until the window ends,
    from the rate at which they have come. Resolving works off every debt, so the pacer's own memory
    of spending stays empty, and only its price is kept.

    Unspent money ends with its window. A clock that jumps back does not bring money back, nor does
    one that then returns to the window it came from.

    Args:
        amount: USD per window, above zero.
        period: the calendar window.
        pacer: holds the price, and the budget per request of this moment.
        start: of the current window, seconds since the epoch.
        end: likewise.
        now: the time of the latest decision, likewise.
        spent: USD spent or reserved in the window that began at ``since``.
        arrivals: of requests.
        served: requests in that window.
        since: start of the window whose money is being spent; later than ``start`` after a clock
            has jumped back by more than a window, until one begins in which nothing was spent.
    """

    amount: float
    period: Period
    start: float
    end: float
    now: float
    spent: float
    arrivals: Arrivals
    since: float
    served: float = 0.0

    @classmethod
    def begin(
        cls,
        amount: float,
        period: Period,
        *,
        now: float,
        spent: float | None = None,
        gains: PacerGains = PacerGains(),
    ) -> Self:
        """Steering from ``now`` on.

        Args:
            amount: USD per window, above zero.
            period: the calendar window.
            now: seconds since the epoch.
            spent: USD spent in this window so far. None, where nobody knows, takes what accrued
                until now as spent, so that a restart gives no money twice.
            gains: of the pacer.
        """
        start, end = period.window(now)
        accrued = amount * (now - start) / (end - start)
        return cls(
            amount=amount,
            period=period,
            pacer=Pacer.start(amount / SUPPOSED, gains),
            start=start,
            end=end,
            now=now,
            spent=accrued if spent is None else spent,
            arrivals=Arrivals(last=now),
            since=start,
        )._resolved()

    @property
    def headroom(self) -> float:
        """USD that one call may cost at most."""
        accrued = self.amount * (self.now - self.start) / (self.end - self.start)
        return min(accrued + AHEAD * self.amount, self.amount) - self.spent

    @property
    def expected_requests(self) -> float:
        """N, requests until the window ends, this one included."""
        rate = self.arrivals.rate(window=self.end - self.start)
        return max(rate * (self.end - self.now), 1.0)

    def at(self, now: float) -> Self:
        """Before a decision at ``now``: the window it falls into, and what a request may cost."""
        moved = self._moved(now)
        arrivals = moved.arrivals.after(moved.now, memory=moved.end - moved.start)
        return replace(moved, arrivals=arrivals, served=moved.served + 1.0)._resolved()

    def spend(self, cost: float) -> Self:
        """After ``cost`` USD were spent; counted in the window of the latest decision."""
        return replace(self, spent=self.spent + cost)

    def withdrawn(self, *, before: Self, after: Self) -> Self:
        """Without a decision that came to nothing; its request counts as one that never came."""
        kept = self.adopting(undone(self.ledger(), before=before.ledger(), after=after.ledger()))
        arrivals = kept.arrivals.without(after.arrivals, memory=self.end - self.start)
        return replace(kept, arrivals=arrivals)._resolved()

    def ledger(self) -> Ledger:
        """Price, spending in the window whose money it is, and how many requests there have been in it."""
        return Ledger(
            price=self.price,
            unit=self.pacer.gains.start,
            amounts={"spent": self.spent, "served": self.served},
            window=self.since,
        )

    def adopting(self, ledger: Ledger) -> Self:
        """With the figures of all processes; the requests that others have met count as arrivals."""
        if ledger.window != self.since:
            return self
        served, arrivals, gains = ledger.amounts["served"], self.arrivals, self.pacer.gains
        more = max(served - self.served, 0.0)
        price = min(max(ledger.price, gains.least), gains.most)
        return replace(
            self,
            spent=ledger.amounts["spent"],
            served=served,
            arrivals=replace(arrivals, requests=arrivals.requests + more),
            pacer=replace(self.pacer, price=price),
        )._resolved()

    def _moved(self, now: float) -> Self:
        """In the window of ``now``.

        A step back over the start of the window is taken for its start. A step back over more
        than a whole window means that the clock had been wrong before, or is now: what was spent
        stays spent, and is still so where it returns. Where a new window begins from there, time
        goes on: a clock that had been ahead by years is not waited for.
        """
        if now >= self.end:
            start, end = self.period.window(now)
            moved = replace(self, start=start, end=end, now=now)
            return moved if start == self.since else moved._anew()
        if now >= self.start:
            return replace(self, now=now)
        if self.start - now < self.end - self.start:
            return replace(self, now=self.start)
        start, end = self.period.window(now)
        return replace(self, start=start, end=end, now=now)

    def _anew(self) -> Self:
        """With all the money of the window that has begun."""
        return replace(self, since=self.start, spent=0.0, served=0.0)

    def _resolved(self) -> Self:
        """With the pacer at the budget per request of this moment."""
        n = self.expected_requests
        budget = min((self.amount - self.spent) / n, self.headroom / min(n, RESERVE))
        fresh = Pacer.start(max(budget, LEAST * self.amount), self.pacer.gains)
        return replace(self, pacer=replace(fresh, price=self.pacer.price))
