"""A journey: one query from its arrival to its end, as spans, totals and log lines tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import BudgetExceededError, ConduitError, ReservationTimeoutError
from conduit.core.outcomes import Execution, Response


class Outcome(StrEnum):
    """How a query ended."""

    ANSWERED = "answered"
    CACHED = "cached"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptKind(StrEnum):
    """Why an attempt was made."""

    FIRST = "first"
    RETRY = "retry"
    FALLBACK = "fallback"
    CONTINUATION = "continuation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to one model.

    Args:
        execution: what came of it.
        kind: why it was made.
        arm: the model, where it is known.
        ended_at: seconds since the epoch.
        status: HTTP status of a failed call, where there was one.
    """

    execution: Execution
    kind: AttemptKind
    arm: Arm | None
    ended_at: float
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A query from its arrival to its end.

    Args:
        decision_id: the last decision made for it.
        decision: the same; None where it was forgotten, or never made.
        started_at: seconds since the epoch.
        ended_at: likewise.
        attempts: in their order.
        response: the answer; None without one.
        error: why there is none; None where the caller went away.
        arm: the model that answered, else the one decided, where it is known.
        prompt: what was asked, as text for a trace; None unless that is switched on.
        request: id of the request that it came in with.
    """

    decision_id: str
    decision: Decision | None
    started_at: float
    ended_at: float
    attempts: tuple[Attempt, ...] = ()
    response: Response | None = None
    error: ConduitError | None = None
    arm: Arm | None = None
    prompt: str | None = None
    request: str | None = None

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.response is not None:
            return Outcome.CACHED if self.response.cached else Outcome.ANSWERED
        if self.error is None:
            return Outcome.CANCELLED
        money = BudgetExceededError | ReservationTimeoutError
        return Outcome.REFUSED if isinstance(self.error, money) else Outcome.FAILED

    @property
    def model(self) -> str | None:
        """Id of the model that answered, else of the one decided."""
        if self.response is not None:
            return self.response.model
        return None if self.decision is None else self.decision.selected_model

    @property
    def provider(self) -> str | None:
        """Who serves that model, where it is known."""
        if self.response is not None:
            return self.response.provider
        return None if self.arm is None else self.arm.provider

    @property
    def cost(self) -> float:
        """USD of all attempts."""
        if self.response is not None:
            return self.response.cost
        return sum(attempt.execution.cost for attempt in self.attempts)

    @property
    def overhead(self) -> float:
        """Seconds that were spent on anything but the models' work, waiting between tries included."""
        taken = sum(attempt.ended_at - attempt.execution.started_at for attempt in self.attempts)
        return max(self.ended_at - self.started_at - taken, 0.0)


def result_of(execution: Execution) -> str:
    """What came of a call: ``answered``, ``cancelled``, or the kind of its failure."""
    if execution.failure is not None:
        return execution.failure.value
    cancelled = execution.finish_reason == Outcome.CANCELLED
    return (Outcome.CANCELLED if cancelled else Outcome.ANSWERED).value
