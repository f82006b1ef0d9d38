"""What the engine announces: frozen facts that telemetry and middleware subscribe to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import ConduitError
from conduit.core.models import Query
from conduit.core.outcomes import Change, Execution, Response


@dataclass(frozen=True, slots=True)
class Decided:
    """A model was chosen.

    Args:
        decision: which, and why.
        query: what it was chosen for; None where nobody said.
        arms: the models there were, which say who serves them.
        received_at: when the query came in, in seconds since the epoch; None where unknown.
    """

    decision: Decision
    query: Query | None = None
    arms: tuple[Arm, ...] = ()
    received_at: float | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """A model call ended, well or badly.

    Args:
        execution: what came of it.
        status: HTTP status of a call that failed, where there was one.
    """

    execution: Execution
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """A query was answered."""

    response: Response


@dataclass(frozen=True, slots=True)
class Failed:
    """A query for which a model had been chosen was not answered.

    Args:
        decision_id: the last decision made for it.
        error: why; None where the caller went away.
    """

    decision_id: str
    error: ConduitError | None


@dataclass(frozen=True, slots=True)
class Learned:
    """Observations changed the posterior."""

    changes: tuple[Change, ...]


Event: TypeAlias = Decided | Executed | Completed | Failed | Learned
Subscriber: TypeAlias = Callable[[Event], None]
