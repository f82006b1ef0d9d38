"""Which client calls which model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from importlib.util import find_spec
from types import MappingProxyType

from conduit.core.arms import Arm
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.ports import StreamingClient
from conduit.providers.endpoints import OTHER_PROTOCOLS
from conduit.providers.limits import LimitedClient
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient


class CapableClient:
    """Sends each arm to the client that can speak to its provider at the least expense.

    Args:
        chat: for everybody who speaks OpenAI's chat protocol.
        others: for everybody else.
    """

    def __init__(self, *, chat: StreamingClient, others: StreamingClient) -> None:
        self._chat = chat
        self._others = others

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one request.

        Raises:
            ProviderError: when the model did not answer.
        """
        return await self.client_of(request.arm).complete(request)

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one request piece by piece; the reply is last.

        Raises:
            ProviderError: when the model did not answer, or broke off.
        """
        return self.client_of(request.arm).stream(request)

    async def aclose(self) -> None:
        """Close both."""
        await self._chat.aclose()
        await self._others.aclose()

    def client_of(self, arm: Arm) -> StreamingClient:
        """The client that calls an arm."""
        return self._others if arm.provider in OTHER_PROTOCOLS else self._chat


def client_for(
    *,
    api_keys: Mapping[str, str],
    base_urls: Mapping[str, str] = MappingProxyType({}),
    max_concurrency: int | None = None,
) -> StreamingClient:
    """The client of real providers: the fast one where it can be used and is installed.

    Args:
        api_keys: per provider name, its key.
        base_urls: per provider name, another address than its own.
        max_concurrency: how many calls of one provider may be on their way at once; None for any
            number.
    """
    client: StreamingClient = PydanticAIClient(api_keys=api_keys, base_urls=base_urls)
    if find_spec("aiohttp") is not None:
        chat = OpenAIChatClient(api_keys=api_keys, base_urls=base_urls)
        client = CapableClient(chat=chat, others=client)
    return client if max_concurrency is None else LimitedClient(client, most=max_concurrency)
