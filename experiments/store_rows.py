"""Decisions, attempts and observations of a usual size, to fill a store with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conduit.core.decisions import ArmEstimate, Decision, ExchangeRates, QueryFeatures
from conduit.core.outcomes import Execution, Head, Observation, Signal

ARMS = ("claude-sonnet-4-5", "gpt-4o", "gpt-4o-mini", "gemini-2.5-flash", "llama-3.3-70b-versatile")
DIM = 64
START = 1_763_700_000.0
_REASON = (
    "expected to reach quality 0.81 for $0.00031, the best trade-off among the feasible models"
)


def decisions_from(first: int, count: int) -> list[Decision]:
    """Decisions number ``first`` and on: 64 numbers and 5 arms each; equal numbers, equal decisions."""
    contexts = np.random.default_rng(first).normal(size=(count, DIM)).astype(np.float32)
    return [_decision(first + offset, context) for offset, context in enumerate(contexts)]


def attempts_of(decisions: Sequence[Decision]) -> list[Execution]:
    """One attempt for each, which succeeded."""
    return [
        Execution(
            decision_id=decision.id,
            attempt=1,
            arm=decision.selected_model,
            failure=None,
            input_tokens=12,
            output_tokens=34,
            cost=0.00031,
            latency=1.25,
            finish_reason="stop",
            started_at=decision.created_at,
        )
        for decision in decisions
    ]


def feedback_on(decisions: Sequence[Decision]) -> list[Observation]:
    """One rating for each."""
    return [
        Observation(
            decision_id=decision.id,
            arm=decision.selected_model,
            signal=Signal.RATING,
            head=Head.QUALITY,
            value=0.5 + 0.25 * float(np.tanh(decision.features.context[1])),
            weight=1.0,
            observed_at=decision.created_at + 60.0,
        )
        for decision in decisions
    ]


def _decision(number: int, context: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Decision:
    arm = ARMS[number % len(ARMS)]
    estimate = ArmEstimate(
        mean=0.8, std=0.05, cost=1e-4, cost_high=2e-4, latency=1.5, observations=number
    )
    return Decision(
        id=f"{number:032x}",
        query_id=f"{number + 2**100:032x}",
        user_id=None,
        selected_model=arm,
        confidence=0.75,
        probabilities=dict.fromkeys(ARMS, 1 / len(ARMS)),
        estimates=dict.fromkeys(ARMS, estimate),
        features=QueryFeatures(
            embedding=np.empty(0, np.float32),
            context=context,
            token_count=12,
            complexity_score=0.3,
            domain="general",
            domain_confidence=0.6,
        ),
        reasoning=f"{arm} is {_REASON}",
        fallback_chain=tuple(name for name in ARMS if name != arm),
        constraints_relaxed=(),
        policy="thompson",
        layout="bench/1",
        created_at=START + number,
        rates=ExchangeRates(unit_cost=1e-3, unit_latency=2.5),
    )
