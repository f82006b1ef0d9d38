"""The race's faces of one line: llm() and sessions, called by threads, and models behind a server."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import conduit
from conduit.core.budgets import Scope, ScopeKind
from experiments.race_clients import Call
from experiments.race_gateway import model_server
from experiments.race_router import LENGTHS, RandomBiller, refusals

THREADS = 32
"""Of every process."""
USER = "race"
ACCOUNT = Scope(ScopeKind.USER, USER)
PRICES = {"gpt-4o-mini": (0.5, 2.0), "gpt-4o": (2.5, 10.0)}
"""USD per million tokens, in and out."""
QUALITIES = ("low", "auto", "high")


@asynccontextmanager
async def simple_face(address: str, biller: RandomBiller) -> AsyncIterator[Call]:
    """Calls of ``llm()`` for one user; whoever made the budget, it holds."""

    def ask(prompt: str, quality: str, length: int) -> None:
        conduit.llm(prompt, quality, max_tokens=length, user_id=USER)

    async with _threads(address, biller, ask) as call:
        yield call


@asynccontextmanager
async def session_face(address: str, biller: RandomBiller, cap: float) -> AsyncIterator[Call]:
    """Calls of one ``strict`` session, which is not ended: its budget is there to be audited."""
    made: list[Any] = []
    opening = threading.Lock()

    def ask(prompt: str, quality: str, length: int) -> None:
        with opening:
            if not made:
                made.append(conduit.session(budget_usd=cap, budget_strategy="strict").__enter__())
        made[0].llm(prompt, quality, max_tokens=length)

    async with _threads(address, biller, ask) as call:
        yield call


@asynccontextmanager
async def _threads(
    address: str, biller: RandomBiller, ask: Callable[[str, str, int], None]
) -> AsyncIterator[Call]:
    """Threads that ask, in an environment in which everything is set."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(THREADS) as threads:
        async with model_server(biller, PRICES) as upstream:
            os.environ |= _environment(address, folder, upstream)

            def one(number: int) -> None:
                length = LENGTHS[number % len(LENGTHS)] or 1000
                quality = QUALITIES[number // len(LENGTHS) % len(QUALITIES)]
                with refusals():
                    ask(f"Question {number}: why?", quality, length)

            async def call(number: int) -> None:
                await asyncio.get_running_loop().run_in_executor(threads, one, number)

            yield call


def _environment(address: str, folder: str, upstream: str) -> dict[str, str]:
    prices = {name: {"input": given, "output": made} for name, (given, made) in PRICES.items()}
    cheap, quality = PRICES
    return {
        "DATABASE_URL" if "://" in address else "CONDUIT_DATABASE_PATH": address,
        "CONDUIT_DATA_DIR": folder,
        "CONDUIT_ENCODER": "hashing",
        "CONDUIT_MODELS_JSON": json.dumps({"cheap": cheap, "quality": quality}),
        "CONDUIT_PRICING_JSON": json.dumps(prices),
        "OPENAI_API_KEY": "sk-loopback",
        "OPENAI_BASE_URL": upstream,
    }
