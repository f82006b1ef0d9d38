"""What a session may cost: a budget, and what becomes of the session as its money ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from conduit.budgets.quotes import quote_for
from conduit.core.arms import Arm
from conduit.core.budgets import Scope
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import ModelRequest
from conduit.simple.amounts import usd
from conduit.simple.calls import Ask
from conduit.simple.sessions.totals import money

SHARE = 0.1
"""Of what is left of an ``adaptive`` budget that one call of the dearer model may cost at most."""


class Strategy(StrEnum):
    """What becomes of a session whose money ends."""

    WARN = "warn"
    STRICT = "strict"
    ADAPTIVE = "adaptive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a session may cost.

    Args:
        budget: USD; None for any.
        strategy: what becomes of it then.
    """

    budget: float | None
    strategy: Strategy

    @classmethod
    def of(cls, budget_usd: float | None, budget_strategy: str) -> Terms:
        """Terms as people give them.

        Raises:
            InvalidInputError: for a budget that cannot be, or a strategy that nothing answers to.
        """
        if budget_strategy not in tuple(Strategy):
            raise InvalidInputError(
                f"budget_strategy={budget_strategy!r} is unknown",
                remedy=f"choose one of: {', '.join(Strategy)}",
            )
        budget = None if budget_usd is None else usd(budget_usd, what="a session's budget")
        return cls(budget=budget, strategy=Strategy(budget_strategy))

    @property
    def held(self) -> float | None:
        """USD that the ledger holds the session to; None where it only counts."""
        return None if self.strategy is Strategy.WARN else self.budget


def fitting(arms: tuple[Arm, ...], ask: Ask, *, left: float) -> tuple[str, ...]:
    """Ids of the arms whose call costs at most a :data:`SHARE` of what is left, by its upper estimate.

    The cheapest of them stays whatever it costs: whether there is money for it, the ledger says.
    """
    request = ModelRequest(arm=arms[0], text=ask.query.text, max_tokens=ask.max_tokens)
    quotes = {arm.id: quote_for(replace(request, arm=arm)) for arm in arms}
    costs = {name: 0.0 if quote is None else quote.estimate for name, quote in quotes.items()}
    least = min(costs.values())
    return tuple(name for name, cost in costs.items() if cost <= max(SHARE * left, least))


def alarm(scope: Scope, spent: float, *, of: float) -> str:
    """What is said of a session that has cost so many USD of its budget."""
    if spent > of:
        return (
            f"session {scope.name} has cost {money(spent)}, more than its budget of {money(of)}; "
            'budget_strategy="strict" would hold it'
        )
    return f"session {scope.name} has cost {money(spent)}, {spent / of:.0%} of its {money(of)}"
