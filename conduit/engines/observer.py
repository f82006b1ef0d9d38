"""The observer: what happened becomes observations, credited to the model that served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from conduit.core.caching import Asked, RecentQueries
from conduit.core.decisions import Decision
from conduit.core.errors import UnknownDecisionError, UnknownModelError
from conduit.core.events import Event, Executed, Learned
from conduit.core.outcomes import Change, Execution, Observation
from conduit.core.ports import Clock, Store
from conduit.engines.learner import Learner
from conduit.feedback.implicit import execution_observations
from conduit.feedback.ratings import Feedback, feedback_observations
from conduit.feedback.retries import direction_of, repeated, retry_observation


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

    async def decided(self, decision: Decision) -> None:
        """A question that returns is evidence against the model of the earlier answer."""
        direction = direction_of(decision.features.embedding)
        if decision.user_id is None or direction is None:
            return
        asked = Asked(
            decision_id=decision.id,
            arm=decision.selected_model,
            at=decision.created_at,
            direction=direction,
        )
        earlier = repeated(asked, await self._recent.exchange(decision.user_id, asked))
        if earlier is not None:
            await self._retried(earlier, now=decision.created_at)

    async def executed(self, execution: Execution) -> None:
        """Log an attempt, and learn availability, length or cost, and latency from it."""
        await self._store.add_execution(execution)
        self._announce(Executed(execution))
        await self._learn(execution_observations(execution, observed_at=self._clock.now()))

    async def rated(self, decision_id: str, feedback: Feedback) -> tuple[Change, ...]:
        """Learn from what a caller says of an answer.

        Raises:
            UnknownDecisionError: for a decision that was never made here.
            UnknownModelError: for a model that was not an arm of the decision.
        """
        decision = await self._learner.decision(decision_id)
        if feedback.model is not None and feedback.model not in decision.probabilities:
            raise UnknownModelError(feedback.model, known=tuple(decision.probabilities))
        observations = feedback_observations(
            feedback,
            decision_id=decision_id,
            arm=await self._served_by(decision_id, decided=decision.selected_model),
            observed_at=self._clock.now(),
        )
        return await self._learn(observations)

    async def _learn(self, observations: Iterable[Observation]) -> tuple[Change, ...]:
        changes = await self._learner.learn(observations)
        if changes:
            self._announce(Learned(changes))
        return changes

    async def _retried(self, earlier: Asked, *, now: float) -> None:
        blamed = await self._served_by(earlier.decision_id, decided=earlier.arm)
        seen = retry_observation(earlier.decision_id, arm=blamed, observed_at=now)
        # A shared memory may name a decision of another database; nothing can be learned of it.
        with suppress(UnknownDecisionError):
            await self._learn([seen])

    async def _served_by(self, decision_id: str, *, decided: str) -> str:
        for execution in reversed(await self._store.executions(decision_id)):
            if execution.failure is None:
                return execution.arm
        return decided
