"""Decisions for one query, and the money that was refused to them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

from conduit.core.decisions import Decision
from conduit.core.errors import BudgetExceededError, ReservationTimeoutError
from conduit.engines.deciding import candidates

Refusal: TypeAlias = BudgetExceededError | ReservationTimeoutError


class Refusals:
    """What was decided so far, and for which models there is no money.

    Attributes:
        last: decision; None before the first.
    """

    def __init__(self) -> None:
        self.last: Decision | None = None
        self._by_arm: dict[str, Refusal] = {}

    @property
    def arms(self) -> Collection[str]:
        """Ids of the models that there is no money for."""
        return self._by_arm.keys()

    def note(self, decision: Decision, refusal: Refusal) -> None:
        """There is no money for what was decided.

        Raises:
            BudgetExceededError: when all that could have been chosen is refused: the first refusal.
            ReservationTimeoutError: likewise, where the money is only set aside for others with
                any of them: it is not spent then, and waiting may help.
        """
        self._by_arm.setdefault(decision.selected_model, refusal)
        if self._by_arm.keys() >= set(candidates(decision)):
            refusals = list(self._by_arm.values())
            waited = [it for it in refusals if isinstance(it, ReservationTimeoutError)]
            raise (waited or refusals)[0] from None
