"""PydanticAI models: one SDK client and one HTTP pool per endpoint, one model per name.

The SDKs are imported where a provider is first used: together they take more than a second.
Their own retries are off, so that every failure reaches the router.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from conduit.providers.endpoints import Endpoint

if TYPE_CHECKING:
    from pydantic_ai.models import Model

LONGEST_SILENCE = 1200.0
"""Seconds without a byte after which a call with no deadline of its own is given up."""

_NO_KEY = "none"
"""What the SDKs send to a server that asks for no key: none of them takes an empty one."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What an open endpoint offers.

    Args:
        model: the model of a name; equal names give the same object.
        close: lets go of the connections.
    """

    model: Callable[[str], Model]
    close: Callable[[], Awaitable[None]]


_Opener: TypeAlias = Callable[[Endpoint, float], Backend]


def open_backend(endpoint: Endpoint, *, connect_timeout: float) -> Backend:
    """Build the SDK client of an endpoint; it connects at the first request.

    A provider without a protocol of its own is spoken to in OpenAI's.
    """
    opener = _OPENERS.get(endpoint.provider, _open_openai)
    return opener(endpoint, connect_timeout)


def _open_openai(endpoint: Endpoint, connect_timeout: float) -> Backend:
    from openai import AsyncOpenAI, Timeout  # noqa: PLC0415 - heavy
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415 - heavy
    from pydantic_ai.profiles.openai import OpenAIModelProfile  # noqa: PLC0415 - heavy
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415 - heavy

    client = AsyncOpenAI(
        api_key=endpoint.api_key or _NO_KEY,
        base_url=endpoint.base_url,
        timeout=Timeout(LONGEST_SILENCE, connect=connect_timeout),
        max_retries=0,
    )
    provider = OpenAIProvider(openai_client=client)
    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=endpoint.knows_completion_tokens,
        openai_chat_streaming_requires_finish_reason=True,  # else half an answer looks whole
    )
    return Backend(
        cache(lambda name: OpenAIChatModel(name, provider=provider, profile=profile)), client.close
    )


def _open_anthropic(endpoint: Endpoint, connect_timeout: float) -> Backend:
    from anthropic import AsyncAnthropic, Timeout  # noqa: PLC0415 - heavy
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415 - heavy
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415 - heavy

    client = AsyncAnthropic(
        api_key=endpoint.api_key or _NO_KEY,
        base_url=endpoint.base_url,
        timeout=Timeout(LONGEST_SILENCE, connect=connect_timeout),
        max_retries=0,
    )
    provider = AnthropicProvider(anthropic_client=client)
    return Backend(cache(lambda name: AnthropicModel(name, provider=provider)), client.close)


def _open_groq(endpoint: Endpoint, connect_timeout: float) -> Backend:
    from groq import AsyncGroq, Timeout  # noqa: PLC0415 - heavy
    from pydantic_ai.models.groq import GroqModel  # noqa: PLC0415 - heavy
    from pydantic_ai.providers.groq import GroqProvider  # noqa: PLC0415 - heavy

    client = AsyncGroq(
        api_key=endpoint.api_key or _NO_KEY,
        base_url=endpoint.base_url,
        timeout=Timeout(LONGEST_SILENCE, connect=connect_timeout),
        max_retries=0,
    )
    provider = GroqProvider(groq_client=client)
    return Backend(cache(lambda name: GroqModel(name, provider=provider)), client.close)


def _open_google(endpoint: Endpoint, connect_timeout: float) -> Backend:
    from google.genai.types import HttpRetryOptions  # noqa: PLC0415 - heavy
    from httpx2 import Timeout  # noqa: PLC0415 - heavy
    from pydantic_ai.models import create_async_httpx2_client  # noqa: PLC0415 - heavy
    from pydantic_ai.models.google import GoogleModel  # noqa: PLC0415 - heavy
    from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415 - heavy

    # This SDK leaves an HTTP client it was given to its owner, and would pick aiohttp if it could.
    http = create_async_httpx2_client(timeout=Timeout(LONGEST_SILENCE, connect=connect_timeout))
    provider = GoogleProvider(
        api_key=endpoint.api_key or _NO_KEY,
        base_url=endpoint.base_url,
        http_client=http,
        retry_options=HttpRetryOptions(attempts=1),
    )

    async def close() -> None:
        provider.client.close()
        await http.aclose()

    return Backend(cache(lambda name: GoogleModel(name, provider=provider)), close)


_OPENERS: dict[str, _Opener] = {
    "anthropic": _open_anthropic,
    "google": _open_google,
    "groq": _open_groq,
}
