"""The learner: observations to durable evidence to posteriors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from conduit.bandits.models import ArmModels
from conduit.core.decisions import Decision
from conduit.core.outcomes import Change, Observation
from conduit.core.ports import Clock, Store
from conduit.core.statistics import LearnedState, Source, SufficientStatistics

FOLD_EVERY = 256
"""Observations after which the store folds what is pending."""
REMEMBERED = 4096
"""Recent decisions kept in memory, so that feedback soon after needs no look-up."""


class Learner:
    """Keeps the arm models equal to what the store holds.

    An observation is durable before it changes a posterior, and changes it once.

    Args:
        store: the durable side.
        build: makes arm models from learned state.
        clock: the one that dates decisions; evidence is as old as its decision.
    """

    def __init__(
        self, store: Store, *, build: Callable[[LearnedState], ArmModels], clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._build = build
        self._recent: OrderedDict[str, Decision] = OrderedDict()
        self._unfolded = 0
        self.models = build(LearnedState(0, {}))

    async def load(self) -> None:
        """Take up the state that the store holds."""
        self.models = self._build(await self._store.load())

    async def record(self, decision: Decision) -> None:
        """Log a decision, so that feedback may refer to it."""
        await self._store.add_decision(decision)
        self._recent[decision.id] = decision
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    async def decision(self, decision_id: str) -> Decision:
        """A decision, from memory or from the store.

        Raises:
            UnknownDecisionError: when there is none.
        """
        return self._recent.get(decision_id) or await self._store.decision(decision_id)

    async def learn(self, observations: Iterable[Observation]) -> tuple[Change, ...]:
        """Store observations, then learn from what they changed.

        Raises:
            UnknownDecisionError: when a decision does not exist; nothing is stored then.
        """
        changes = await self._store.observe(tuple(observations))
        self.models.advance(self._clock.now())
        for change in changes:
            decision = await self.decision(change.observation.decision_id)
            context = decision.features.context.astype(np.float64)
            self.models.learn(change, context, at=decision.created_at)
        await self._fold(changes)
        return changes

    async def absorb(
        self,
        statistics: Mapping[tuple[str, str], SufficientStatistics],
        *,
        source: Source,
        layout: str,
    ) -> Source | None:
        """Store evidence from elsewhere, then learn it; None, or what is known of it already.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
            InvalidInputError: for sums that no observations have.
        """
        earlier = await self._store.absorb(statistics, source=source, layout=layout)
        if earlier is None:
            self.models.advance(self._clock.now())
            self.models.absorb(statistics)
        return earlier

    async def _fold(self, changes: Sequence[Change]) -> None:
        self._unfolded += len(changes)
        if self._unfolded >= FOLD_EVERY:
            self._unfolded = 0
            await self._store.fold()
