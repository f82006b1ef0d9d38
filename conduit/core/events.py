"""What the engine announces: frozen facts that telemetry and middleware subscribe to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from conduit.core.decisions import Decision
from conduit.core.outcomes import Change, Execution, Response


@dataclass(frozen=True, slots=True)
class Decided:
    """A model was chosen."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Executed:
    """A model call ended, well or badly."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Completed:
    """A query was answered."""

    response: Response


@dataclass(frozen=True, slots=True)
class Learned:
    """Observations changed the posterior."""

    changes: tuple[Change, ...]


Event: TypeAlias = Decided | Executed | Completed | Learned
Subscriber: TypeAlias = Callable[[Event], None]
