"""The executor: drives a fallback plan against a model client, and logs every attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import ProviderError, UnknownPriceError
from conduit.core.models import Query
from conduit.core.outcomes import Execution, ModelReply, ModelRequest
from conduit.core.ports import Clock, ModelClient
from conduit.engines.fallback import Served, fallback_plan
from conduit.engines.till import Till
from conduit.features.complexity import estimate_tokens
from conduit.feedback.answers import answer_failure

Log = Callable[[Execution], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Has a query answered by the decided model, or by the next of its fallback chain.

    Args:
        client: calls models.
        clock: dates the attempts.
        timeout: seconds for one attempt; None waits for ever.
    """

    client: ModelClient
    clock: Clock
    timeout: float | None = 60.0

    async def run(
        self, query: Query, decision: Decision, *, arms: Mapping[str, Arm], till: Till, log: Log
    ) -> Served:
        """Execute a decision; ``log`` is awaited with every attempt, failed ones included.

        Args:
            query: to be answered.
            decision: which models are to be tried, in which order.
            arms: by id, as they were when it was made.
            till: pays for the attempts.
            log: is told of every attempt.

        Raises:
            AllModelsFailedError: when no model of the chain answered.
        """
        plan = fallback_plan((decision.selected_model, *decision.fallback_chain))
        attempt = next(plan)
        while True:
            started, arm = self.clock.now(), arms[attempt.arm]
            purse = await till.open(self._request(query, arm), decision_id=decision.id)
            outcome = await self._call(purse.request)
            execution = _Attempted(decision.id, attempt.number, arm, started).ended(
                outcome, prompt=query.text
            )
            await purse.settle(execution)
            await log(execution)
            try:
                attempt = plan.send(outcome)
            except StopIteration as stop:
                served: Served = stop.value
                return served

    def _request(self, query: Query, arm: Arm) -> ModelRequest:
        return ModelRequest(
            arm=arm,
            text=query.text,
            query_id=query.id,
            max_tokens=query.max_tokens,
            timeout=self.timeout,
            chat=query.chat,
        )

    async def _call(self, request: ModelRequest) -> ModelReply | ProviderError:
        try:
            reply = await self.client.complete(request)
        except ProviderError as failure:
            return failure
        kind = answer_failure(reply.text)
        if kind is None:
            return reply
        return ProviderError(
            kind,
            model=request.arm.id,
            detail=reply.text[:100].strip(),
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class _Attempted:
    """An attempt that began at ``started_at``."""

    decision_id: str
    number: int
    arm: Arm
    started_at: float

    def ended(self, outcome: ModelReply | ProviderError, *, prompt: str) -> Execution:
        reply = outcome if isinstance(outcome, ModelReply) else None
        return Execution(
            decision_id=self.decision_id,
            attempt=self.number,
            arm=self.arm.id,
            failure=None if isinstance(outcome, ModelReply) else outcome.kind,
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            cost=cost_of(outcome, self.arm, prompt=prompt),
            latency=reply.latency if reply else None,
            finish_reason=reply.finish_reason if reply else None,
            started_at=self.started_at,
        )


def cost_of(outcome: ModelReply | ProviderError, arm: Arm, *, prompt: str) -> float:
    """USD of an attempt: what its source says, else its tokens at the list price.

    Tokens that a server did not count are estimated from the text, never taken for zero. A failure
    costs what was billed for it: empty and withheld answers have tokens, a refused connection none.

    Raises:
        UnknownPriceError: when an answer carries no cost and its arm no price.
    """
    if isinstance(outcome, ModelReply):
        if outcome.cost is not None:
            return outcome.cost
        if arm.price is None:
            raise UnknownPriceError(arm.id)
        return arm.price.cost(
            input_tokens=_counted(outcome.input_tokens, prompt),
            output_tokens=_counted(outcome.output_tokens, outcome.text),
        )
    if arm.price is None:
        return 0.0
    return arm.price.cost(
        input_tokens=outcome.input_tokens or 0, output_tokens=outcome.output_tokens or 0
    )


def _counted(tokens: int | None, text: str) -> int:
    return estimate_tokens(text) if tokens is None else tokens
