"""Clients and servers that the provider tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from conduit.core.ports import StreamingClient
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient

from .loopback import Answer, LoopbackServer, Received
from .protocols import ALL, KEY

Serve = Callable[[Answer | Callable[[Received], Answer]], Awaitable[LoopbackServer]]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback requests go straight to the loopback server, whatever the machine is set up for."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers, and stops them after the test and after the client."""
    async with AsyncExitStack() as stack:

        async def start(answer: Answer | Callable[[Received], Answer]) -> LoopbackServer:
            return await stack.enter_async_context(LoopbackServer(answer))

        yield start


Maker = Callable[..., StreamingClient]
CLIENTS: dict[str, Maker] = {"pydantic_ai": PydanticAIClient, "aiohttp": OpenAIChatClient}


@pytest.fixture
async def client(request: pytest.FixtureRequest, serve: Serve) -> AsyncIterator[StreamingClient]:
    """A client with a key for every provider: the one that speaks the test's protocol."""
    spec = getattr(request.node, "callspec", None)
    protocol = spec.params.get("protocol") if spec else None
    made = CLIENTS[protocol.via if protocol else "pydantic_ai"]
    client = made(api_keys={protocol.name: KEY for protocol in ALL})
    yield client
    await client.aclose()
