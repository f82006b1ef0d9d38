"""Real providers, through PydanticAI."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.providers.endpoints import endpoint_of
from conduit.providers.failures import failure_of, failure_types
from conduit.providers.models import open_backend
from conduit.providers.pools import BackendPool
from conduit.providers.replies import reply_of, timed_out

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings


class PydanticAIClient:
    """Calls OpenAI (chat completions), Anthropic, Google, Groq, OpenRouter and LM Studio.

    An arm of any other provider that has a base URL is spoken to in OpenAI's chat protocol, with a
    key if there is one. Nothing is retried here, and there is one HTTP pool per endpoint. The
    client may be used from several event loops, one after the other.

    Args:
        api_keys: per provider name, its key.
        base_urls: per provider name, another address than its own; ``Arm.base_url`` wins.
        connect_timeout: seconds allowed for opening a connection.
    """

    def __init__(
        self,
        *,
        api_keys: Mapping[str, str],
        base_urls: Mapping[str, str] = MappingProxyType({}),
        connect_timeout: float = 5.0,
    ) -> None:
        self._api_keys = dict(api_keys)
        self._base_urls = dict(base_urls)
        self._pool = BackendPool(partial(open_backend, connect_timeout=connect_timeout))

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one prompt, within ``request.timeout`` seconds from sending to the last byte.

        The reply's latency is that of the call alone: building a provider's client for its first
        call is part neither of it nor of the deadline.

        Raises:
            ProviderError: when the model did not answer.
            ConfigurationError: when the arm's provider has no key or no known address.
        """
        endpoint = endpoint_of(request.arm, api_keys=self._api_keys, base_urls=self._base_urls)
        model = (await self._pool.backend(endpoint)).model(request.arm.api_name)
        try:
            return await _call(model, request)
        except TimeoutError:
            raise timed_out(request.timeout, model=request.arm.id) from None
        except failure_types() as error:
            # The chain is cut because the SDK's exception may repeat the key.
            raise failure_of(error, model=request.arm.id, secrets=self._api_keys.values()) from None

    async def aclose(self) -> None:
        """Close the connections opened on the running event loop; a later call opens new ones."""
        await self._pool.aclose()


async def _call(model: Model, request: ModelRequest) -> ModelReply:
    from pydantic_ai.direct import model_request  # noqa: PLC0415 - heavy
    from pydantic_ai.messages import ModelRequest as Message  # noqa: PLC0415 - heavy

    messages = [Message.user_text_prompt(request.text)]
    started = time.perf_counter()
    async with asyncio.timeout(request.timeout):
        response = await model_request(model, messages, model_settings=_settings(request))
    return reply_of(response, model=request.arm.id, latency=time.perf_counter() - started)


def _settings(request: ModelRequest) -> ModelSettings:
    settings: ModelSettings = {}
    # Anthropic's protocol demands a limit; without ours PydanticAI would send the model's largest.
    limit = request.max_tokens or (
        request.arm.max_output_tokens if request.arm.provider == "anthropic" else None
    )
    if limit is not None:
        settings["max_tokens"] = min(limit, request.arm.max_output_tokens)
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    return settings
