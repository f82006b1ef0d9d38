"""The router: the engine's front door."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import ConduitError
from conduit.core.events import Completed, Decided, Event, Subscriber
from conduit.core.models import Query
from conduit.core.outcomes import Change, Execution, Response, Signal
from conduit.core.ports import Clock, Encoder, ModelClient, Store
from conduit.engines.accounting import response_of
from conduit.engines.engine import Engine, open_engine
from conduit.engines.wiring import Options, assemble
from conduit.feedback.ratings import Feedback
from conduit.settings import Settings


class Router:
    """Decides which model answers a query, has it answered, and learns from what happened.

    Opens itself at first use; ``async with Router(...)`` also closes. Without keys it decides
    over the default catalogue, and makes no network call unless an encoder that downloads was
    asked for. Safe for any number of concurrent tasks of one event loop.

    Args:
        models: ids, or :class:`~conduit.core.arms.Arm` values; None takes the catalogue's models
            whose provider has a key, or all of them when no key is set.
        policy: ``thompson``, ``linucb``, ``squarecb``, ``epsilon_greedy``,
            ``thompson_noncontextual``, ``ucb1``, ``knn``, ``complexity``, ``cheapest``,
            ``best``, ``random`` or ``fixed:<model>``.
        neighbours: labelled queries for ``knn``, or the file that ``save_neighbours`` wrote.
        optimize_for: ``balanced``, ``quality``, ``cost`` or ``speed``.
        budget: USD per request to keep to on average; takes the place of the cost preference.
        baseline: id of the model that savings are measured against.
        encoder: ``auto``, ``minilm``, ``sentence-transformers``, ``hashing``, or an encoder.
        store: where decisions and learned state live; None keeps them in memory.
        client: calls models; None calls the providers.
        timeout: seconds for one model call.
        half_life: seconds after which what was learned counts half; infinite forgets nothing, None
            keeps what the store was given before, and at first forgets nothing.
        seed: of the random draws; None draws afresh.
        clock: dates decisions.
        settings: None reads the environment and ``.env``.
        subscribers: are told of every event.

    Raises:
        ConduitError: for an argument or setting that cannot be used.
    """

    def __init__(
        self,
        models: Sequence[str | Arm] | None = None,
        *,
        policy: str | None = None,
        neighbours: str | Path | NearestNeighbours | None = None,
        optimize_for: str | None = None,
        budget: float | None = None,
        baseline: str | None = None,
        encoder: str | Encoder | None = None,
        store: Store | None = None,
        client: ModelClient | None = None,
        timeout: float | None = None,
        half_life: float | None = None,
        seed: int | None = None,
        clock: Clock | None = None,
        settings: Settings | None = None,
        subscribers: Iterable[Subscriber] = (),
    ) -> None:
        options = Options(
            models=models,
            policy=policy,
            neighbours=neighbours,
            optimize_for=optimize_for,
            budget=budget,
            baseline=baseline,
            encoder=encoder,
            store=store,
            client=client,
            timeout=timeout,
            half_life=half_life,
            seed=seed,
            clock=clock,
        )
        self._parts = assemble(options, settings)
        self._subscribers = tuple(subscribers)
        self._opening = asyncio.Lock()
        self._engine: Engine | None = None
        self._closed = False

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The models to choose among."""
        return self._parts.arms

    @property
    def baseline(self) -> Arm:
        """The model that savings are measured against."""
        return self._parts.baseline

    async def open(self) -> Engine:
        """Load encoder and learned state; done by the first call that needs them."""
        if self._closed:
            raise ConduitError("this router is closed", remedy="make a new one")
        async with self._opening:
            if self._engine is None:
                self._engine = await open_engine(self._parts, announce=self._announce)
        return self._engine

    async def aclose(self) -> None:
        """Fold what was learned into the store, and release connections; repeatable."""
        self._closed = True
        async with self._opening:
            engine, self._engine = self._engine, None
            try:
                if engine is not None:
                    await self._parts.store.close()
            finally:
                await self._parts.client.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def route(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
    ) -> Decision:
        """Decide which model should answer, without calling it.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.

        Raises:
            NoAffordableModelError: when no model fits ``max_cost``.
            InvalidInputError: for unusable input, or with ``strict`` when nothing satisfies all.
        """
        return await self._route(await self.open(), _query(query), models=models, strict=strict)

    async def complete(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
    ) -> Response:
        """Decide, call the model, fall back where it fails, and observe what happened.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.

        Raises:
            AllModelsFailedError: when no model answered.
            NoAffordableModelError: when no model fits ``max_cost``.
        """
        engine, query = await self.open(), _query(query)
        decision = await self._route(engine, query, models=models, strict=strict)
        executions: list[Execution] = []

        async def log(execution: Execution) -> None:
            executions.append(execution)
            await engine.observer.executed(execution)

        expected = _expected_cost(decision)
        try:
            served = await engine.executor.run(query, decision, log=log)
        finally:
            engine.decider.settle(expected=expected, actual=sum(e.cost for e in executions))
        response = response_of(
            decision,
            served,
            executions=executions,
            arms=engine.executor.arms,
            baseline=self._parts.baseline,
        )
        self._announce(Completed(response))
        return response

    async def feedback(
        self,
        decision_id: str,
        *,
        rating: float | None = None,
        quality_score: float | None = None,
        met_expectations: bool | None = None,
        error: bool | None = None,
        latency: float | None = None,
        cost: float | None = None,
        output_tokens: int | None = None,
        model: str | None = None,
    ) -> tuple[Change, ...]:
        """Say how an answer was; the model that served it is credited.

        The same feedback again is accepted and changes nothing; a different rating replaces the
        earlier one.

        Args:
            decision_id: ``decision.id`` or ``response.decision_id``.
            rating: 1 to 5.
            quality_score: 0 to 1.
            met_expectations: whether the answer did what was asked.
            error: whether the model failed, where the caller made the call.
            latency: seconds, where the caller made the call.
            cost: USD, where the caller made the call.
            output_tokens: where the caller made the call.
            model: the arm that served, where it is not the one decided.

        Returns:
            What changed; empty when all of it was known already.

        Raises:
            UnknownDecisionError: for a decision that was never made here.
            InvalidInputError: for a value out of range.
        """
        said = Feedback(
            rating=rating,
            quality_score=quality_score,
            met_expectations=met_expectations,
            error=error,
            latency=latency,
            cost=cost,
            output_tokens=output_tokens,
            model=model,
        )
        engine = await self.open()
        changes = await engine.observer.rated(decision_id, said)
        await self._settle_reported(engine, changes)
        return changes

    async def _route(
        self, engine: Engine, query: Query, *, models: Collection[str] | None, strict: bool
    ) -> Decision:
        features = await asyncio.to_thread(engine.analyzer.analyze, query.text)
        decision = engine.decider.decide(
            query, features, engine.learner.models, only=models, strict=strict
        )
        try:
            await engine.learner.record(decision)
        except BaseException:
            engine.decider.settle(expected=_expected_cost(decision), actual=0.0)
            raise
        self._announce(Decided(decision))
        await engine.observer.decided(decision)
        return decision

    async def _settle_reported(self, engine: Engine, changes: Iterable[Change]) -> None:
        """A cost that the caller paid and reports takes the place of the expected one."""
        for change in changes:
            seen = change.observation
            if seen.signal is Signal.COST and change.previous is None:
                decision = await engine.learner.decision(seen.decision_id)
                engine.decider.settle(
                    expected=_expected_cost(decision), actual=math.exp(seen.value)
                )

    def _announce(self, event: Event) -> None:
        for subscriber in self._subscribers:
            subscriber(event)


def _query(query: Query | str) -> Query:
    return query if isinstance(query, Query) else Query(query)


def _expected_cost(decision: Decision) -> float:
    """USD that the pacer counted when the decision was made."""
    return decision.estimates[decision.selected_model].cost
