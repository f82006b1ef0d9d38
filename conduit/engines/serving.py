"""Serving: a query is decided, paid, executed and accounted for, whole or piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    ConduitError,
    ReservationTimeoutError,
)
from conduit.core.events import Completed, Event, Failed
from conduit.core.outcomes import Delta, Execution, Response
from conduit.core.ports import Clock
from conduit.engines.accounting import response_of
from conduit.engines.answer_cache import AnswerCache
from conduit.engines.answering import in_one_piece
from conduit.engines.continuing import lesson
from conduit.engines.deciding import Deciding, Turn, expected_cost
from conduit.engines.errand import Errand
from conduit.engines.executor import Executor
from conduit.engines.fallback import Attempt, Served
from conduit.engines.job import Job
from conduit.engines.observer import Observer
from conduit.engines.refusals import Refusals
from conduit.engines.till import OpenTills, Till


@dataclass(frozen=True, slots=True)
class Begun:
    """From here on ``arm`` is answering, for ``decision``, unless it fails.

    Args:
        decision: what was decided.
        arm: who answers.
        attempt: which one it is; 0 for an answer that was given before.
    """

    decision: Decision
    arm: Arm
    attempt: int


Pieces: TypeAlias = AsyncGenerator[Begun | Delta | Response, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Serves errands.

    Args:
        deciding: chooses models.
        executor: calls them.
        observer: learns from what happened.
        answers: given before, to equal requests.
        till: opens one on the accounts of an errand.
        continue_cut: whether cut answers are continued where the caller does not say.
        announce: is told of every event.
        clock: when attempts end.
    """

    deciding: Deciding
    executor: Executor
    observer: Observer
    answers: AnswerCache
    till: OpenTills
    continue_cut: bool
    announce: Callable[[Event], None]
    clock: Clock

    async def pieces(self, errand: Errand, *, streaming: bool) -> Pieces:
        """Serve an errand. Whoever stops reading must close this: then the call is paid.

        Yields:
            Who is answering, pieces of the answer where they are wanted, and last the response.

        Raises:
            ConduitError: as :meth:`Router.complete` and :meth:`Router.stream` do.
        """
        if (known := await self._known(errand)) is not None:
            if streaming:
                yield await self._given_again(known)
                yield in_one_piece(known)
            self.announce(Completed(known))
            yield known
            return
        refusals, till = Refusals(), self.till(errand.accounts)
        response: Response | None = None
        try:
            while response is None:
                turn = await self.deciding.turn(errand, refusals.arms, after=refusals.last)
                refusals.last = turn.decision
                try:
                    async with aclosing(
                        self._executed(errand, turn, till, streaming=streaming)
                    ) as pieces:
                        async for piece in pieces:
                            if isinstance(piece, Response):
                                response = piece
                            else:
                                yield piece
                except (BudgetExceededError, ReservationTimeoutError) as refusal:
                    refusals.note(turn.decision, refusal)
        except ConduitError as error:
            self._failed(refusals.last, error)
            raise
        except BaseException:
            self._failed(refusals.last, None)
            raise
        await self.answers.put(errand, response)
        self.announce(Completed(response))
        yield response

    async def _executed(self, errand: Errand, turn: Turn, till: Till, *, streaming: bool) -> Pieces:
        decision, executions, served, lost = turn.decision, list[Execution](), None, 0.0
        made = False
        arms = {arm.id: arm for arm in turn.portfolio.arms}

        async def log(execution: Execution, *, continues: bool, status: int | None) -> None:
            nonlocal lost
            if execution.failure is not None:
                lost += max(self.clock.now() - execution.started_at, 0.0)
            answered = [it for it in executions if it.failure is None] if continues else []
            executions.append(execution)
            learned = lesson(execution, continued=answered)
            await self.observer.executed(execution, lesson=learned, status=status)

        job = Job(
            query=errand.query,
            decision=decision,
            passage=turn.passage,
            arms=arms,
            till=till,
            log=log,
            streaming=streaming,
            continue_cut=self._continues(errand),
        )
        try:
            async with aclosing(self.executor.pieces(job)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Attempt):
                        made = True
                        if piece.number == 1:
                            await self.observer.begun(decision)
                        yield Begun(decision, arms[piece.arm], piece.number)
                    elif isinstance(piece, Served):
                        served = piece
                    else:
                        yield piece
        except AllModelsFailedError as error:
            raise AllModelsFailedError(error.failures, cost=_paid(executions)) from None
        finally:
            self._settle(turn, executions, made=made)
        if served is not None:
            self.deciding.warmth.served(turn.thread, arm=served.attempt.arm)
            yield response_of(
                decision,
                served,
                executions=executions,
                arms=arms,
                baseline=turn.portfolio.baseline,
                lost=lost,
            )

    def _continues(self, errand: Errand) -> bool:
        return self.continue_cut if errand.continue_cut is None else errand.continue_cut

    def _settle(self, turn: Turn, executions: Sequence[Execution], *, made: bool) -> None:
        """Tell the steering what came of a decision: its cost, or, where no call was made, nothing.

        Retries that a budget refuses would else make money look cheap to everybody.
        """
        decider = self.deciding.decider
        if made:
            decider.settle(expected=expected_cost(turn.decision), actual=_paid(executions))
        else:
            decider.withdraw(turn.step)

    async def _known(self, errand: Errand) -> Response | None:
        """The answer to an equal request, by a model that is still there."""
        known = await self.answers.get(errand)
        if known is None or known.model not in self.deciding.swapping.portfolio.names:
            return None
        return known

    async def _given_again(self, known: Response) -> Begun:
        decision = await self.deciding.learner.awaited(known.decision_id)
        return Begun(decision, self.deciding.swapping.portfolio.find(known.model), 0)

    def _failed(self, decided: Decision | None, error: ConduitError | None) -> None:
        if decided is not None:
            self.announce(Failed(decided.id, error))


def _paid(executions: Sequence[Execution]) -> float:
    """USD of all attempts together."""
    return sum(it.cost for it in executions)
