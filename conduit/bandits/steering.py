"""What sets the price of money from one decision to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

from conduit.bandits.estimates import Estimates
from conduit.bandits.ledger import Ledger, undone
from conduit.bandits.pacer import Pacer
from conduit.bandits.selection import Selection
from conduit.core.statistics import Array


class Steering(Protocol):
    """A goal over many requests, kept by a price of money; a frozen value, whose steps return the next.

    While something steers, its price takes the place of the caller's weight of cost.
    """

    @property
    def price(self) -> float:
        """λ, without a unit; what :attr:`price_of_money` is made of."""
        ...

    @property
    def price_of_money(self) -> float:
        """Quality given up per USD."""
        ...

    @property
    def headroom(self) -> float:
        """USD that one call may cost at most; infinite without a budget."""
        ...

    @property
    def budget(self) -> float | None:
        """USD that a request may cost on average; None without a budget."""
        ...

    def explore(self, estimates: Estimates) -> Array | None:
        """(K,) share of requests that each arm is to get whatever the prompt, less than 1 in all."""
        ...

    def at(self, now: float) -> Self:
        """Before a decision at ``now``, in seconds since the epoch."""
        ...

    def decided(self, estimates: Estimates, chosen: Selection) -> Self:
        """After a decision that stands."""
        ...

    def spend(self, cost: float) -> Self:
        """After ``cost`` USD were spent, or, where negative, turned out not to be."""
        ...

    def withdrawn(self, *, before: Self, after: Self) -> Self:
        """Without a decision that came to nothing: its arrival, its step of the price, its money.

        Args:
            before: as it was when the request arrived.
            after: as it was when the decision stood, and its expected cost was spent.
        """
        ...

    def ledger(self) -> Ledger:
        """What processes share that keep one goal."""
        ...

    def adopting(self, ledger: Ledger) -> Self:
        """With the figures of all processes in the place of its own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """What all budgets have in common: a pacer sets the price, and rule and floor explore.

    Args:
        pacer: holds the price, and the budget per request.
    """

    pacer: Pacer

    @property
    def price(self) -> float:
        """λ, in quality per budget of one request."""
        return self.pacer.price

    @property
    def price_of_money(self) -> float:
        """Quality given up per USD."""
        return self.pacer.price_of_money

    @property
    def budget(self) -> float:
        """USD that a request may cost on average from now on."""
        return self.pacer.budget

    def explore(self, estimates: Estimates) -> None:  # noqa: ARG002 - exploring is the rule's
        """Nothing beyond what rule and floor explore."""
        return

    def decided(self, estimates: Estimates, chosen: Selection) -> Self:
        """After a decision that stands."""
        expected = float(chosen.probabilities @ estimates.cost)
        return replace(self, pacer=self.pacer.decided(expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPerRequest(Paced):
    """A mean spend per request, whenever requests come."""

    @property
    def headroom(self) -> float:
        """USD that one call may cost at most."""
        return self.pacer.headroom

    def at(self, now: float) -> Self:  # noqa: ARG002 - requests are what it counts, not seconds
        """The same: time does not matter."""
        return self

    def spend(self, cost: float) -> Self:
        """After ``cost`` USD were spent."""
        return replace(self, pacer=self.pacer.spend(cost))

    def withdrawn(self, *, before: Self, after: Self) -> Self:
        """Without a decision that came to nothing: what it gave and took of the budget is undone."""
        return self.adopting(undone(self.ledger(), before=before.ledger(), after=after.ledger()))

    def ledger(self) -> Ledger:
        """The pacer's: price, spending, requests, and what is in the bucket."""
        return self.pacer.ledger()

    def adopting(self, ledger: Ledger) -> Self:
        """With the figures of all processes in the place of its own."""
        return replace(self, pacer=self.pacer.adopting(ledger))
