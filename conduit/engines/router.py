"""The router: the engine's front door."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.policies import Policy
from conduit.core.arms import Arm
from conduit.core.budgets import Scope
from conduit.core.caching import Bell, Cache
from conduit.core.decisions import Decision
from conduit.core.events import Subscriber
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.core.ports import Clock, Encoder, ModelClient, Store
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.errand import Errand
from conduit.engines.executor import Sleep
from conduit.engines.goals import Goal
from conduit.engines.options import Options
from conduit.engines.upkeep import Upkeep
from conduit.engines.wiring import assemble
from conduit.settings import Settings


class Router(Upkeep):
    """Decides which model answers a query, has it answered, and learns from what happened.

    Opens itself at first use; ``async with Router(...)`` also closes. Without keys it decides
    over the default catalogue, and makes no network call unless an encoder that downloads was
    asked for. Safe for any number of concurrent tasks of one event loop.

    Args:
        models: ids, or :class:`~conduit.core.arms.Arm` values; None takes the catalogue's models
            whose provider has a key, or all of them when no key is set.
        policy: ``thompson``, ``rated_thompson``, ``linucb``, ``squarecb``, ``epsilon_greedy``,
            ``thompson_noncontextual``, ``ucb1``, ``knn``, ``complexity``, ``cheapest``,
            ``best``, ``random`` or ``fixed:<model>``; or a policy of one's own.
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
        sleep: waits that many seconds before a model is asked again; None takes asyncio's.
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
        policy: str | Policy | None = None,
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
        sleep: Sleep | None = None,
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
            sleep=sleep,
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
        scopes: Sequence[Scope] = (),
    ) -> Decision:
        """Decide which model should answer, without calling it.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.
            scopes: on whose account the call will be, besides the query's user: a cost that is
                reported to this router soon after is booked there.

        Raises:
            NoAffordableModelError: when no model fits ``max_cost``.
            InvalidInputError: for unusable input, or with ``strict`` when nothing satisfies all.
        """
        errand = Errand(query=_query(query), models=models, strict=strict, scopes=tuple(scopes))
        return await (await self.open()).route(errand)

    async def preview(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
        scopes: Sequence[Scope] = (),
    ) -> Decision:
        """What would be decided now, without deciding it: nothing is recorded, drawn or spent.

        The next decision agrees with it, if it is for the same query, and nothing was decided or
        learned in between.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.
            scopes: on whose account, besides the query's user.

        Returns:
            A decision that no log holds: feedback cannot refer to it.

        Raises:
            NoAffordableModelError: when no model fits ``max_cost``.
            InvalidInputError: for unusable input, or with ``strict`` when nothing satisfies all.
        """
        errand = Errand(query=_query(query), models=models, strict=strict, scopes=tuple(scopes))
        return await (await self.open()).preview(errand)

    async def complete(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
        scopes: Sequence[Scope] = (),
        cache: bool | None = None,
        continue_cut: bool | None = None,
    ) -> Response:
        """Decide, call the model, fall back where it fails, and observe what happened.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.
            scopes: on whose account, besides the query's user.
            cache: whether the answer to an equal request will do; None takes the setting.
            continue_cut: whether an answer cut by its length is continued; None likewise.

        Raises:
            AllModelsFailedError: when no model answered.
            NoAffordableModelError: when no model fits ``max_cost``.
            BudgetExceededError: when an account has too little left for every model.
            ReservationTimeoutError: when it has, but for calls under way.
        """
        errand = Errand(
            query=_query(query),
            models=models,
            strict=strict,
            scopes=tuple(scopes),
            cache=cache,
            continue_cut=continue_cut,
        )
        return await (await self.open()).complete(errand)

    async def stream(
        self,
        query: Query | str,
        *,
        models: Collection[str] | None = None,
        strict: bool = False,
        scopes: Sequence[Scope] = (),
        cache: bool | None = None,
        continue_cut: bool | None = None,
    ) -> AnswerStream:
        """Likewise, but piece by piece: returns when the first piece is there.

        Args:
            query: the prompt; a plain string is wrapped.
            models: the only arms allowed this time; one forces it.
            strict: raise instead of relaxing a constraint.
            scopes: on whose account, besides the query's user.
            cache: whether the answer to an equal request will do; None takes the setting.
            continue_cut: whether an answer cut by its length is continued; None likewise.

        Raises:
            AllModelsFailedError: when no model began to answer; one that breaks off later ends
                the stream with its ProviderError.
            NoAffordableModelError: when no model fits ``max_cost``.
            BudgetExceededError: when an account has too little left for every model.
            ReservationTimeoutError: when it has, but for calls under way.
        """
        errand = Errand(
            query=_query(query),
            models=models,
            strict=strict,
            scopes=tuple(scopes),
            cache=cache,
            continue_cut=continue_cut,
        )
        return await (await self.open()).stream(errand)


def _query(query: Query | str) -> Query:
    return query if isinstance(query, Query) else Query(query)
