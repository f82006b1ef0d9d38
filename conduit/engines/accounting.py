"""Accounting: what an answer cost, and what it would have cost at the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.outcomes import Execution, Response
from conduit.engines.fallback import Served


def response_of(
    decision: Decision,
    served: Served,
    *,
    executions: Sequence[Execution],
    arms: Mapping[str, Arm],
    baseline: Arm,
    lost: float,
) -> Response:
    """The response to a query: all attempts paid, savings against one named baseline.

    Args:
        decision: what was decided.
        served: the attempt that answered.
        executions: every attempt, failed ones included.
        arms: by id.
        baseline: the model savings are measured against.
        lost: seconds that attempts took that failed.
    """
    reply, arm = served.reply, arms[served.attempt.arm]
    cost = sum(execution.cost for execution in executions)
    answering = sum(it.cost for it in executions if it.failure is None)
    return Response(
        text=reply.text,
        model=arm.id,
        provider=arm.provider,
        cost=cost,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        base_model=baseline.id,
        base_cost=base_cost(
            baseline,
            arm=arm.id,
            cost=answering,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
        ),
        latency=reply.latency,
        decision_id=decision.id,
        finish_reason=reply.finish_reason,
        attempts=served.attempt.number,
        tool_calls=reply.tool_calls,
        propensity=decision.propensity,
        extras=reply.extras,
        lost=lost,
    )


def base_cost(
    baseline: Arm,
    *,
    arm: str,
    cost: float,
    input_tokens: int | None,
    output_tokens: int | None,
) -> float:
    """USD of the same tokens at the baseline; the cost itself, and no saving, where they are unknown.

    A response and the books say the same.

    Args:
        baseline: the model savings are measured against.
        arm: id of the model that was paid.
        cost: USD that it was paid, without attempts that failed: no baseline makes up for these.
        input_tokens: as billed.
        output_tokens: likewise.
    """
    price = baseline.price
    if arm == baseline.id or price is None or input_tokens is None or output_tokens is None:
        return cost
    return price.cost(input_tokens=input_tokens, output_tokens=output_tokens)
