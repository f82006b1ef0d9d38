"""Implicit feedback: what a call itself shows, without anybody rating it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from conduit.bandits.targets import COST_FLOOR, LATENCY_FLOOR, TOKENS_FLOOR
from conduit.core.errors import FailureKind
from conduit.core.outcomes import Execution, Head, Observation, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What was measured on one call; None where nobody measured.

    Args:
        failed: whether the call failed.
        latency: seconds.
        output_tokens: length of the answer.
        cost: USD.
    """

    failed: bool | None
    latency: float | None
    output_tokens: int | None
    cost: float | None


def execution_observations(execution: Execution, *, observed_at: float) -> tuple[Observation, ...]:
    """What one attempt teaches about the arm that was called.

    A request that a model refuses as malformed, or for an option that it does not know, says
    nothing about the model.

    Args:
        execution: the attempt, successful or not.
        observed_at: seconds since the epoch.
    """
    if execution.failure is FailureKind.BAD_REQUEST:
        return ()
    return measured_observations(
        Measurements(
            failed=execution.failure is not None,
            latency=execution.latency,
            output_tokens=execution.output_tokens,
            cost=execution.cost,
        ),
        decision_id=execution.decision_id,
        arm=execution.arm,
        observed_at=observed_at,
    )


def measured_observations(
    measured: Measurements, *, decision_id: str, arm: str, observed_at: float
) -> tuple[Observation, ...]:
    """Observations of availability, latency and length or cost, each of weight 1 on its own head.

    Availability is 0 for a failed call and 1 for an answer. Latency, tokens and cost are learned
    from answers only: the time until a failure says nothing about the time until an answer.
    What was not measured, or is negative or not finite, gives no observation; it is never zero.
    Cost is learned beside tokens: for a model without a list price it is all there is.

    Args:
        measured: the values.
        decision_id: the decision whose context they are learned with.
        arm: id of the arm that was called.
        observed_at: seconds since the epoch.
    """
    return tuple(
        Observation(
            decision_id=decision_id,
            arm=arm,
            signal=signal,
            head=head,
            value=value,
            observed_at=observed_at,
        )
        for signal, head, value in _values(measured)
    )


def _values(measured: Measurements) -> Iterator[tuple[Signal, Head, float]]:
    if measured.failed is not None:
        yield Signal.ERROR, Head.AVAILABILITY, 0.0 if measured.failed else 1.0
    if measured.failed:
        return
    latency, tokens, cost = measured.latency, measured.output_tokens, measured.cost
    if _is_known(latency):
        yield Signal.LATENCY, Head.LOG_LATENCY, math.log(max(latency, LATENCY_FLOOR))
    if _is_known(tokens):
        yield Signal.TOKENS, Head.LOG_TOKENS, math.log(max(tokens, TOKENS_FLOOR))
    if _is_known(cost):
        yield Signal.COST, Head.LOG_COST, math.log(max(cost, COST_FLOOR))


def _is_known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value) and value >= 0
