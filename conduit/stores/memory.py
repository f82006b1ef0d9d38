"""A store that forgets when the process ends: the default of ``Router()``, and of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from conduit.core.clocks import SystemClock
from conduit.core.decisions import Decision
from conduit.core.errors import UnknownDecisionError
from conduit.core.forgetting import Forgetting
from conduit.core.log import LoggedDecision
from conduit.core.outcomes import Change, Execution, Head, Observation, Signal
from conduit.core.ports import Clock
from conduit.core.sharing import Folded, Pulse
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.stores.adjustments import Adjustment, AdjustmentKind, Adjustments
from conduit.stores.cost_sums import Ratings
from conduit.stores.delta import (
    ObservationKey,
    Pending,
    StateKey,
    absorbed,
    changes_of,
    check_contexts,
    check_layout,
    check_observations,
    dimension_of,
    duplicate_decision,
    folded,
    key_of,
    layout_of,
)
from conduit.stores.memory_budgets import MemoryBudgets


class MemoryStore(MemoryBudgets):
    """The :class:`~conduit.core.ports.Store` contract without a database.

    No method waits for anything, so each is atomic among the tasks of one event loop. It
    survives ``close``: opened again, the same object still knows everything.

    Args:
        clock: no decision is younger than its now; None takes the system's.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._forgetting = Forgetting()
        self._layout: tuple[str, int] | None = None
        self._decisions: dict[str, Decision] = {}
        self._executions: dict[str, list[Execution]] = {}
        self._observations: dict[ObservationKey, Observation] = {}
        self._eras: dict[ObservationKey, int] = {}
        self._adjusted: list[Adjustment] = []
        self._adjustments = Adjustments()
        self._shifted: set[tuple[StateKey, float, float | None]] = set()
        self._pending: list[Change] = []
        self._state: dict[StateKey, SufficientStatistics] = {}
        self._sources: dict[str, Source] = {}
        self._version = 0

    @property
    def shared(self) -> bool:
        """No other process sees it."""
        return False

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Fold what is pending."""
        await self.fold()

    async def bind_layout(self, layout: str, dim: int) -> None:
        """Declare the context layout; the first declaration is kept.

        Raises:
            LayoutMismatchError: when the first declaration was another.
        """
        self._layout = self._layout or (layout, dim)
        check_layout((layout, dim), self._layout)

    async def set_half_life(self, half_life: float) -> None:
        """Declare how fast evidence fades, from now on; the last declaration is kept.

        Raises:
            InvalidInputError: for a half-life that is not above 0.
        """
        forgetting = Forgetting(half_life=half_life)
        if forgetting != self._forgetting:
            await self.fold()
            self._forgetting = forgetting
            self._version += 1

    async def add_decision(self, decision: Decision) -> None:
        """Log a decision; the first one declares the layout if nobody has.

        Raises:
            InvalidInputError: when its id is taken, or its context is not finite.
            LayoutMismatchError: when its context is of another layout.
        """
        check_contexts([decision])
        if decision.id in self._decisions:
            raise duplicate_decision(decision.id)
        await self._keep(decision)

    async def _keep(self, decision: Decision) -> None:
        await self.bind_layout(*layout_of(decision))
        features = replace(
            decision.features,
            embedding=np.empty(0, np.float32),
            context=np.array(decision.features.context, np.float32),
        )
        self._decisions[decision.id] = replace(decision, features=features)

    async def decision(self, decision_id: str) -> Decision:
        """Read a decision back, without its embedding.

        Raises:
            UnknownDecisionError: when there is none.
        """
        self._require(decision_id)
        return self._decisions[decision_id]

    async def add_execution(self, execution: Execution) -> None:
        """Log one attempt.

        Raises:
            UnknownDecisionError: when its decision does not exist.
        """
        self._require(execution.decision_id)
        self._executions.setdefault(execution.decision_id, []).append(execution)

    async def append(self, decisions: Sequence[Decision], executions: Sequence[Execution]) -> None:
        """Log decisions and attempts, all or none; those that are logged already stay as they are.

        Raises:
            InvalidInputError: for a context that is not finite.
            UnknownDecisionError: for an attempt of a decision that is neither logged nor given.
            LayoutMismatchError: for a decision whose context is of another layout.
        """
        check_contexts(decisions)
        new = {it.id: it for it in decisions if it.id not in self._decisions}
        for execution in executions:
            if execution.decision_id not in new:
                self._require(execution.decision_id)
        layouts = [*filter(None, [self._layout]), *map(layout_of, new.values())]
        for layout in layouts:
            check_layout(layout, layouts[0])
        for decision in new.values():
            await self._keep(decision)
        for execution in executions:
            attempts = self._executions.get(execution.decision_id, [])
            if all(execution.attempt != known.attempt for known in attempts):
                await self.add_execution(execution)

    async def executions(self, decision_id: str) -> tuple[Execution, ...]:
        """Attempts of a decision, in order."""
        attempts = self._executions.get(decision_id, [])
        return tuple(sorted(attempts, key=lambda execution: execution.attempt))

    async def log(self) -> AsyncIterator[LoggedDecision]:
        """Every decision with its attempts and observations, each once, in the order made."""
        observed: dict[str, list[Observation]] = {}
        for observation in self._observations.values():
            observed.setdefault(observation.decision_id, []).append(observation)
        for decision in tuple(self._decisions.values()):
            yield LoggedDecision(
                decision=decision,
                executions=await self.executions(decision.id),
                observations=tuple(observed.get(decision.id, ())),
            )

    async def observe(self, observations: Sequence[Observation]) -> tuple[Change, ...]:
        """Keep observations, all or none, and say what they changed.

        Raises:
            InvalidInputError: for a value or a weight that is no number.
            UnknownDecisionError: when a decision does not exist; nothing is kept then.
        """
        check_observations(observations)
        for observation in observations:
            self._require(observation.decision_id)
        changes = changes_of(observations, self._observations)
        self._observations |= {key_of(it.observation): it.observation for it in changes}
        for change in changes:
            self._eras.setdefault(key_of(change.observation), len(self._adjusted))
        self._pending += changes
        return tuple(
            self._adjustments.marked(it, era=self._eras[key_of(it.observation)]) for it in changes
        )

    async def absorb(
        self,
        statistics: Mapping[StateKey, SufficientStatistics],
        *,
        source: Source,
        layout: str,
    ) -> Source | None:
        """Add evidence from elsewhere to the learned state, once per source; None when it was new.

        Raises:
            LayoutMismatchError: when the state is of another layout or dimension.
            InvalidInputError: for sums that no observations have.
        """
        await self.bind_layout(layout, dimension_of(statistics))
        if source.digest in self._sources:
            return self._sources[source.digest]
        self._sources[source.digest] = source
        self._state |= absorbed(self._state, statistics, source=source, forgetting=self._forgetting)
        self._version += 1
        return None

    async def shift(self, arm: str, head: Head, *, by: float, at: float | None = None) -> None:
        """Add ``by`` to every target learned so far for one head of one arm, once per moment."""
        await self.fold()
        key = (arm, head.value)
        if key in self._state and (key, by, at) not in self._shifted:
            self._state[key] = self._state[key].shifted(by)
            self._record(key, AdjustmentKind.SHIFT, by)
            if at is not None:
                self._shifted.add((key, by, at))

    async def discount(self, arm: str, head: Head, *, worth: float) -> None:
        """Let all learned so far of one head of one arm be worth at most that many ratings."""
        await self.fold()
        key = (arm, head.value)
        if key in self._state and self._state[key].weight > worth:
            self._record(key, AdjustmentKind.DISCOUNT, worth / self._state[key].weight)
            self._state[key] = self._state[key].at_most(worth)

    async def sources(self) -> tuple[Source, ...]:
        """What was absorbed, in that order."""
        return tuple(self._sources.values())

    async def fold(self, *, wait: bool = True) -> Folded:  # noqa: ARG002 - nobody else folds
        """Fold pending observations into the learned state."""
        before = self._version
        pending, self._pending = self._pending, []
        if pending:
            self._state |= folded(
                self._state,
                filter(None, map(self._counted, pending)),
                forgetting=self._forgetting,
                now=self._clock.now(),
            )
            self._version += 1
        return Folded(count=len(pending), before=before, after=self._version)

    async def load(self) -> LearnedState:
        """The learned state after folding all that is pending."""
        await self.fold()
        return LearnedState(self._version, dict(self._state), self._forgetting)

    async def count(self) -> int:
        """Number of observations kept."""
        return len(self._observations)

    async def pulse(self) -> Pulse:
        """How far learned state and documents have come."""
        return Pulse(state=self._version, documents=self.versions)

    def _ratings(self) -> Ratings:
        rated = (it for it in self._observations.values() if it.signal is Signal.RATING)
        return {(it.decision_id, it.arm): it.value for it in rated}

    def _require(self, decision_id: str) -> None:
        if decision_id not in self._decisions:
            raise UnknownDecisionError(decision_id)

    def _record(self, key: StateKey, kind: AdjustmentKind, amount: float) -> None:
        arm, head = key
        number = len(self._adjusted) + 1
        self._adjusted.append(
            Adjustment(number=number, arm=arm, head=head, kind=kind, amount=amount)
        )
        self._adjustments = Adjustments(self._adjusted)
        self._version += 1

    def _counted(self, change: Change) -> Pending | None:
        """A change with its context, as it counts after what was done since it was observed."""
        observation = change.observation
        decision = self._decisions[observation.decision_id]
        pending = Pending(
            arm=observation.arm,
            head=observation.head.value,
            context=decision.features.context,
            decided_at=decision.created_at,
            value=observation.value,
            weight=observation.weight,
            previous=change.previous,
        )
        return self._adjustments.applied(pending, era=self._eras[key_of(observation)])
