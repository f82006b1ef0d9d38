"""Processes on one database: what each does, and what they leave together."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from uuid import uuid4

import numpy as np

from conduit.engines.router import Router
from conduit.stores import migrate
from conduit.stores.sql import SQLStore
from experiments.crash_writer import ARMS, router_on
from experiments.log_sums import Kept, kept_by
from experiments.servers.postgres import Postgres
from experiments.side_by_side import together
from experiments.store_rows import attempts_of, decisions_from, feedback_on

KINDS = ("an autumn ballad about {}", "def parse_{}(line): return line.split()")
"""Prompts of which the first model, and the second, are good at."""
GOOD, POOR = 0.85, 0.35
RATE = 40.0
"""Prompts per second of the whole stream, however many processes share it."""
NOISE = 0.1
WARM_UP, MIDDLING = 32, 0.6
"""Prompts of a third kind that are shared out before the stream begins, and what each answer to them is
rated, whoever gives it: routers that have served before have their connections. Eight that are started
in one moment on two cores open theirs for half a second, in which nobody learns of anybody."""
PATIENCE = 60.0
"""Seconds in which all must have agreed."""
BATCH = 20
"""Ratings of the recorded stream that are given at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What some processes did, and what their database holds.

    Args:
        kept: ratings and learned state.
        regret: per prompt; 0 where nothing was chosen.
        agreed: seconds from the last acknowledgement until all had all ratings; likewise.
    """

    kept: Kept
    regret: float = 0.0
    agreed: float = 0.0


def crowd_online(server: Postgres, processes: int, *, prompts: int, seed: int) -> Crowd:
    """Processes that choose by what all have learned so far."""
    address = _new(server)
    said = together(processes, _choose, address, processes, prompts, seed)
    regrets = [regret for regrets, _, _ in said for regret in regrets]
    last = max(told for _, told, _ in said)
    agreed = max(knew for _, _, knew in said) - last
    return Crowd(
        kept=asyncio.run(_kept(address)), regret=float(np.mean(regrets)), agreed=max(agreed, 0.0)
    )


def crowd_recorded(server: Postgres, processes: int, *, ratings: int) -> Crowd:
    """Processes that share out decisions and ratings made beforehand."""
    address = _new(server)
    together(processes, _repeat, address, processes, ratings)
    return Crowd(kept=asyncio.run(_kept(address)))


def _new(server: Postgres) -> str:
    """A migrated database."""
    address = server.create(f"replicas_{uuid4().hex}")
    migrate.up(address)
    return address


async def _choose(
    start: Barrier, number: int, address: str, processes: int, *stream: int
) -> tuple[list[float], float, float]:
    """Regrets of this process's share of the stream, when it had told all, and when it knew all."""
    prompts, seed = stream
    rng = np.random.default_rng([seed, number])
    regrets = []
    async with router_on(address) as router:
        for turn in range(number, WARM_UP, processes):
            decision = await router.route(f"say something, number {turn}")
            await router.feedback(decision.id, quality_score=MIDDLING)
        await asyncio.wait_for(_known(router, WARM_UP), PATIENCE)
        await asyncio.to_thread(start.wait)
        started = time.monotonic()
        for turn in range(number, prompts, processes):
            kind = turn % 2
            await asyncio.sleep(max(started + turn / RATE - time.monotonic(), 0.0))
            decision = await router.route(KINDS[kind].format(turn))
            right = decision.selected_model == ARMS[kind].id
            quality = (GOOD if right else POOR) + NOISE * rng.uniform(-1.0, 1.0)
            await router.feedback(decision.id, quality_score=quality)
            regrets.append(0.0 if right else GOOD - POOR)
        told = time.monotonic()
        await asyncio.wait_for(_known(router, WARM_UP + prompts), PATIENCE)
        return regrets, told, time.monotonic()


async def _known(router: Router, ratings: int) -> None:
    """Wait until the models hold so many ratings."""
    engine = await router.open()
    context = np.zeros(engine.analyzer.dim)
    while True:
        counts = engine.learner.models.estimate(context, token_count=1).observations
        if counts.sum() >= ratings:
            return
        await asyncio.sleep(0.005)


async def _repeat(start: Barrier, number: int, address: str, processes: int, ratings: int) -> None:
    store = SQLStore(address)
    await store.open()
    await asyncio.to_thread(start.wait)
    for first in range(number * BATCH, ratings, processes * BATCH):
        decisions = decisions_from(1 + first, min(BATCH, ratings - first))
        await store.append(decisions, attempts_of(decisions))
        await store.observe(feedback_on(decisions))
        await store.fold(wait=False)
    await store.close()


async def _kept(address: str) -> Kept:
    store = SQLStore(address)
    await store.open()
    kept = await kept_by(store)
    await store.close()
    return kept
