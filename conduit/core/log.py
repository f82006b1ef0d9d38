"""The log read back: one decision together with all that is known to have followed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conduit.core.decisions import Decision
from conduit.core.outcomes import Execution, Observation, Signal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedDecision:
    """A decision, its attempts, and its observations.

    Args:
        decision: as it was made, without its embedding.
        executions: attempts in their order; empty where the caller made the call or nobody did.
        observations: at most one per arm and signal, in no order.
    """

    decision: Decision
    executions: tuple[Execution, ...] = ()
    observations: tuple[Observation, ...] = ()

    @property
    def attempts(self) -> int:
        """Number of calls that were made."""
        return len(self.executions)

    @property
    def served_arm(self) -> str | None:
        """The arm that answered: as executed, else as the feedback says, else as decided.

        None when every attempt failed or was given up.
        """
        if self.executions:
            answered = [it.arm for it in self.executions if it.answered]
            return answered[-1] if answered else None
        rated = [it.arm for it in self.observations if it.signal is Signal.RATING]
        return rated[0] if rated else self.decision.selected_model

    @property
    def rating(self) -> Observation | None:
        """The explicit rating of the answer; None when nobody gave one, which is not zero."""
        return self._observed(Signal.RATING)

    @property
    def cost(self) -> float | None:
        """USD of all attempts, else what the caller reported; None when nothing is known."""
        if self.executions:
            return sum(it.cost for it in self.executions)
        reported = self._observed(Signal.COST)
        return None if reported is None else math.exp(reported.value)

    def _observed(self, signal: Signal) -> Observation | None:
        served = self.served_arm
        found = (it for it in self.observations if it.signal is signal and it.arm == served)
        return next(found, None)
