"""Implicit feedback of one call: availability, latency, and length or cost."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.errors import FailureKind
from conduit.core.outcomes import Execution, Head, Observation, Signal
from conduit.feedback.implicit import COST_FLOOR, LATENCY_FLOOR, execution_observations

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def execution(
    *,
    failure: FailureKind | None = None,
    tokens: int | None = None,
    cost: float = 0.01,
    latency: float | None = None,
) -> Execution:
    return Execution(
        decision_id="d",
        attempt=1,
        arm="m",
        failure=failure,
        input_tokens=10,
        output_tokens=tokens,
        cost=cost,
        latency=latency,
        finish_reason=None if failure else "stop",
        started_at=1.0,
    )


def observed(attempt: Execution) -> dict[Signal, Observation]:
    return {o.signal: o for o in execution_observations(attempt, observed_at=5.0)}


def test_an_answer_raises_availability() -> None:
    """A call that answered is one observation of availability 1."""
    observation = observed(execution())[Signal.ERROR]
    assert (observation.head, observation.value) == (Head.AVAILABILITY, 1.0)


@pytest.mark.parametrize("failure", [it for it in FailureKind if it is not FailureKind.BAD_REQUEST])
def test_a_failure_teaches_availability_and_nothing_else(failure: FailureKind) -> None:
    """The time, length and cost of a failed call say nothing about an answer's."""
    (observation,) = observed(execution(failure=failure, tokens=3, latency=30.0)).values()
    assert (observation.head, observation.value) == (Head.AVAILABILITY, 0.0)


def test_a_request_that_no_model_would_take_teaches_nothing() -> None:
    """A malformed request is its sender's fault: the model that refuses it is as available as before."""
    assert observed(execution(failure=FailureKind.BAD_REQUEST, tokens=3, latency=0.1)) == {}


def test_latency_that_nobody_measured_is_no_observation() -> None:
    """Missing latency is not zero."""
    assert Signal.LATENCY not in observed(execution(latency=None))


@pytest.mark.parametrize("seconds", [0.25, 1.0, 12.0])
def test_latency_is_learned_in_logarithms_of_seconds(seconds: float) -> None:
    """The latency head holds ln(seconds)."""
    observation = observed(execution(latency=seconds))[Signal.LATENCY]
    assert observation.head is Head.LOG_LATENCY
    assert math.exp(observation.value) == pytest.approx(seconds)


def test_tokens_and_cost_are_both_learned() -> None:
    """ln(tokens) serves models with a price list, ln(cost) those without."""
    signals = observed(execution(tokens=250, cost=0.5))
    assert math.exp(signals[Signal.TOKENS].value) == pytest.approx(250)
    assert signals[Signal.TOKENS].head is Head.LOG_TOKENS
    assert math.exp(signals[Signal.COST].value) == pytest.approx(0.5)
    assert signals[Signal.COST].head is Head.LOG_COST


def test_cost_is_learned_where_tokens_are_unknown() -> None:
    """Recorded outcomes without token counts teach ln(cost)."""
    signals = observed(execution(tokens=None, cost=0.5))
    assert math.exp(signals[Signal.COST].value) == pytest.approx(0.5)
    assert signals[Signal.COST].head is Head.LOG_COST
    assert Signal.TOKENS not in signals


def test_zero_is_learned_as_the_stated_floor() -> None:
    """No tokens count as one, a free call as the cost floor, an instant as the latency floor."""
    assert observed(execution(tokens=0))[Signal.TOKENS].value == 0.0
    free = observed(execution(cost=0.0, latency=0.0))
    assert free[Signal.COST].value == math.log(COST_FLOOR)
    assert free[Signal.LATENCY].value == math.log(LATENCY_FLOOR)


def test_the_floor_of_cost_is_below_any_real_call() -> None:
    """One token at a cent per million already costs more than the floor."""
    assert COST_FLOOR < 0.01 / 1e6


@given(cost=ANY_FLOAT, latency=st.none() | ANY_FLOAT, tokens=st.none() | st.integers(-5, 10**6))
def test_no_measurement_can_poison_the_sums(
    cost: float, latency: float | None, tokens: int | None
) -> None:
    """Every observation is finite and of weight 1, and every head is observed at most once."""
    attempt = execution(cost=cost, latency=latency, tokens=tokens)
    observations = execution_observations(attempt, observed_at=5.0)
    assert all(math.isfinite(o.value) and o.weight == 1 for o in observations)
    assert len({o.head for o in observations}) == len(observations)
    assert {(o.decision_id, o.arm, o.observed_at) for o in observations} == {("d", "m", 5.0)}


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_an_impossible_measurement_is_no_measurement(value: float) -> None:
    """A negative or non-finite latency or cost is left out, not floored."""
    assert observed(execution(cost=value, latency=value)).keys() == {Signal.ERROR}
