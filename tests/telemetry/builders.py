"""Small events, and telemetry that writes them down at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from conduit.core.arms import Arm
from conduit.core.clocks import ManualClock
from conduit.core.decisions import ArmEstimate, Decision, QueryFeatures
from conduit.core.errors import FailureKind
from conduit.core.events import Decided, Event, Executed
from conduit.core.models import Query
from conduit.core.outcomes import Execution, Response
from conduit.telemetry.journey import Journey
from conduit.telemetry.journeys import Journeys

MINI = Arm(id="mini", provider="openai", model="gpt-4o-mini")
FLASH = Arm(
    id="flash", provider="google", base_url="http://user:canary-password@llm.example:8080/v1"
)
ARMS = (MINI, FLASH)


def a_decision(name: str = "d1", **changes: Any) -> Decision:
    """A decision for the smaller of two models, made at second 100."""
    features = QueryFeatures(
        embedding=np.zeros(2, np.float32),
        context=np.ones(1, np.float32),
        token_count=1,
        complexity_score=0.1,
        domain="general",
        domain_confidence=0.5,
    )
    estimate = ArmEstimate(
        mean=0.5, std=0.1, cost=0.002, cost_high=0.004, latency=None, observations=0
    )
    said: dict[str, Any] = {
        "id": name,
        "query_id": "q1",
        "user_id": None,
        "selected_model": "mini",
        "confidence": 0.6,
        "probabilities": {"mini": 0.75, "flash": 0.25},
        "estimates": {"mini": estimate, "flash": estimate},
        "features": features,
        "reasoning": "mini was drawn.",
        "policy": "thompson",
        "layout": "l",
        "created_at": 100.0,
    }
    return Decision(**said | changes)


def decided(name: str = "d1", *, text: str = "hello", **changes: Any) -> Decided:
    """The announcement of such a decision; its query came in at second 99.5."""
    return Decided(a_decision(name, **changes), Query(text, id="q1"), ARMS, 99.5)


def executed(
    number: int = 1,
    *,
    decision: str = "d1",
    arm: str = "mini",
    failure: FailureKind | None = None,
    status: int | None = None,
    **changes: Any,
) -> Executed:
    """A call that began at second 100 + its number, and took half a second."""
    said: dict[str, Any] = {
        "decision_id": decision,
        "attempt": number,
        "arm": arm,
        "failure": failure,
        "input_tokens": None if failure else 12,
        "output_tokens": None if failure else 3,
        "cost": 0.0 if failure else 0.001,
        "latency": 0.5,
        "finish_reason": None if failure else "stop",
        "started_at": 100.0 + number,
    }
    return Executed(Execution(**said | changes), status)


def a_response(name: str = "d1", **changes: Any) -> Response:
    """An answer of the smaller model, for a fourth of the baseline's price."""
    said: dict[str, Any] = {
        "text": "hi",
        "model": "mini",
        "provider": "openai",
        "cost": 0.001,
        "input_tokens": 12,
        "output_tokens": 3,
        "base_model": "flash",
        "base_cost": 0.004,
        "latency": 0.5,
        "decision_id": name,
        "propensity": 0.75,
    }
    return Response(**said | changes)


def journeys_of(*events: Event, at: float = 103.0, **options: Any) -> list[Journey]:
    """The journeys that these events add up to, all of them announced at second ``at``."""
    told: list[Journey] = []
    journeys = Journeys([told.append], clock=ManualClock(at), **options)
    for event in events:
        journeys(event)
    return told
