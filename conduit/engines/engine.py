"""An open engine: what decides, executes and learns, after encoder and store are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.decisions import Decision
from conduit.core.events import Event
from conduit.core.outcomes import Change, Response
from conduit.engines.analysis import Analysis
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.breakers import Breakers
from conduit.engines.decider import Decider
from conduit.engines.deciding import Deciding
from conduit.engines.errand import Errand
from conduit.engines.first_piece import first_piece
from conduit.engines.goal_record import record_goal
from conduit.engines.learner import Learner
from conduit.engines.money import Money
from conduit.engines.observer import Observer
from conduit.engines.portfolio import Portfolio
from conduit.engines.replica import Replica
from conduit.engines.reports import settle_reported
from conduit.engines.serving import Serving
from conduit.engines.shared_portfolio import SharedPortfolio
from conduit.engines.shared_steering import SharedSteering
from conduit.engines.swapping import Labelled, Swapping, as_edited
from conduit.engines.warmth import Warmth
from conduit.engines.wiring import Parts
from conduit.features.analyzer import Analyzer
from conduit.feedback.ratings import Feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a router does, once it is open; see there for what may be asked and raised."""

    parts: Parts
    analyzer: Analyzer
    decider: Decider
    learner: Learner
    deciding: Deciding
    serving: Serving
    observer: Observer
    swapping: Swapping
    replica: Replica
    money: Money

    async def route(self, errand: Errand) -> Decision:
        """Decide which model should answer, without calling it."""
        decision = await self.deciding.decide(errand)
        self.money.awaits(decision.id, errand.accounts)
        await self.observer.decided(decision)
        return decision

    async def preview(self, errand: Errand) -> Decision:
        """What would be decided now, without deciding it."""
        return await self.deciding.preview(errand)

    async def complete(self, errand: Errand) -> Response:
        """Decide, call the model, fall back where it fails, and observe what happened."""
        async with aclosing(self.serving.pieces(errand, streaming=False)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Response):
                    return piece
        raise AssertionError("an errand ends with its response or with an error")

    async def stream(self, errand: Errand) -> AnswerStream:
        """Likewise, piece by piece; the first piece is there."""
        return await first_piece(self.serving.pieces(errand, streaming=True))

    async def aclose(self) -> None:
        """Write what is left, fold what was learned, pay what is owed, and let go of the store.

        What fails, or is cancelled, leaves nothing unpaid that can be paid.

        Raises:
            StoreError: when the store is out of reach.
        """
        try:
            await self.replica.stop()
            await self.learner.journal.close()
            await self.replica.look()
        finally:
            try:
                await self.money.settle_up()
            finally:
                await self.parts.store.close()

    async def feedback(self, decision_id: str, said: Feedback) -> tuple[Change, ...]:
        """Learn from what a caller says of an answer."""
        changes = await self.observer.rated(decision_id, said)
        await settle_reported(self, decision_id, said, changes=changes)
        self.replica.hurry()
        return changes


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
        learned = await _taken_up(parts, analyzer, labelled)
    except BaseException:
        await parts.store.close()
        raise
    return _composed(learned, analyzer, labelled, announce=announce)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learned:
    """What an open store has told."""

    parts: Parts
    shared: SharedPortfolio
    learner: Learner
    decider: Decider
    steering: SharedSteering


async def _taken_up(parts: Parts, analyzer: Analyzer, labelled: Labelled) -> _Learned:
    """What all processes on this store have learned, edited and spent."""
    await parts.store.bind_layout(analyzer.layout, analyzer.dim)
    if parts.half_life is not None:
        await parts.store.set_half_life(parts.half_life)
    await record_goal(parts.goal, store=parts.store, clock=parts.clock, actor=parts.actor)
    shared = parts.shared_portfolio()
    portfolio, neighbours = await as_edited(shared, parts.portfolio, labelled=labelled)
    parts = replace(parts, portfolio=portfolio)
    learner = parts.learner(layout=analyzer.layout, dim=analyzer.dim)
    await learner.refresh()
    decider = parts.decider(analyzer.layout, neighbours=neighbours)
    steering = SharedSteering(decider, store=parts.store, goal=parts.goal, clock=parts.clock)
    await steering.exchange(known=await parts.store.pulse())
    return _Learned(parts=parts, shared=shared, learner=learner, decider=decider, steering=steering)


def _composed(
    learned: _Learned,
    analyzer: Analyzer,
    labelled: Labelled,
    *,
    announce: Callable[[Event], None],
) -> Engine:
    """The engine, of parts that are open."""
    parts, learner, decider = learned.parts, learned.learner, learned.decider
    swapping = Swapping(
        learner,
        decider,
        shared=learned.shared,
        store=parts.store,
        clock=parts.clock,
        find=parts.arm,
        labelled=labelled,
    )
    replica = Replica(
        learner, swapping, steering=learned.steering, store=parts.store, bell=parts.caches.bell
    )
    observer = Observer(
        learner,
        store=parts.store,
        recent=parts.caches.recent,
        clock=parts.clock,
        announce=announce,
    )
    money = Money(parts.store, clock=parts.clock, baseline=lambda: swapping.portfolio.baseline)
    serving = _served(
        learned,
        Analysis(analyzer, parts.caches.features),
        swapping,
        observer=observer,
        money=money,
        replica=replica,
        announce=announce,
    )
    return Engine(
        parts=parts,
        analyzer=analyzer,
        decider=decider,
        learner=learner,
        deciding=serving.deciding,
        serving=serving,
        observer=observer,
        swapping=swapping,
        replica=replica,
        money=money,
    )


def _served(
    learned: _Learned,
    analysis: Analysis,
    swapping: Swapping,
    *,
    observer: Observer,
    money: Money,
    replica: Replica,
    announce: Callable[[Event], None],
) -> Serving:
    """What decides, and has its decisions executed."""
    parts = learned.parts
    breakers = Breakers(parts.clock)
    deciding = Deciding(
        analysis=analysis,
        decider=learned.decider,
        learner=learned.learner,
        swapping=swapping,
        breakers=breakers,
        clock=parts.clock,
        warmth=Warmth(parts.clock),
        money=money,
        catch_up=replica.catch_up,
        announce=announce,
    )
    return Serving(
        deciding=deciding,
        executor=parts.executor(breakers),
        observer=observer,
        answers=parts.answers(),
        till=parts.till or money.till,
        continue_cut=parts.continue_cut,
        announce=announce,
        clock=parts.clock,
    )
