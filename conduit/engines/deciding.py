"""Deciding beside an event loop: analyze, choose, record, announce."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from conduit.bandits.chooser import Step
from conduit.bandits.means import Means
from conduit.core.decisions import Decision
from conduit.core.events import Decided, Event
from conduit.core.models import Query
from conduit.core.ports import Clock
from conduit.engines.analysis import Analysis
from conduit.engines.billing import sized
from conduit.engines.breakers import Breakers, Passage
from conduit.engines.decider import Decider
from conduit.engines.errand import Errand
from conduit.engines.learner import Learner
from conduit.engines.money import Money
from conduit.engines.portfolio import Portfolio
from conduit.engines.swapping import Swapping
from conduit.engines.warmth import Thread, Warmth, thread_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A decision that is about to be executed.

    Args:
        decision: which model.
        portfolio: that it was made with.
        passage: for its first attempt.
        thread: the conversation that it is a part of.
        step: what it has made of the steering; None without one.
    """

    decision: Decision
    portfolio: Portfolio
    passage: Passage
    thread: Thread | None
    step: Step | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """Makes decisions that are recorded and announced."""

    analysis: Analysis
    decider: Decider
    learner: Learner
    swapping: Swapping
    breakers: Breakers
    clock: Clock
    warmth: Warmth
    money: Money
    catch_up: Callable[[], Awaitable[None]]
    announce: Callable[[Event], None]

    async def decide(self, errand: Errand) -> Decision:
        """A decision that somebody else will execute."""
        chosen = await self._chosen(errand, thread_of(errand))
        await self._recorded(errand.query, chosen)
        return chosen.decision

    async def preview(self, errand: Errand) -> Decision:
        """What would be decided now; nothing is recorded, counted as spent, or drawn for it."""
        trying = replace(self, decider=self.decider.twin())
        return (await trying._chosen(errand, thread_of(errand))).decision

    async def turn(
        self, errand: Errand, refused: Collection[str] = (), *, after: Decision | None = None
    ) -> Turn:
        """A decision to be executed here.

        Args:
            errand: what is asked.
            refused: ids of arms that there is no money for.
            after: the decision that this one takes the place of.
        """
        thread = thread_of(errand)
        chosen = await self._chosen(errand, thread, refused=refused, after=after)
        passage = self.breakers.enter(chosen.decision.selected_model)
        try:
            await self._recorded(errand.query, chosen)
        except BaseException:
            passage.ended(None)
            raise
        return Turn(
            decision=chosen.decision,
            portfolio=chosen.portfolio,
            passage=passage,
            thread=thread,
            step=chosen.step,
        )

    async def _chosen(
        self,
        errand: Errand,
        thread: Thread | None,
        *,
        refused: Collection[str] = (),
        after: Decision | None = None,
    ) -> _Chosen:
        """A decision, and the portfolio it was made with; models that fail are left alone."""
        query, received_at = errand.query, self.clock.now()
        features = sized(await self.analysis.of(query.text), query)
        await self.catch_up()
        means = await self._means(errand)
        without = frozenset(refused) | self.breakers.closed_to()
        if after is not None and without.issuperset(candidates(after)):
            without = frozenset(refused)
        before = self.decider.steering
        decision = self.decider.decide(
            query,
            features,
            self.learner.models,
            only=errand.models,
            strict=errand.strict,
            without=without,
            attempt=1 if after is None else after.attempt + 1,
            warm=self.warmth.of(thread),
            means=means,
        )
        step = self.decider.since(before)
        return _Chosen(decision, self.swapping.portfolio, received_at, step)

    async def _means(self, errand: Errand) -> Means:
        """What budgets leave for each of the arms there are when this returns, in their order.

        While a budget is read, models may come, go or change their price; then it is read again.
        """
        while True:
            arms = self.learner.models.arms
            means = await self.money.means(errand.query, errand.accounts, arms)
            if self.learner.models.arms == arms:
                return means

    async def _recorded(self, query: Query, chosen: _Chosen) -> None:
        decision = chosen.decision
        try:
            await self.learner.record(decision)
        except BaseException:
            self.decider.withdraw(chosen.step)
            raise
        self.announce(Decided(decision, query, chosen.portfolio.arms, chosen.received_at))


@dataclass(frozen=True, slots=True)
class _Chosen:
    decision: Decision
    portfolio: Portfolio
    received_at: float
    step: Step | None


def candidates(decision: Decision) -> tuple[str, ...]:
    """Arms that could have been chosen, the chosen one first."""
    return (decision.selected_model, *decision.fallback_chain)


def expected_cost(decision: Decision) -> float:
    """USD that the pacer counted when the decision was made."""
    return decision.estimates[decision.selected_model].cost
