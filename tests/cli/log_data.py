"""A database with a log, as the command line's own router would have left it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from conduit.core.arms import Arm, Price
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.sql import SQLStore

MODELS = ("gpt-4o-mini", "gpt-4o")
GOOD = {"gpt-4o-mini": 0.6, "gpt-4o": 0.9}


def write_log(path: Path, *, decisions: int = 160, policy: str = "random") -> Path:
    """Answers and rates prompts; the ratings are a fixed number per model."""
    asyncio.run(_write(path, decisions, policy))
    return path


async def _write(path: Path, decisions: int, policy: str) -> None:
    prices = (Price(input=0.15, output=0.60), Price(input=2.5, output=10.0))
    arms = [Arm(id=m, provider="openai", price=p) for m, p in zip(MODELS, prices, strict=True)]
    router = Router(
        arms,
        policy=policy,
        store=SQLStore(path),
        client=ScriptedProvider(),
        encoder=HashingEncoder(),
        settings=Settings(),
        seed=1,
    )
    async with router:
        for number in range(decisions):
            response = await router.complete(f"question {number}")
            await router.feedback(response.decision_id, quality_score=GOOD[response.model])
