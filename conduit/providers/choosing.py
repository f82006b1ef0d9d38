"""Which client calls which model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from importlib.util import find_spec
from types import MappingProxyType

from conduit.core.arms import Arm
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.ports import StreamingClient
from conduit.providers.cli_commands import TOOLS
from conduit.providers.cli_tools import CliToolClient
from conduit.providers.endpoints import OTHER_PROTOCOLS
from conduit.providers.limits import LimitedClient
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient


class CapableClient:
    """Sends each arm to the client that can speak to its provider at the least expense.

    Args:
        chat: for everybody who speaks OpenAI's chat protocol.
        others: for everybody else.
        tools: for the command-line tools.
    """

    def __init__(
        self, *, chat: StreamingClient, others: StreamingClient, tools: StreamingClient
    ) -> None:
        self._chat = chat
        self._others = others
        self._tools = tools

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
        """Close them all."""
        await self._chat.aclose()
        await self._others.aclose()
        await self._tools.aclose()

    def client_of(self, arm: Arm) -> StreamingClient:
        """The client that calls an arm."""
        if arm.provider in TOOLS:
            return self._tools
        return self._others if arm.provider in OTHER_PROTOCOLS else self._chat


def client_for(
    *,
    api_keys: Mapping[str, str],
    base_urls: Mapping[str, str] = MappingProxyType({}),
    max_concurrency: int | None = None,
    reasoning: str | None = None,
) -> StreamingClient:
    """The client of real providers: the fast one where it can be used and is installed.

    Args:
        api_keys: per provider name, its key.
        base_urls: per provider name, another address than its own.
        max_concurrency: how many calls of one provider may be on their way at once; None for any
            number.
        reasoning: effort for ``openai-codex``; None leaves it to the tool.
    """
    chat: StreamingClient
    chat = others = PydanticAIClient(api_keys=api_keys, base_urls=base_urls)
    if find_spec("aiohttp") is not None:
        chat = OpenAIChatClient(api_keys=api_keys, base_urls=base_urls)
    tools = CliToolClient(reasoning=reasoning, secrets=api_keys.values())
    client: StreamingClient = CapableClient(chat=chat, others=others, tools=tools)
    return client if max_concurrency is None else LimitedClient(client, most=max_concurrency)
