"""A gateway in this process, for those who speak Conductor's or cost-aware's protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from conduit.api.app import create_app
from conduit.core.arms import Arm, Price, Tier
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.events import Subscriber
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.core.ports import ModelClient
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore

from ..engines.builders import router_of

MINI = Arm(id="mini", provider="openai", price=Price(input=0.15, output=0.60), tier=Tier.BUDGET)
MIDDLE = Arm(id="middle", provider="anthropic", price=Price(input=1.0, output=4.0))
LARGE = Arm(id="large", provider="openai", price=Price(input=2.5, output=10.0), tier=Tier.PREMIUM)
ARMS = (MINI, MIDDLE, LARGE)
WASTED = 400_000
"""Tokens that an empty answer is billed for."""


def billed(request: ModelRequest) -> ModelReply:
    """An answer of a hundred tokens in and a thousand out."""
    return ModelReply(text="4", input_tokens=100, output_tokens=1000)


def price_of(arm: Arm, output_tokens: int) -> float:
    """USD of a hundred tokens in and so many out."""
    assert arm.price is not None
    return arm.price.cost(input_tokens=100, output_tokens=output_tokens)


def wasteful() -> ScriptedProvider:
    """Models of which the one asked first thinks long, and then has nothing to say."""

    def answer(request: ModelRequest) -> ModelReply:
        if len(client.requests) > 1:
            return billed(request)
        raise ProviderError(
            FailureKind.EMPTY,
            model=request.arm.id,
            detail="",
            input_tokens=100,
            output_tokens=WASTED,
        )

    client = ScriptedProvider(answer)
    return client


@asynccontextmanager
async def speaking(
    *arms: Arm, client: ModelClient | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Speak with a gateway over scripted models.

    Args:
        arms: three of different tiers, unless others are given.
        client: calls them; one that always says "4" unless another is given.
        settings: that are not the defaults.
    """

    def opening(settings: Settings, subscribers: Iterable[Subscriber]) -> Router:
        return router_of(
            *(arms or ARMS),
            client=client or ScriptedProvider("4", latency=0.25),
            store=MemoryStore(),
            settings=settings,
            subscribers=subscribers,
        )

    own = Settings(**({"num_retries": 0, "app_retries": 0} | settings))
    app = create_app(own, opening=opening)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.state.gateway.open(),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        yield http
