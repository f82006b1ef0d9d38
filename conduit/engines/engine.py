"""An open engine: what decides, executes and learns, after encoder and store are ready."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.decisions import Decision
from conduit.core.events import Completed, Decided, Event
from conduit.core.models import Query
from conduit.core.outcomes import Change, Execution, Response, Signal
from conduit.engines.accounting import response_of
from conduit.engines.analysis import Analysis
from conduit.engines.decider import Decider
from conduit.engines.executor import Executor
from conduit.engines.goal_record import record_goal
from conduit.engines.learner import Learner
from conduit.engines.money import Money
from conduit.engines.observer import Observer
from conduit.engines.portfolio import Portfolio
from conduit.engines.replica import Replica
from conduit.engines.shared_steering import SharedSteering
from conduit.engines.swapping import Swapping
from conduit.engines.wiring import Parts
from conduit.features.analyzer import Analyzer
from conduit.feedback.ratings import Feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a router does, once it is open; see there for what may be asked and raised."""

    parts: Parts
    analyzer: Analyzer
    analysis: Analysis
    decider: Decider
    learner: Learner
    executor: Executor
    observer: Observer
    swapping: Swapping
    replica: Replica
    money: Money
    announce: Callable[[Event], None]

    async def route(
        self, query: Query, *, models: Collection[str] | None, strict: bool
    ) -> Decision:
        """Decide which model should answer, without calling it."""
        decision, _ = await self._decide(query, models=models, strict=strict, scopes=())
        return decision

    async def complete(
        self,
        query: Query,
        *,
        models: Collection[str] | None,
        strict: bool,
        scopes: Sequence[Scope] = (),
    ) -> Response:
        """Decide, call the model, fall back where it fails, and observe what happened."""
        accounts = _accounts(query, scopes)
        decision, portfolio = await self._decide(
            query, models=models, strict=strict, scopes=accounts
        )
        arms = {arm.id: arm for arm in portfolio.arms}
        executions: list[Execution] = []

        async def log(execution: Execution) -> None:
            executions.append(execution)
            await self.observer.executed(execution)

        try:
            served = await self.executor.run(
                query, decision, arms=arms, till=self.money.till(accounts), log=log
            )
        finally:
            self.decider.settle(
                expected=_expected_cost(decision), actual=sum(e.cost for e in executions)
            )
        response = response_of(
            decision, served, executions=executions, arms=arms, baseline=portfolio.baseline
        )
        self.announce(Completed(response))
        return response

    async def aclose(self) -> None:
        """Write what is left, fold what was learned, and let go of the store.

        Raises:
            StoreError: when the store is out of reach.
        """
        await self.replica.stop()
        try:
            await self.learner.journal.close()
            await self.replica.look()
            await self.money.settle_up()
        finally:
            await self.parts.store.close()

    async def feedback(self, decision_id: str, said: Feedback) -> tuple[Change, ...]:
        """Learn from what a caller says of an answer."""
        changes = await self.observer.rated(decision_id, said)
        await self._settle_reported(changes)
        self.replica.hurry()
        return changes

    async def _decide(
        self,
        query: Query,
        *,
        models: Collection[str] | None,
        strict: bool,
        scopes: Sequence[Scope],
    ) -> tuple[Decision, Portfolio]:
        """A decision, and the portfolio it was made with."""
        features = await self.analysis.of(query.text)
        means = await self.money.means(query, scopes, self.learner.models.arms)
        portfolio = self.swapping.portfolio
        decision = self.decider.decide(
            query, features, self.learner.models, only=models, strict=strict, means=means
        )
        try:
            await self.learner.record(decision)
        except BaseException:
            self.decider.settle(expected=_expected_cost(decision), actual=0.0)
            raise
        self.announce(Decided(decision))
        await self.observer.decided(decision)
        return decision, portfolio

    async def _settle_reported(self, changes: Iterable[Change]) -> None:
        """A cost that the caller paid and reports takes the place of the expected one."""
        for change in changes:
            seen = change.observation
            if seen.signal is Signal.COST and change.previous is None:
                decision = await self.learner.decision(seen.decision_id)
                self.decider.settle(expected=_expected_cost(decision), actual=math.exp(seen.value))


async def open_engine(parts: Parts, *, announce: Callable[[Event], None]) -> Engine:
    """Load the encoder, open the store, and take up what was learned.

    Args:
        parts: what the engine is made of.
        announce: is told of every event.

    Raises:
        StoreError: for a database that cannot be used.
        LayoutMismatchError: for a database whose state was learned with another encoder.
        ConfigurationError: for an encoder whose weights are missing.
        InvalidInputError: for a model without labels, where the policy needs labelled queries.
    """
    analyzer = await asyncio.to_thread(parts.analyzer)

    def labelled(portfolio: Portfolio) -> NearestNeighbours | None:
        return parts.neighbours(portfolio, encoder=analyzer.encoder_name)

    await parts.store.open()
    try:
        await parts.store.bind_layout(analyzer.layout, analyzer.dim)
        if parts.half_life is not None:
            await parts.store.set_half_life(parts.half_life)
        await record_goal(parts.goal, store=parts.store, clock=parts.clock, actor=parts.actor)
        shared = parts.shared_portfolio()
        parts = replace(parts, portfolio=await shared.read())
        learner = parts.learner(dim=analyzer.dim)
        await learner.refresh()
        neighbours = await asyncio.to_thread(labelled, parts.portfolio)
        decider = parts.decider(analyzer.layout, neighbours=neighbours)
        steering = SharedSteering(decider, store=parts.store, goal=parts.goal)
        await steering.exchange(known=await parts.store.pulse())
    except BaseException:
        await parts.store.close()
        raise
    swapping = Swapping(
        learner, decider, shared=shared, store=parts.store, find=parts.arm, labelled=labelled
    )
    replica = Replica(
        learner, swapping, steering=steering, store=parts.store, bell=parts.caches.bell
    )
    return Engine(
        parts=parts,
        analyzer=analyzer,
        analysis=Analysis(analyzer, parts.caches.features),
        decider=decider,
        learner=learner,
        executor=Executor(client=parts.client, clock=parts.clock, timeout=parts.timeout),
        observer=Observer(
            learner,
            store=parts.store,
            recent=parts.caches.recent,
            clock=parts.clock,
            announce=announce,
        ),
        swapping=swapping,
        replica=replica,
        money=Money(parts.store, clock=parts.clock, baseline=lambda: swapping.portfolio.baseline),
        announce=announce,
    )


def _expected_cost(decision: Decision) -> float:
    """USD that the pacer counted when the decision was made."""
    return decision.estimates[decision.selected_model].cost


def _accounts(query: Query, scopes: Sequence[Scope]) -> tuple[Scope, ...]:
    """On whose account: as said, and the query's user unless another was named."""
    if not query.user_id or any(scope.kind is ScopeKind.USER for scope in scopes):
        return tuple(scopes)
    return (*scopes, Scope(ScopeKind.USER, query.user_id))
