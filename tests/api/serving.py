"""A real server on loopback, in the test's own loop, in front of scripted models."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from conduit.api.app import create_app
from conduit.core.events import Subscriber
from conduit.core.ports import ModelClient, Store
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore

from ..engines.builders import CHEAP, DEAR, router_of

ASKED = {"messages": [{"role": "user", "content": "What is 2+2?"}]}
CHAT = "/v1/chat/completions"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running server.

    Args:
        app: what is served.
        port: on 127.0.0.1.
        http: speaks with it.
    """

    app: FastAPI
    port: int
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        """What OpenAI's clients call base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def ask(self, **fields: Any) -> httpx.Response:
        """One request of the chat protocol."""
        return await self.http.post(CHAT, json=ASKED | fields)


def app_of(
    client: ModelClient | None = None,
    *,
    settings: Settings | None = None,
    store: Store | None = None,
    kind: type[Router] = Router,
) -> FastAPI:
    """An app over a cheap and a dear model."""

    def opening(settings: Settings, subscribers: Iterable[Subscriber]) -> Router:
        return router_of(
            CHEAP,
            DEAR,
            client=client or ScriptedProvider("4", latency=0.25),
            store=store or MemoryStore(),
            settings=settings,
            subscribers=subscribers,
            kind=kind,
        )

    return create_app(settings or Settings(num_retries=0), opening=opening)


@asynccontextmanager
async def serving(
    app: FastAPI, *, host: str = "127.0.0.1", **options: Any
) -> AsyncIterator[Served]:
    """Serve an app on a free port, and stop in the end.

    Args:
        app: to be served.
        host: where to listen.
        options: of uvicorn.
    """
    ready = asyncio.Event()

    async def say_ready() -> None:
        ready.set()

    with socket.create_server((host, 0)) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            callback_notify=say_ready,
            timeout_notify=1_000_000_000,
            **options,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.wait_for(ready.wait(), 10)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                yield Served(app=app, port=port, http=http)
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def local(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Speak with an open app in this process, without a socket between."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.state.gateway.open(),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        yield http
