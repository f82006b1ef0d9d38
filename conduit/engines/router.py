"""The router: the engine's front door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from pathlib import Path

from conduit.bandits.neighbours import NearestNeighbours
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Scope
from conduit.core.caching import Bell, Cache
from conduit.core.decisions import Decision
from conduit.core.events import Subscriber
from conduit.core.models import Query
from conduit.core.outcomes import Change, Delta, Response
from conduit.core.ports import Clock, Encoder, ModelClient, Store
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.goals import Goal
from conduit.engines.lifetime import Lifetime
from conduit.engines.wiring import Options, assemble
from conduit.feedback.ratings import Feedback
from conduit.settings import Settings


class Router(Lifetime):
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
        budget: USD per request to keep to on average; takes the place of the cost preference, as
            the next three do. One of the four may be given.
        budget_per_day: USD per calendar day, UTC.
        budget_per_month: USD per calendar month, UTC.
        quality_target: share of the best model's quality to keep at least spend, as ``0.95``.
        baseline: id of the model that savings are measured against.
        encoder: ``auto``, ``minilm``, ``sentence-transformers``, ``hashing``, or an encoder.
        store: where decisions and learned state live; None takes the database of
            ``DATABASE_URL`` or of a Supabase project where one is set, else memory.
        redis_url: Redis server that features and recent queries are shared through; optional.
        cache: shared cache of features, in the place of Redis.
        bell: tells other processes of changes, in the place of Redis.
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
        budget_per_day: float | None = None,
        budget_per_month: float | None = None,
        quality_target: float | None = None,
        baseline: str | None = None,
        encoder: str | Encoder | None = None,
        store: Store | None = None,
        redis_url: str | None = None,
        cache: Cache | None = None,
        bell: Bell | None = None,
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
            goal=Goal(
                budget=budget,
                budget_per_day=budget_per_day,
                budget_per_month=budget_per_month,
                quality_target=quality_target,
            ),
            baseline=baseline,
            encoder=encoder,
            store=store,
            redis_url=redis_url,
            cache=cache,
            bell=bell,
            client=client,
            timeout=timeout,
            half_life=half_life,
            seed=seed,
            clock=clock,
        )
        super().__init__(assemble(options, settings), subscribers=subscribers)

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
        return await (await self.open()).route(_query(query), models=models, strict=strict)

    async def complete(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
        scopes: Sequence[Scope] = (),
    ) -> Response:
        """Decide, call the model, fall back where it fails, and observe what happened.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.
            scopes: on whose account, besides the query's user.

        Raises:
            AllModelsFailedError: when no model answered.
            NoAffordableModelError: when no model fits ``max_cost``.
            BudgetExceededError: when an account has too little left.
            ReservationTimeoutError: when it has, but for calls under way.
        """
        engine = await self.open()
        return await engine.complete(_query(query), models=models, strict=strict, scopes=scopes)

    async def stream(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
        scopes: Sequence[Scope] = (),
    ) -> AnswerStream:
        """Likewise, but piece by piece: returns when the first piece is there.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.
            scopes: on whose account, besides the query's user.

        Raises:
            AllModelsFailedError: when no model began to answer.
            NoAffordableModelError: when no model fits ``max_cost``.
        """
        response = await self.complete(query, models=models, strict=strict, scopes=scopes)
        engine = await self.open()
        arm = next(arm for arm in self.arms if arm.id == response.model)

        async def pieces() -> AsyncIterator[Delta | Response]:
            yield Delta(text=response.text, tool_calls=response.tool_calls)
            yield response

        return AnswerStream(await engine.learner.decision(response.decision_id), arm, pieces())

    async def decision(self, decision_id: str) -> Decision:
        """A decision made with this database, without its embedding.

        Raises:
            UnknownDecisionError: when there is none.
        """
        return await (await self.open()).learner.awaited(decision_id)

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
        return await (await self.open()).feedback(decision_id, said)

    async def add_model(self, model: str | Arm) -> Arm:
        """Choose among one model more, from the next decision on.

        A model that was here before goes on with what was learned of it; a new one begins with
        what its price and the other models lead one to expect, and is tried a little whatever is
        expected of it.

        Args:
            model: a name of the catalogue, the id of a removed model, or an arm.

        Returns:
            The arm as it is chosen among.

        Raises:
            InvalidInputError: for a model that is there already, or one without labelled queries
                where the policy needs them.
            UnknownModelError: for a name that nothing answers to.
            UnknownPriceError: for a model that nobody priced.
        """
        return await (await self.open()).swapping.add(model)

    async def remove_model(self, model: str) -> Arm:
        """Choose among one model fewer, from the next decision on.

        Calls already decided are finished, by it too, and their feedback is kept with all else
        that was learned of it. As the baseline it stays what savings are measured against.

        Raises:
            UnknownModelError: for an id that is no arm.
            InvalidInputError: when no other is left, or the policy always takes this one.
        """
        return await (await self.open()).swapping.remove(model)

    async def set_price(self, model: str, price: Price) -> Arm:
        """Change what a model costs, from the next decision on.

        Calls already decided are paid at the price they were decided at. The price is not written
        to any file: a router made later has the one it is given.

        Args:
            model: id of an arm.
            price: USD per million tokens.

        Raises:
            UnknownModelError: for an id that is no arm.
            InvalidInputError: for a price that is negative or no number.
        """
        return await (await self.open()).swapping.reprice(model, price)


def _query(query: Query | str) -> Query:
    return query if isinstance(query, Query) else Query(query)
