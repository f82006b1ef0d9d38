"""The till: where an attempt gets its money before it is made, and says afterwards what it did cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from conduit.core.budgets import Scope
from conduit.core.outcomes import Execution, ModelRequest


class Purse(Protocol):
    """Money set aside for one attempt."""

    @property
    def request(self) -> ModelRequest:
        """What may be asked for it: ``max_tokens`` is cut to what the money left allows."""
        ...

    async def settle(self, execution: Execution) -> None:
        """Pay what the attempt did cost, and free the rest; done even if the task is cancelled.

        Called once, whatever became of the attempt; nothing is paid for one that cost nothing.
        """
        ...


class Till(Protocol):
    """Gives every attempt of one query its money."""

    async def open(self, request: ModelRequest, *, decision_id: str) -> Purse:
        """Set aside what a call may cost at most, waiting a little for others to settle.

        Raises:
            BudgetExceededError: settled spending leaves too little.
            ReservationTimeoutError: the wait ended.
        """
        ...


OpenTills: TypeAlias = Callable[[Sequence[Scope]], Till]
"""Opens a till on some accounts, for one query."""


@dataclass(frozen=True, slots=True)
class OpenPurse:
    """Of an attempt that no budget limits."""

    request: ModelRequest

    async def settle(self, execution: Execution) -> None:
        """Nothing is counted."""


class OpenTill:
    """Where no budget is kept."""

    async def open(
        self,
        request: ModelRequest,
        *,
        decision_id: str,  # noqa: ARG002 - of the port
    ) -> Purse:
        """Let the attempt be made as it is."""
        return OpenPurse(request)
