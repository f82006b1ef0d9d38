"""The learner: observations to durable evidence to posteriors."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from conduit.bandits.models import ArmModels
from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.outcomes import Change, Head, Observation
from conduit.core.ports import Clock, Store
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.engines.quiet import Quiet

Statistics: TypeAlias = Mapping[tuple[str, str], SufficientStatistics]
"""What was learned, per (arm id, head name)."""
Build: TypeAlias = Callable[[Sequence[Arm], LearnedState], ArmModels]
"""Makes the models of some arms, as of now, from what was learned."""

_log = logging.getLogger("conduit.learner")

FOLD_EVERY = 256
"""Observations after which the store folds what is pending."""
REMEMBERED = 4096
"""Recent decisions kept in memory, so that feedback soon after needs no look-up."""


class Learner:
    """Keeps the arm models equal to what the store holds.

    An observation is durable before it changes a posterior, and changes it once. What is observed
    of a model that is no arm is kept by the store, for the day on which it is one again.

    Args:
        store: the durable side.
        arms: the arms, in index order.
        build: makes arm models.
        clock: the one that dates decisions; evidence is as old as its decision.

    Attributes:
        models: the arms as they are now and what is known of them; replaced as a whole when the
            arms change, so that whoever holds them has a snapshot.
        quiet: to be kept by whoever replaces the models.
    """

    def __init__(self, store: Store, *, arms: Sequence[Arm], build: Build, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._build = build
        self._recent: OrderedDict[str, Decision] = OrderedDict()
        self._unfolded = 0
        self.models = build(arms, LearnedState(0, {}))
        self.quiet = Quiet()

    async def load(self) -> None:
        """Take up the state that the store holds."""
        self.models = await self.built(self.models.arms)

    async def built(
        self, arms: Sequence[Arm], *, dearer: Mapping[str, float] | None = None
    ) -> ArmModels:
        """The models of these arms, from all that the store holds of them.

        Args:
            arms: in index order.
            dearer: by arm id, the logarithm by which its calls have become dearer since.
        """
        state = await self._store.load()
        statistics = dict(state.statistics)
        for arm, by in (dearer or {}).items():
            key = (arm, Head.LOG_COST.value)
            if key in statistics:
                statistics[key] = statistics[key].shifted(by)
        return self._build(arms, replace(state, statistics=statistics))

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
        async with self.quiet.working():
            changes = await self._store.observe(tuple(observations))
            self.models.advance(self._clock.now())
            for change in changes:
                decision = await self.decision(change.observation.decision_id)
                context = decision.features.context.astype(np.float64)
                self.models.learn(change, context, at=decision.created_at)
            await self._discount()
            await self._fold(changes)
        return changes

    async def absorb(
        self,
        statistics: Statistics,
        *,
        source: Source,
        layout: str,
    ) -> Source | None:
        """Store evidence from elsewhere, then learn it; None, or what is known of it already.

        Raises:
            LayoutMismatchError: when the stored state is of another layout or dimension.
            InvalidInputError: for sums that no observations have.
        """
        async with self.quiet.working():
            earlier = await self._store.absorb(statistics, source=source, layout=layout)
            if earlier is None:
                self.models.advance(self._clock.now())
                self.models.absorb(statistics)
        return earlier

    async def _discount(self) -> None:
        """What the outcomes have contradicted counts little from now on, here and in the store."""
        for said in self.models.contradictions():
            await self._store.discount(said.arm, said.head, worth=said.worth)
            self.models.discount(said)
            _log.info(
                "%s is no longer what was learned of its %s: that counts as %g ratings from now on",
                said.arm,
                said.head.value,
                said.worth,
            )

    async def _fold(self, changes: Sequence[Change]) -> None:
        self._unfolded += len(changes)
        if self._unfolded >= FOLD_EVERY:
            self._unfolded = 0
            await self._store.fold()
