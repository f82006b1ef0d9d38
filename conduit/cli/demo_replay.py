"""The demo's main job: data, encoder, router and database, and the replay through all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conduit.cli.console import note
from conduit.cli.demo_database import DemoStore, demo_path
from conduit.cli.demo_progress import watching
from conduit.core.errors import InvalidInputError
from conduit.core.models import OptimizeFor
from conduit.datasets.paretobandit import load_paretobandit
from conduit.datasets.parquet import load_parquet
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.goals import Goal
from conduit.engines.router import Router
from conduit.engines.simulator import PATIENCE, Simulator, Step
from conduit.evaluation.replay_report import ReplayReport
from conduit.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """What the command line asked for; None takes the setting, and the setting its default.

    Args:
        data: Parquet file of recorded outcomes; None takes those of the package paretobandit.
        limit: prompts replayed; None replays all.
        seed: of the order of prompts and of the random draws.
        budget: USD per request.
        quality_target: share of the best model's quality to be kept at least spend.
        database: file; None takes one of the demo's own per data set.
        fresh: forget what the database has learned.
        queries: print what happened to every prompt.
        json: standard output is for one JSON object.
    """

    data: str | None = None
    limit: int | None = None
    seed: int | None = None
    policy: str | None = None
    optimize_for: OptimizeFor | None = None
    budget: float | None = None
    quality_target: float | None = None
    encoder: str | None = None
    database: str | None = None
    fresh: bool = False
    queries: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemoRun:
    """A finished replay.

    Args:
        simulator: holds the prompts that were replayed, in their order.
        steps: what happened to each.
        report: what that was worth.
        seed: that gives the same run again, on a fresh database.
        goal: what spending followed.
        observations: held by the database at the end.
        in_sample: the database had learned something before the start.
        data: the Parquet file that was given; None for the demo's own data.
        seconds: from opening the encoder to the last observation.
        database: the file.
    """

    simulator: Simulator
    steps: tuple[Step, ...]
    report: ReplayReport
    seed: int
    goal: Goal
    observations: int
    in_sample: bool
    data: str | None
    seconds: float
    database: Path

    @property
    def policy(self) -> str:
        """Name of the policy that decided."""
        return self.steps[0].decision.policy


async def replay(request: DemoRequest, settings: Settings) -> DemoRun:
    """Route recorded prompts through the real engine, learning from each before the next.

    Raises:
        ConduitError: for data, options, an encoder or a database that cannot be used; nothing
            was deleted or written then.
    """
    data = _data(request)
    path = demo_path(request.database, settings, data if request.data else None)
    seed = _seed(request, settings)
    outcomes = data.shuffled(np.random.default_rng([seed, 1])).limit(request.limit)
    _check_latency(outcomes, request.optimize_for or OptimizeFor(settings.optimize_for))
    simulator = Simulator(outcomes=outcomes)
    store = DemoStore(path, fresh=request.fresh)
    router = _router(request, settings, simulator, store, seed)
    _check_budget(data, router.goal.budget)
    started = time.perf_counter()
    async with router:
        note("Loading the encoder; the very first time, its weights are prepared (a minute) …")
        await router.open()
        known = await store.count()
        note(_beginning(len(outcomes), time.perf_counter() - started, known))
        steps = []
        with watching(simulator, queries=request.queries, json=request.json) as saw:
            async for step in simulator.run(router):
                steps.append(step)
                saw(step)
        observations = await store.count()
    return DemoRun(
        simulator=simulator,
        steps=tuple(steps),
        report=simulator.report(steps),
        seed=seed,
        goal=router.goal,
        observations=observations,
        in_sample=known > 0,
        data=request.data,
        seconds=time.perf_counter() - started,
        database=path,
    )


def _seed(request: DemoRequest, settings: Settings) -> int:
    seed = next(seed for seed in (request.seed, settings.seed, 0) if seed is not None)
    if seed < 0:
        raise InvalidInputError(f"seed={seed} is negative", remedy="give 0 or more")
    return seed


def _data(request: DemoRequest) -> RecordedOutcomes:
    return load_paretobandit("val") if request.data is None else load_parquet(request.data)


def _check_budget(data: RecordedOutcomes, budget: float | None) -> None:
    """What calls cost is recorded here, so a budget that no choice could keep is known at once."""
    costs = data.cost.mean(axis=0)
    least = float(costs.min())
    if budget is not None and budget < least:
        raise InvalidInputError(
            f"budget=${budget:g} is below the cheapest model: {data.models[costs.argmin()]!r} "
            f"costs ${least:.3g} a prompt",
            remedy=f"give ${least:.3g} or more",
        )


def _router(
    request: DemoRequest,
    settings: Settings,
    simulator: Simulator,
    store: DemoStore,
    seed: int,
) -> Router:
    # Hashing carries no meaning: the demo falls back to it only when somebody says so.
    chosen = settings.encoder if "encoder" in settings.origins else "minilm"
    return Router(
        simulator.arms,
        policy=request.policy,
        optimize_for=request.optimize_for,
        budget=request.budget,
        quality_target=request.quality_target,
        baseline=simulator.baseline,
        encoder=request.encoder or chosen,
        store=store,
        client=simulator.client(),
        timeout=PATIENCE,
        seed=seed,
        settings=settings,
    )


def _check_latency(outcomes: RecordedOutcomes, optimize_for: OptimizeFor) -> None:
    if optimize_for is not OptimizeFor.SPEED:
        return
    for k, model in enumerate(outcomes.models):
        if outcomes.latency is None or np.isnan(outcomes.latency[:, k]).all():
            raise InvalidInputError(
                f"optimize_for='speed' needs latency, and none is recorded for {model!r}",
                remedy="choose balanced, quality or cost, or give data with latency_s",
            )


def _beginning(prompts: int, seconds: float, known: int) -> str:
    memory = f"going on from {known:,} observations" if known else "nothing learned yet"
    return f"Encoder ready in {seconds:.1f} s. Routing {prompts:,} recorded prompts, {memory}."
