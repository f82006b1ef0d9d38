"""Executions, observations and sums to rows and back. Numbers are little-endian bytes, exact in both directions."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row as SQLRow

from conduit.core.errors import FailureKind
from conduit.core.outcomes import Change, Execution, Head, Observation, Signal
from conduit.core.statistics import SufficientStatistics
from conduit.stores.halves import from_upper_half, upper_half

Row: TypeAlias = dict[str, Any]


def context_of(data: bytes) -> NDArray[np.float32]:
    """(d,) float32, read-only."""
    return np.frombuffer(data, "<f4")


def execution_row(execution: Execution) -> Row:
    """The row of ``executions``."""
    return {
        "decision_id": execution.decision_id,
        "attempt": execution.attempt,
        "arm": execution.arm,
        "failure": execution.failure.value if execution.failure else None,
        "input_tokens": execution.input_tokens,
        "output_tokens": execution.output_tokens,
        "cost": execution.cost,
        "latency": execution.latency,
        "finish_reason": execution.finish_reason,
        "started_at": execution.started_at,
    }


def execution_of(row: SQLRow[Any]) -> Execution:
    """The execution of a row."""
    values = dict(row._mapping)
    del values["id"]
    failure = values.pop("failure")
    return Execution(failure=FailureKind(failure) if failure else None, **values)


def observation_row(observation: Observation) -> Row:
    """The row of ``observations``."""
    return {
        "decision_id": observation.decision_id,
        "arm": observation.arm,
        "signal": observation.signal.value,
        "head": observation.head.value,
        "value": float(observation.value),
        "weight": float(observation.weight),
        "observed_at": float(observation.observed_at),
    }


def observation_of(row: SQLRow[Any]) -> Observation:
    """The observation of a row."""
    return Observation(
        decision_id=row.decision_id,
        arm=row.arm,
        signal=Signal(row.signal),
        head=Head(row.head),
        value=row.value,
        weight=row.weight,
        observed_at=row.observed_at,
    )


def pending_row(change: Change, *, writer: str) -> Row:
    """The row of ``pending``, by the store of that name."""
    row = observation_row(change.observation)
    del row["signal"], row["observed_at"]
    return row | {"previous": change.previous, "writer": writer}


def audit_row(change: Change) -> Row:
    """The row of ``audit``."""
    observation = change.observation
    return {
        "decision_id": observation.decision_id,
        "arm": observation.arm,
        "signal": observation.signal.value,
        "old_value": change.previous,
        "new_value": float(observation.value),
        "changed_at": float(observation.observed_at),
    }


def statistics_row(statistics: SufficientStatistics) -> Row:
    """The numbers of a row of ``arm_state``; A is symmetric, so half of it is enough."""
    return {
        "A": upper_half(statistics.A).astype("<f8").tobytes(),
        "b": statistics.b.astype("<f8").tobytes(),
        "yy": float(statistics.yy),
        "weight": float(statistics.weight),
        "raw_count": int(statistics.count),
        "landmark": float(statistics.landmark),
    }


def statistics_of(row: SQLRow[Any]) -> SufficientStatistics:
    """The statistics of a row."""
    b = np.frombuffer(row.b, "<f8").astype(np.float64)
    A = from_upper_half(np.frombuffer(row.A, "<f8"), len(b))
    return SufficientStatistics(A, b, row.yy, row.weight, row.raw_count, row.landmark)
