"""What a router's memory costs and saves a request: the store it writes to, and the cache it asks."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

import platformdirs

from conduit.core.ports import Encoder, Store
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.encoders.opening import open_encoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from experiments.crash_writer import ARMS

PAUSE = 0.002
"""Seconds between two requests, in which what was decided is written."""
PROMPT = "Explain to a new colleague why the invoice of last March was booked twice, number {}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """Median seconds of ``Router.route``.

    Args:
        memory: with everything in memory, the prompt never seen before.
        database: with decisions written to PostgreSQL, likewise.
        cold: with the real encoder, the prompt never seen before.
        warm: the same prompt once more.
    """

    memory: float
    database: float
    cold: float
    warm: float

    @property
    def slowed(self) -> float:
        """Milliseconds that persistence adds."""
        return 1e3 * (self.database - self.memory)

    @property
    def faster(self) -> float:
        """How many times as fast a repeated query is."""
        return self.cold / self.warm


async def medians(address: str, *, requests: int, encoder: Encoder | None = None) -> Medians:
    """Both comparisons, each in turn.

    Args:
        address: of a database.
        requests: prompts.
        encoder: for the repeated query; None takes MiniLM, as installed.
    """
    weights = encoder or open_encoder("minilm", cache_dir=platformdirs.user_cache_path("conduit"))
    plain, durable, real = (
        _router(MemoryStore(), HashingEncoder()),
        _router(SQLStore(address), HashingEncoder()),
        _router(MemoryStore(), weights),
    )
    taken: dict[str, list[float]] = {"memory": [], "database": [], "cold": [], "warm": []}
    async with plain, durable, real:
        for router in (plain, durable, real):
            await router.route("to warm up")
        for turn in range(requests):
            prompt = PROMPT.format(turn)
            for what, router in (
                ("memory", plain),
                ("database", durable),
                ("cold", real),
                ("warm", real),
            ):
                taken[what].append(await _route(router, prompt))
    return Medians(**{what: statistics.median(seconds) for what, seconds in taken.items()})


def _router(store: Store, encoder: Encoder) -> Router:
    return Router(
        ARMS, client=ScriptedProvider(), encoder=encoder, settings=Settings(), store=store
    )


async def _route(router: Router, prompt: str) -> float:
    started = time.perf_counter()
    await router.route(prompt)
    seconds = time.perf_counter() - started
    await asyncio.sleep(PAUSE)
    return seconds
