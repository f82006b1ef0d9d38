"""The learner: observations to durable evidence to posteriors."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from conduit.bandits.models import ArmModels
from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import StoreError, UnknownDecisionError
from conduit.core.outcomes import Change, Head, Observation
from conduit.core.ports import Clock, Store
from conduit.core.statistics import LearnedState, Source, SufficientStatistics
from conduit.engines.journal import Journal
from conduit.engines.journal_entries import Discount
from conduit.engines.noticed import Noticed
from conduit.engines.quiet import Quiet

Statistics: TypeAlias = Mapping[tuple[str, str], SufficientStatistics]
"""What was learned, per (arm id, head name)."""
Build: TypeAlias = Callable[[Sequence[Arm], LearnedState, ArmModels | None], ArmModels]
"""Makes the models of some arms, as of now, from what was learned; takes over what has not changed."""

_log = logging.getLogger("conduit.learner")

FOLD_EVERY = 256
"""Observations after which the store folds what is pending."""
REMEMBERED = 4096
"""Recent decisions kept in memory, so that feedback soon after needs no look-up."""
MOMENT = 0.25
"""Seconds after which a decision of another process is looked for again, which may be in its journal."""
UNSURE = -1
"""Version of models that may lack what the store holds: the next look builds them anew."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Built:
    """Models, and the version of the learned state that they were built from."""

    models: ArmModels
    version: int


