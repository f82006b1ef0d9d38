"""Tills for tests: they refuse as told, and remember what they were asked and paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from conduit.core.budgets import Scope
from conduit.core.errors import BudgetExceededError, ConduitError, ReservationTimeoutError
from conduit.core.outcomes import Execution, ModelRequest


def exceeded(budget: str = "daily budget of user 'ada'") -> BudgetExceededError:
    """A budget that is spent."""
    return BudgetExceededError(
        budget, scope="user:ada", window="daily", limit=1, spent=1, requested=0.1, resets_at=None
    )


def waited() -> ReservationTimeoutError:
    """A budget whose money is set aside for others."""
    return ReservationTimeoutError(
        "daily budget of user 'ada'",
        scope="user:ada",
        window="daily",
        limit=1,
        spent=0.5,
        reserved=0.5,
        requested=0.1,
        waited=2,
        resets_at=None,
    )


@dataclass
class CountingPurse:
    """Counts how often it is settled."""

    request: ModelRequest
    settled: list[Execution] = field(default_factory=list)

    async def settle(self, execution: Execution) -> None:
        self.settled.append(execution)


@dataclass
class CountingTill:
    """Refuses some arms, and cuts what may be asked of the others.

    Args:
        refusals: per arm id, one after the other; None grants, and so does the end.
        max_tokens: that the money allows.
    """

    refusals: Mapping[str, Sequence[ConduitError | None]] = field(default_factory=dict)
    max_tokens: int | None = None
    purses: list[CountingPurse] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    scopes: list[tuple[Scope, ...]] = field(default_factory=list)

    def on(self, scopes: Sequence[Scope]) -> CountingTill:
        """The till as the engine opens it."""
        self.scopes.append(tuple(scopes))
        return self

    async def open(self, request: ModelRequest, *, decision_id: str) -> CountingPurse:
        earlier = self.asked.count(request.arm.id)
        self.asked.append(request.arm.id)
        refusals = self.refusals.get(request.arm.id, ())
        refusal = refusals[earlier] if earlier < len(refusals) else None
        if refusal is not None:
            raise refusal
        if self.max_tokens is not None:
            request = replace(request, max_tokens=self.max_tokens)
        purse = CountingPurse(request)
        self.purses.append(purse)
        return purse
