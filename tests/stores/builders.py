"""Small decisions and observations, and the batch statistics that folding must equal."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from conduit.core.costs import CostKind, CostRecord
from conduit.core.decisions import ArmEstimate, Decision, ExchangeRates, QueryFeatures
from conduit.core.outcomes import Execution, Head, Observation, Signal
from conduit.core.statistics import SufficientStatistics

ARMS = ("claude-sonnet-4-5", "gpt-4o", "gpt-4o-mini", "gemini-2.5-flash", "llama-3.3-70b-versatile")
LAYOUT = "all-MiniLM-L6-v2/projection-55/signals-8"
DIM = 4


def context_of(number: int, dim: int = DIM) -> NDArray[np.float32]:
    """The context of the n-th decision, (dim,)."""
    return np.random.default_rng(number).normal(size=dim).astype(np.float32)


def a_decision(
    number: int = 1, *, dim: int = DIM, layout: str = LAYOUT, arms: tuple[str, ...] = ARMS[:2]
) -> Decision:
    """The n-th decision; equal numbers make equal decisions."""
    return Decision(
        id=f"{number:032x}",
        query_id=f"{number + 2**100:032x}",
        user_id="user-4711" if number % 2 else None,
        selected_model=arms[0],
        confidence=0.75,
        probabilities={arm: 1 / len(arms) for arm in arms},
        estimates={
            arm: ArmEstimate(
                mean=0.1 * rank + 1 / 3,
                std=0.05,
                cost=1e-4 / 3,
                cost_high=2e-4,
                latency=None if rank else 1.5,
                observations=rank,
            )
            for rank, arm in enumerate(arms)
        },
        features=QueryFeatures(
            embedding=np.ones(384, np.float32),
            context=context_of(number, dim),
            token_count=12,
            complexity_score=0.3,
            domain="multiple_choice",
            domain_confidence=0.6,
        ),
        reasoning=f"{arms[0]} is expected to reach quality 0.81 for $0.00031, the best trade-off "
        f"between quality, cost and latency among the {len(arms)} models that were feasible.",
        fallback_chain=arms[1:],
        constraints_relaxed=("min_quality",),
        policy="thompson",
        layout=layout,
        created_at=1_763_700_000.123456,
        rates=ExchangeRates(
            unit_cost=1e-3 / 3,
            unit_latency=2.5,
            price_of_money=1 / 7,
            budget=2e-4 / 3,
            quality_weight=0.7,
            cost_weight=0.0,
            latency_weight=1 / 9,
        ),
    )


def an_observation(
    number: int = 1,
    value: float = 0.8,
    *,
    arm: str = ARMS[0],
    signal: Signal = Signal.RATING,
    head: Head = Head.QUALITY,
    weight: float = 1.0,
) -> Observation:
    """An observation of the n-th decision."""
    return Observation(
        decision_id=f"{number:032x}",
        arm=arm,
        signal=signal,
        head=head,
        value=value,
        weight=weight,
        observed_at=1_763_700_060.5,
    )


def an_execution(number: int = 1, attempt: int = 1, **changes: object) -> Execution:
    """An attempt of the n-th decision."""
    values: dict[str, object] = {
        "arm": ARMS[0],
        "failure": None,
        "input_tokens": 12,
        "output_tokens": 34,
        "cost": 0.00031,
        "latency": 1.25,
        "finish_reason": "stop",
        "started_at": 1_763_700_001.0,
    }
    return Execution(decision_id=f"{number:032x}", attempt=attempt, **(values | changes))  # type: ignore[arg-type]


def batch(observations: Iterable[tuple[int, float, float]], dim: int = DIM) -> SufficientStatistics:
    """Statistics of (decision number, value, weight), computed at once."""
    rows = list(observations)
    X = np.array([context_of(number, dim) for number, _, _ in rows], np.float64).reshape(-1, dim)
    y = np.array([value for _, value, _ in rows])
    w = np.array([weight for _, _, weight in rows])
    return SufficientStatistics(
        (X.T * w) @ X, (X.T * w) @ y, float(w @ y**2), float(w.sum()), len(rows)
    )


def assert_equal_statistics(a: SufficientStatistics, b: SufficientStatistics) -> None:
    """Hold two sets of statistics equal to 1e-9."""
    np.testing.assert_allclose(a.A, b.A, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a.b, b.b, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([a.yy, a.weight], [b.yy, b.weight], rtol=1e-9, atol=1e-9)
    assert a.count == b.count


def a_cost(id_: str, cost: float, **more: object) -> CostRecord:
    """What one answer did cost."""
    known: dict[str, object] = {"at": 0.0, "kind": CostKind.ANSWER, "model": "gpt-4o"}
    known |= {"provider": "openai"}
    return CostRecord(id=id_, cost=cost, **(known | more))  # type: ignore[arg-type]