class Learner:
    """Keeps the arm models equal to what the store holds.

    An observation is durable before it changes a posterior, and changes it once. What is observed
    of a model that is no arm is kept by the store, for the day on which it is one again.

    Args:
        store: the durable side.
        arms: the arms, in index order.
        build: makes arm models.
        layout: of the contexts that they learn from.
        clock: the one that dates decisions; evidence is as old as its decision.

    Attributes:
        models: the arms as they are now and what is known of them; replaced as a whole when the
            arms change, so that whoever holds them has a snapshot.
        version: of the store's learned state that the models are equal to, but for what they have
            learned themselves since.
        quiet: to be kept by whoever replaces the models.
        journal: writes what need not be waited for.
    """

    def __init__(
        self, store: Store, *, arms: Sequence[Arm], build: Build, layout: str, clock: Clock
    ) -> None:
        self._store = store
        self._layout = layout
        self._clock = clock
        self._build = build
        self._recent: OrderedDict[str, Decision] = OrderedDict()
        self._noticed = Noticed(most=REMEMBERED)
        self._era = 0
        self._unfolded = 0
        self.models = build(arms, LearnedState(0, {}), None)
        self.version = 0
        self.quiet = Quiet()
        self.journal = Journal(store, stored=self._count)

    async def refresh(self) -> None:
        """Take up the state that the store holds, with all that other processes have learned.

        Raises:
            StoreError: when the store is out of reach; the models stay what they are.
        """
        async with self.quiet.kept():
            self.adopt(await self.built(self.models.arms))

    def adopt(self, built: Built) -> None:
        """Go on with these models; quiet has been kept since they were built."""
        self.models, self.version = built.models, built.version
        self._era += 1

    async def built(
        self, arms: Sequence[Arm], *, dearer: Mapping[str, float] | None = None
    ) -> Built:
        """The models of these arms, from all that the store holds of them.

        Args:
            arms: in index order.
            dearer: by arm id, the logarithm by which its calls have become dearer since.

        Raises:
            StoreError: when the store is out of reach.
        """
        await self.journal.flush()
        state = await self._store.load()
        statistics = dict(state.statistics)
        for arm, by in (dearer or {}).items():
            key = (arm, Head.LOG_COST.value)
            if key in statistics:
                statistics[key] = statistics[key].shifted(by)
        models = self._build(arms, replace(state, statistics=statistics), self.models)
        return Built(models=models, version=state.version)

    async def record(self, decision: Decision) -> None:
        """Have a decision logged, so that feedback may refer to it."""
        await self.journal.enter(decision)
        self._recent[decision.id] = decision
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    async def decision(self, decision_id: str) -> Decision:
        """A decision, from memory or from the store.

        Raises:
            UnknownDecisionError: when there is none.
        """
        return self._recent.get(decision_id) or await self._store.decision(decision_id)

    def made_here(self, decision_id: str) -> bool:
        """Whether this process made a decision, a while ago at most."""
        return decision_id in self._recent

    async def awaited(self, decision_id: str) -> Decision:
        """A decision that another process may have made this very moment.

        Raises:
            UnknownDecisionError: when there is none a moment later either.
        """
        try:
            return await self.decision(decision_id)
        except UnknownDecisionError:
            if not self._store.shared:
                raise
        await asyncio.sleep(MOMENT)
        return await self.decision(decision_id)

    async def learn(self, observations: Iterable[Observation]) -> tuple[Change, ...]:
        """Store observations, then learn from what they changed: they are durable on return.

        Raises:
            UnknownDecisionError: when a decision does not exist; nothing is stored then.
            StoreError: when the store is out of reach; nothing is promised then.
        """
        async with self._working():
            await self.journal.flush()
            era = self._era
            changes = await self._store.observe(tuple(observations))
            self._count(changes)
            await self._take_in(changes, era=era)
        await self._make_sure()
        if self._unfolded >= FOLD_EVERY:
            self._unfolded = 0
            await self._fold_some()
        return changes

    async def notice(self, observations: Iterable[Observation]) -> tuple[Change, ...]:
        """Learn from what was observed here, and have it stored soon; nobody waits for it.

        Nor does anybody lose an answer for it: where its decision has left memory and cannot be
        read, the observation is learned from the store, with the next look at it.
        """
        async with self._working():
            era = self._era
            changes = self._noticed.changes(tuple(observations), era=era)
            await self.journal.enter(*(change.observation for change in changes))
            try:
                await self._take_in(changes, era=era)
            except (StoreError, UnknownDecisionError) as error:
                self.version = UNSURE
                _log.info("what was observed is learned with the next look: %s", error)
        await self._make_sure()
        return changes

    async def fold(self) -> bool:
        """Fold what is pending, unless another process is at it; whether there was anything.

        Raises:
            StoreError: when the store is out of reach.
        """
        done = await self._store.fold(wait=False)
        if done.before == self.version and not done.foreign:
            self.version = done.after
        return done.count > 0

    async def _fold_some(self) -> None:
        """What is durable is no failure: what is pending stays so until a later fold."""
        try:
            await self.fold()
        except StoreError as error:
            _log.info("what is pending is folded later: %s", error)

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
        async with self._working():
            earlier = await self._store.absorb(statistics, source=source, layout=layout)
            if earlier is None:
                self.models.advance(self._clock.now())
                self.models.absorb(statistics)
        return earlier

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """Whoever is interrupted between store and models leaves open whether these are equal."""
        async with self.quiet.working():
            try:
                yield
            except (StoreError, asyncio.CancelledError):
                self.version = UNSURE
                raise

    async def _take_in(self, changes: Sequence[Change], *, era: int) -> None:
        """Learn changes that were found in an era of the models.

        A correction of what has been shifted or discounted since counts as the store has it: in
        full it would leave sums that no observations have.
        """
        self.models.advance(self._clock.now())
        for change in changes:
            if change.previous is not None and (change.adjusted or era != self._era):
                self.version = UNSURE
                continue
            decision = await self.decision(change.observation.decision_id)
            if decision.layout != self._layout:  # the store keeps it in its log, for a refit
                continue
            context = decision.features.context.astype(np.float64)
            self.models.learn(change, context, at=decision.created_at)
        await self._discount()

    async def _discount(self) -> None:
        """What the outcomes have contradicted counts little from now on, here and in the store."""
        for said in self.models.contradictions():
            self.models.discount(said)
            self._era += 1
            await self.journal.enter(Discount(arm=said.arm, head=said.head, worth=said.worth))
            _log.info(
                "%s is no longer what was learned of its %s: that counts as %g ratings from now on",
                said.arm,
                said.head.value,
                said.worth,
            )

    async def _make_sure(self) -> None:
        """Where no look at the store will come, models that are not sure are built anew at once."""
        if self.version == UNSURE and not self._store.shared:
            await self.refresh()

    def _count(self, changes: Sequence[Change]) -> None:
        self._unfolded += len(changes)
