"""End-to-end replay: recorded outcomes through a real router, in the place of model calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from conduit.catalog.baseline import dearest
from conduit.catalog.pricing import list_price
from conduit.core.arms import Arm, Price
from conduit.core.decisions import Decision
from conduit.core.models import Query
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.router import Router
from conduit.evaluation.replay_report import Outcomes, ReplayReport, Steps, replay_report
from conduit.providers.recorded import RecordedOutcome, RecordedProvider

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATIENCE = 1e6
"""Seconds to be given to the router as its timeout: what was recorded has been waited for."""

_MARKETS = ("openrouter", "openai", "anthropic", "google")
"""Price lists that are looked into for a model whose name does not tell its provider."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """What happened to one prompt.

    Args:
        query: its row in the outcomes.
        arm: column of the model that served.
        quality: as recorded, 0..1; it was fed back as the rating.
        cost: USD, as recorded.
        latency: seconds; None where it was not recorded.
        decision: what the router decided and why.
    """

    query: int
    arm: int
    quality: float
    cost: float
    latency: float | None
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulator:
    """Replays outcomes in their order, learning from each before the next.

    Only a prompt's text and id become a query; the labels of the benchmark never do. Shuffle and
    cut the outcomes beforehand, with their own methods.

    Args:
        outcomes: the prompts, and what every model did with them.

    Raises:
        InvalidInputError: for a prompt that is no query, because it is too long for one.

    Example:
        >>> simulator = Simulator(outcomes=outcomes)  # doctest: +SKIP
        >>> router = Router(simulator.arms, client=simulator.client(), timeout=PATIENCE)  # doctest: +SKIP
        >>> steps = [step async for step in simulator.run(router)]  # doctest: +SKIP
    """

    outcomes: RecordedOutcomes
    queries: tuple[Query, ...] = field(init=False)
    arms: tuple[Arm, ...] = field(init=False)

    def __post_init__(self) -> None:
        pairs = zip(self.outcomes.query_ids, self.outcomes.texts, strict=True)
        queries = tuple(Query(text, id=query_id) for query_id, text in pairs)
        object.__setattr__(self, "queries", queries)
        object.__setattr__(self, "arms", recorded_arms(self.outcomes.models))

    def client(self) -> RecordedProvider:
        """Answers the queries with what was recorded; the answers' texts were not."""
        return RecordedProvider(_rows(self.outcomes, self.queries))

    @property
    def baseline(self) -> str:
        """The dearest model, in whose cost a trade-off counts: by list price, else as recorded."""
        if self.arms[0].price is not None:
            return dearest(self.arms).id
        return self.outcomes.models[int(self.outcomes.cost.mean(axis=0).argmax())]

    async def run(self, router: Router) -> AsyncIterator[Step]:
        """Decide, execute, rate and learn, prompt by prompt.

        Args:
            router: over these arms, with this client; it is left open.

        Raises:
            ConduitError: as the router does.
        """
        engine = await router.open()
        column = {model: k for k, model in enumerate(self.outcomes.models)}
        for row, query in enumerate(self.queries):
            response = await router.complete(query)
            arm = column[response.model]
            quality = float(self.outcomes.quality[row, arm])
            await router.feedback(response.decision_id, quality_score=quality)
            yield Step(
                query=row,
                arm=arm,
                quality=quality,
                cost=response.cost,
                latency=response.latency,
                decision=await engine.learner.decision(response.decision_id),
            )

    def report(self, steps: Sequence[Step]) -> ReplayReport:
        """What the steps were worth, against everything else on the same prompts."""
        rows = [step.query for step in steps]
        served = self.outcomes.subset(rows)
        return replay_report(
            Steps(
                arms=np.array([step.arm for step in steps], np.intp),
                quality=np.array([step.quality for step in steps]),
                cost=np.array([step.cost for step in steps]),
            ),
            Outcomes(models=served.models, quality=served.quality, cost=served.cost),
        )


def recorded_arms(models: Sequence[str]) -> tuple[Arm, ...]:
    """Arms of recorded models; with list prices if all of them have one, else with none.

    A price is where the estimate of cost starts from; what is charged was recorded. Prices of
    some arms only would compare a guess in dollars with no guess at all.

    Args:
        models: names, ``provider/model`` or bare.
    """
    arms = tuple(Arm(id=model, provider=model.partition("/")[0]) for model in models)
    prices = [_price(model) for model in models]
    if any(price is None for price in prices):
        return arms
    return tuple(replace(arm, price=price) for arm, price in zip(arms, prices, strict=True))


def _price(model: str) -> Price | None:
    provider, slash, name = model.partition("/")
    places = [(provider, name)] if slash else []
    places += [(market, model) for market in _MARKETS]
    return next(filter(None, (list_price(*place) for place in places)), None)


def _rows(outcomes: RecordedOutcomes, queries: Sequence[Query]) -> Iterator[RecordedOutcome]:
    for i, query in enumerate(queries):
        for k, model in enumerate(outcomes.models):
            yield RecordedOutcome(
                prompt=query.text,
                arm=model,
                query_id=query.id,
                text=f"(the recorded answer of {model})",
                quality=float(outcomes.quality[i, k]),
                cost=float(outcomes.cost[i, k]),
                latency=_known(outcomes.latency, i, k),
                input_tokens=_count(outcomes.input_tokens, i, k),
                output_tokens=_count(outcomes.output_tokens, i, k),
            )


def _known(matrix: NDArray[np.float64] | None, i: int, k: int) -> float | None:
    return None if matrix is None or np.isnan(matrix[i, k]) else float(matrix[i, k])


def _count(matrix: NDArray[np.float64] | None, i: int, k: int) -> int | None:
    value = _known(matrix, i, k)
    return None if value is None else round(value)
