"""The observer: what happened becomes observations, credited to the model that served."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

from conduit.core.caching import Asked, RecentQueries
from conduit.core.decisions import Decision
from conduit.core.errors import StoreError, UnknownDecisionError, UnknownModelError
from conduit.core.events import Event, Executed, Learned
from conduit.core.outcomes import Change, Execution
from conduit.core.ports import Clock, Store
from conduit.engines.learner import REMEMBERED, Learner
from conduit.feedback.implicit import execution_observations
from conduit.feedback.ratings import Feedback, feedback_observations
from conduit.feedback.retries import direction_of, repeated, retry_observation

_log = logging.getLogger(__name__)


class Observer:
    """Turns executions, feedback and repeated questions into what the learner learns.

    Args:
        learner: takes observations.
        store: logs executions, and knows which model served.
        recent: remembers what users asked.
        clock: dates observations.
        announce: is told of every event.
    """

    def __init__(
        self,
        learner: Learner,
        *,
        store: Store,
        recent: RecentQueries,
        clock: Clock,
        announce: Callable[[Event], None],
    ) -> None:
        self._learner = learner
        self._store = store
        self._clock = clock
        self._announce = announce
        self._recent = recent
        self._served: OrderedDict[str, str | None] = OrderedDict()

    async def begun(self, decision: Decision) -> None:
        """The same of a decision that is executed here: until a model answers, nobody has."""
        self._remember(decision.id, None)
        await self.decided(decision)

    async def decided(self, decision: Decision) -> None:
        """A question that returns is evidence against the model of the earlier answer."""
        if decision.user_id is None:
            return
        direction = direction_of(decision.features.embedding)
        if direction is None:
            return
        asked = Asked(
            decision_id=decision.id,
            arm=decision.selected_model,
            at=decision.created_at,
            direction=direction,
        )
        earlier = repeated(asked, await self._recent.exchange(decision.user_id, asked))
        if earlier is not None:
            await self._blame(earlier, now=decision.created_at)

    async def executed(
        self, execution: Execution, *, lesson: Execution | None, status: int | None = None
    ) -> None:
        """Log an attempt, and learn availability, length or cost, and latency.

        Args:
            execution: the attempt.
            lesson: what is learned from: itself, or the answer that it is only a part of; None
                where there is nothing to be learned.
            status: HTTP status of a failure, where there was one.
        """
        if execution.failure is None:
            self._remember(execution.decision_id, execution.arm)
        await self._learner.journal.enter(execution)
        self._announce(Executed(execution, status))
        if lesson is not None:
            seen = execution_observations(lesson, observed_at=self._clock.now())
            self._tell(await self._learner.notice(seen))

    async def rated(self, decision_id: str, feedback: Feedback) -> tuple[Change, ...]:
        """Learn from what a caller says of an answer.

        Raises:
            UnknownDecisionError: for a decision that was never made here.
            UnknownModelError: for a model that was not an arm of the decision.
        """
        decision = await self._learner.awaited(decision_id)
        if feedback.model is not None and feedback.model not in decision.probabilities:
            raise UnknownModelError(feedback.model, known=tuple(decision.probabilities))
        observations = feedback_observations(
            feedback,
            decision_id=decision_id,
            arm=await self._served_by(decision_id, decided=decision.selected_model)
            or decision.selected_model,
            observed_at=self._clock.now(),
        )
        changes = await self._learner.learn(observations)
        self._tell(changes)
        return changes

    async def made_here(self, decision_id: str) -> bool:
        """Whether a decision was executed by a router on this store, and not by its caller."""
        return decision_id in self._served or bool(await self._store.executions(decision_id))

    async def _blame(self, earlier: Asked, *, now: float) -> None:
        """Nothing is learned of a decision that cannot be read, is of another database, or led to no answer."""
        try:
            await self._learner.decision(earlier.decision_id)
            blamed = await self._served_by(earlier.decision_id, decided=earlier.arm)
        except (StoreError, UnknownDecisionError) as error:
            _log.info("a repeated question is not learned from: %s", error)
            return
        if blamed is None:
            return
        seen = retry_observation(earlier.decision_id, arm=blamed, observed_at=now)
        self._tell(await self._learner.notice([seen]))

    def _tell(self, changes: tuple[Change, ...]) -> None:
        if changes:
            self._announce(Learned(changes))

    def _remember(self, decision_id: str, served: str | None) -> None:
        self._served[decision_id] = served
        if len(self._served) > REMEMBERED:
            self._served.popitem(last=False)

    async def _served_by(self, decision_id: str, *, decided: str) -> str | None:
        """The model that answered; None where none did, or has not yet.

        What was only decided here is executed by its caller, by the decided model.
        """
        if decision_id in self._served:
            return self._served[decision_id]
        if self._learner.made_here(decision_id):  # and so not executed anywhere else
            return decided
        executions = await self._store.executions(decision_id)
        served = [it.arm for it in executions if it.failure is None]
        return served[-1] if served else None if executions else decided
