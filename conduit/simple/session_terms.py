"""What a session may cost: a budget, and what becomes of the session as its money ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from numbers import Real

from conduit.budgets.quotes import quote_for
from conduit.core.arms import Arm
from conduit.core.budgets import Scope, nanos
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import ModelRequest
from conduit.simple.calls import Ask
from conduit.simple.session_totals import usd

SHARE = 0.1
"""Of what is left of an ``adaptive`` budget that one call of the dearer model may cost at most."""
NEARLY = 0.8
"""Share of a ``warn`` budget that the first warning comes at."""


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

    Raises:
        InvalidInputError: for a budget that cannot be.
    """

    budget: float | None
    strategy: Strategy

    def __post_init__(self) -> None:
        if self.budget is None:
            return
        if not isinstance(self.budget, Real) or isinstance(self.budget, bool):
            raise InvalidInputError(
                f"budget_usd={self.budget!r} is no amount", remedy="give USD as a number"
            )
        nanos(self.budget, what="a session's budget")

    @classmethod
    def of(cls, budget_usd: float | None, budget_strategy: str) -> Terms:
        """Terms as people give them.

        Raises:
            InvalidInputError: for a budget that cannot be, or a strategy that nothing answers to.
        """
        if budget_strategy not in {known.value for known in Strategy}:
            raise InvalidInputError(
                f"budget_strategy={budget_strategy!r} is unknown",
                remedy=f"choose one of: {', '.join(Strategy)}",
            )
        return cls(budget=budget_usd, strategy=Strategy(budget_strategy))

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
            f"session {scope.name} has cost {usd(spent)}, more than its budget of {usd(of)}; "
            'budget_strategy="strict" would hold it'
        )
    return f"session {scope.name} has cost {usd(spent)}, {spent / of:.0%} of its {usd(of)}"
