"""A budget per request, kept by a price of money that follows spending."""

from __future__ import annotations

from dataclasses import dataclass, replace

from conduit.bandits.ledger import Ledger

STEP = 0.5
"""Largest relative change of the price of money by one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacerGains:
    """How the price of money reacts.

    Args:
        proportional: η, gain on the expected cost of this request against the budget.
        integral: η_I, gain on spending so far against its allowance.
        horizon: H, requests over which an accumulated error is to be worked off.
        start: λ₀, first price and smallest step.
        least: lower bound of λ.
        most: upper bound of λ.
        aim: share of the budget that is steered for; a budget is a bound, not a wish.
        capacity: of the token bucket, in budgets of one request.
        credit: what is in the bucket at the start, likewise.
    """

    proportional: float = 0.05
    integral: float = 0.05
    horizon: float = 100.0
    start: float = 0.01
    least: float = 1e-4
    most: float = 1e4
    aim: float = 0.997
    capacity: float = 100.0
    credit: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacer:
    """State of the pacer: a frozen value; every step returns the next one.

    With ``B' = aim · B``, ``e = Σ_k π_k ĉ_k / B' − 1`` is known at the decision, without delay;
    ``I = clip((spend + f − n B') / (B' H), ±1)`` after n requests;
    ``λ ← clip(λ + max(λ, λ₀) clip(η e + η_I I, ±½))``. The step is bounded, because a cold guess of
    a cost can be thousands of budgets; realised cost is not: one dear call may be hundreds.
    What was saved while λ was at its lower bound is forfeited, f: money that nobody wanted at no
    price is not owed to a time when prices are higher (conditional integration, which keeps an
    integral from winding up; Åström and Hägglund 2006).

    Args:
        budget: B, USD per request, above zero.
        price: λ, in quality per budget of one request.
        spent: USD realised over all requests.
        requests: number of decisions.
        balance: USD in the token bucket, which accrues B a request up to its capacity.
        forfeited: f, USD of the allowance that are not to be spent any more.
    """

    budget: float
    gains: PacerGains = PacerGains()
    price: float
    spent: float = 0.0
    requests: int = 0
    balance: float
    forfeited: float = 0.0

    @classmethod
    def start(cls, budget: float, gains: PacerGains = PacerGains()) -> Pacer:
        """A pacer for ``budget`` USD per request that has the starting credit."""
        credit = min(gains.credit, gains.capacity)
        return cls(budget=budget, gains=gains, price=gains.start, balance=credit * budget)

    @property
    def price_of_money(self) -> float:
        """λ/B: quality given up per USD."""
        return self.price / self.budget

    @property
    def headroom(self) -> float:
        """USD that one call may cost at most."""
        return self.balance + self.budget

    def decided(self, expected_cost: float) -> Pacer:
        """After a decision whose expected cost under π is ``expected_cost`` USD."""
        gains = self.gains
        aim = gains.aim * self.budget
        error = expected_cost / aim - 1.0
        saved, forfeited = aim * self.requests - self.spent, self.forfeited
        if self.price <= gains.least:
            forfeited = max(forfeited, saved)
        debt = _clipped((forfeited - saved) / (aim * gains.horizon), 1.0)
        step = _clipped(gains.proportional * error + gains.integral * debt, STEP)
        price = self.price + max(self.price, gains.start) * step
        return replace(
            self,
            price=min(max(price, gains.least), gains.most),
            requests=self.requests + 1,
            balance=min(self.balance + self.budget, gains.capacity * self.budget),
            forfeited=forfeited,
        )

    def spend(self, cost: float) -> Pacer:
        """After a call that cost ``cost`` USD."""
        return replace(self, spent=self.spent + cost, balance=self.balance - cost)

    def ledger(self) -> Ledger:
        """What processes share that keep one budget."""
        return Ledger(
            price=self.price,
            unit=self.gains.start,
            amounts={
                "spent": self.spent,
                "requests": float(self.requests),
                "balance": self.balance,
                "forfeited": self.forfeited,
            },
        )

    def adopting(self, ledger: Ledger) -> Pacer:
        """With the figures of all processes in the place of its own."""
        gains, amounts = self.gains, ledger.amounts
        return replace(
            self,
            price=min(max(ledger.price, gains.least), gains.most),
            spent=amounts["spent"],
            requests=round(amounts["requests"]),
            balance=min(amounts["balance"], gains.capacity * self.budget),
            forfeited=amounts["forfeited"],
        )


def _clipped(value: float, most: float) -> float:
    return min(max(value, -most), most)
