"""The executor: drives a fallback plan against a model client, and pays and logs every attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from conduit.core.arms import Arm
from conduit.core.errors import BudgetExceededError, ProviderError, ReservationTimeoutError
from conduit.core.models import Query
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.ports import Clock, ModelClient
from conduit.engines.answering import answering
from conduit.engines.breakers import Breakers, Passage
from conduit.engines.continuing import MOST, continuation, joined
from conduit.engines.fallback import (
    IMPATIENT,
    Attempt,
    Outcome,
    Patience,
    Served,
    Skipped,
    fallback_plan,
)
from conduit.engines.job import Job
from conduit.engines.progress import Progress
from conduit.engines.shielding import finish
from conduit.engines.till import Purse

Pieces: TypeAlias = AsyncGenerator[Attempt | Delta | Outcome, None]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Has a query answered by the decided model, or by the next of its fallback chain.

    Args:
        client: calls models.
        clock: dates the attempts.
        breakers: which models are to be left alone.
        patience: how often a model is asked again.
        sleep: waits that many seconds in between.
        timeout: seconds for one attempt; None waits for ever.
    """

    client: ModelClient
    clock: Clock
    breakers: Breakers
    patience: Patience = IMPATIENT
    sleep: Sleep = asyncio.sleep
    timeout: float | None = 60.0

    async def pieces(self, job: Job) -> AsyncGenerator[Attempt | Delta | Served, None]:
        """Execute a decision. Whoever stops reading must close this: then the attempt is paid.

        Yields:
            Every attempt when its money is there and before it is made, pieces of the answer if
            they are wanted, and last who served.

        Raises:
            BudgetExceededError: when there is no money for the first attempt; none was made.
            ReservationTimeoutError: likewise.
            ProviderError: when a model broke off after its first piece.
            AllModelsFailedError: when no model of the chain answered.
        """
        chain = (job.decision.selected_model, *job.decision.fallback_chain)
        plan = fallback_plan(chain, patience=self.patience)
        attempt = next(plan)
        while True:
            outcome: Outcome = Skipped()
            begun = False
            if (passage := await self._passage(job, attempt)) is not None:
                request = self._request(job.query, job.arms[attempt.arm])
                async with aclosing(self._made(job, attempt, passage, request)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Delta):
                            begun = True
                            yield piece
                        elif isinstance(piece, Attempt):
                            yield piece
                        else:
                            outcome = piece
            if begun and isinstance(outcome, ProviderError):
                raise outcome
            try:
                attempt = plan.send(outcome)
            except StopIteration as stop:
                served: Served = stop.value
                break
        if job.continue_cut:
            async with aclosing(self._continued(job, served)) as more:
                async for part in more:
                    if isinstance(part, Delta):
                        yield part
                    else:
                        served = part
        yield served

    async def _passage(self, job: Job, attempt: Attempt) -> Passage | None:
        """For an attempt, after its wait; None where its model is to be left alone by now."""
        if attempt.number == 1:
            return job.passage
        if attempt.wait and attempt.arm not in self.breakers.closed_to():
            await self.sleep(attempt.wait)
        if attempt.arm in self.breakers.closed_to():  # others may have found it failing meanwhile
            return None
        return self.breakers.enter(attempt.arm)

    async def _continued(self, job: Job, served: Served) -> AsyncGenerator[Delta | Served, None]:
        """The rest of an answer that was cut; where it fails, the answer is what there is."""
        arm = served.attempt.arm
        asked, reply = self._request(job.query, job.arms[arm]), served.reply
        for turn in range(1, MOST + 1):
            request = continuation(asked, reply)
            if request is None:
                break
            attempt = Attempt(served.attempt.number + turn, arm)
            outcome, said = None, ""
            async with aclosing(
                self._made(job, attempt, self.breakers.enter(arm), request, continues=True)
            ) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Delta):
                        said += piece.text
                        yield piece
                    elif isinstance(piece, ModelReply):
                        outcome = piece
            if outcome is None:
                reply = replace(reply, text=reply.text + said)
                break
            reply = joined(reply, outcome)
        yield Served(served.attempt, reply)

    async def _made(
        self,
        job: Job,
        attempt: Attempt,
        passage: Passage,
        request: ModelRequest,
        *,
        continues: bool = False,
    ) -> Pieces:
        """The attempt, its pieces, and what came of it; whatever happens, it is settled once."""
        progress = Progress(job.decision.id, attempt)
        try:
            purse = await self._purse(job, attempt, request)
            if purse is None:
                yield Skipped()
                return
            try:
                yield attempt
                progress.begin(purse.request, now=self.clock.now())
                pieces = answering(self.client, purse.request, streaming=job.streaming)
                async with aclosing(pieces):
                    async for piece in pieces:
                        progress.take(piece)
                        if isinstance(piece, Delta) and piece.speaks:
                            yield piece
            except (asyncio.CancelledError, GeneratorExit):
                progress.give_up()
                raise
            finally:
                passage.ended(progress.outcome)
                await finish(self._settled(job, purse, progress, continues=continues))
        finally:
            passage.ended(None)
        if progress.outcome is not None:
            yield progress.outcome

    async def _purse(self, job: Job, attempt: Attempt, request: ModelRequest) -> Purse | None:
        """Money for an attempt; None where there is none for one that is not the first."""
        try:
            return await job.till.open(request, decision_id=job.decision.id)
        except (BudgetExceededError, ReservationTimeoutError):
            if attempt.number == 1:
                raise
            return None

    async def _settled(
        self, job: Job, purse: Purse, progress: Progress, *, continues: bool
    ) -> None:
        execution = progress.execution()
        try:
            await purse.settle(execution)
        finally:
            if progress.is_worth_logging:
                outcome = progress.outcome
                status = outcome.status if isinstance(outcome, ProviderError) else None
                await job.log(execution, continues=continues, status=status)

    def _request(self, query: Query, arm: Arm) -> ModelRequest:
        return ModelRequest(
            arm=arm,
            text=query.text,
            query_id=query.id,
            max_tokens=query.max_tokens,
            temperature=query.temperature,
            timeout=self.timeout,
            chat=query.chat,
        )
