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
        base_cost=_base_cost(decision, served, cost=answering, baseline=baseline),
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

    Args:
        baseline: the model savings are measured against.
        arm: id of the model that was paid.
        cost: USD that it was paid.
        input_tokens: as billed.
        output_tokens: likewise.
    """
    price = baseline.price
    if arm == baseline.id or price is None or input_tokens is None or output_tokens is None:
        return cost
    return price.cost(input_tokens=input_tokens, output_tokens=output_tokens)


def _base_cost(decision: Decision, served: Served, *, cost: float, baseline: Arm) -> float:
    """USD of the same tokens at the baseline; its expected cost where tokens are unknown.

    Args:
        decision: what was decided.
        served: the attempt that answered.
        cost: USD of the answer, without attempts that failed: no baseline makes up for these.
        baseline: the model savings are measured against.
    """
    reply = served.reply
    if served.attempt.arm == baseline.id:
        return cost if reply.cost is None else reply.cost
    known = reply.input_tokens is not None and reply.output_tokens is not None
    if baseline.price is not None and known:
        return baseline.price.cost(
            input_tokens=reply.input_tokens or 0, output_tokens=reply.output_tokens or 0
        )
    expected = decision.estimates.get(baseline.id)
    return cost if expected is None else expected.cost
