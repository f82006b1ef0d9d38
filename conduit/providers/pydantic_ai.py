"""Real providers, through PydanticAI."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.allowances import Allowance
from conduit.providers.endpoints import endpoint_of
from conduit.providers.failures import translated
from conduit.providers.fetched_images import with_images
from conduit.providers.models import Backend, open_backend
from conduit.providers.pools import BackendPool
from conduit.providers.translated_replies import reply_of
from conduit.providers.translated_requests import Translated, translated_request
from conduit.providers.translated_streams import Pieces, hang_up

if TYPE_CHECKING:
    from pydantic_ai.models import Model, StreamedResponse


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
        self._pool: BackendPool[Backend] = BackendPool(
            partial(open_backend, connect_timeout=connect_timeout)
        )

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one prompt, within ``request.timeout`` seconds from sending to the last byte.

        The reply's latency is that of the call alone: building a provider's client for its first
        call is part neither of it nor of the deadline.

        Raises:
            ProviderError: when the model did not answer.
            ConfigurationError: when the arm's provider has no key or no known address.
        """
        from pydantic_ai.direct import model_request  # noqa: PLC0415 - heavy

        model, asked = await self._asked(request)
        allowance = Allowance(request.timeout)
        messages = await with_images(asked.messages, request, allowance)
        with translated(request, self._api_keys.values()):
            response = await allowance.wait(
                model_request(
                    model,
                    messages,
                    model_settings=asked.settings,
                    model_request_parameters=asked.parameters,
                )
            )
            return reply_of(response, model=request.arm.id, latency=allowance.used)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one request piece by piece; the reply is last.

        ``request.timeout`` bounds the seconds spent waiting for the model, from sending to the
        last byte. Closing the generator closes the connection.

        Raises:
            ProviderError: when the model did not answer, or broke off.
            ConfigurationError: when the arm's provider has no key or no known address.
        """
        from pydantic_ai.direct import model_request_stream  # noqa: PLC0415 - heavy

        model, asked = await self._asked(request)
        allowance = Allowance(request.timeout)
        messages = await with_images(asked.messages, request, allowance)
        response: StreamedResponse | None = None
        with translated(
            request, self._api_keys.values(), billed=lambda: response.usage if response else None
        ):
            async with AsyncExitStack() as stack:
                answer = model_request_stream(
                    model,
                    messages,
                    model_settings=asked.settings,
                    model_request_parameters=asked.parameters,
                )
                response = await allowance.wait(stack.enter_async_context(answer))
                events, pieces = aiter(response), Pieces()
                try:
                    while event := await allowance.wait(anext(events, None)):
                        for piece in pieces.of(event):
                            yield piece
                except GeneratorExit:
                    await hang_up(events)
                    raise
                reply = reply_of(
                    response.get(), model=request.arm.id, latency=allowance.used, streamed=True
                )
            yield reply

    async def aclose(self) -> None:
        """Close the connections opened on the running event loop; a later call opens new ones."""
        await self._pool.aclose()

    async def _asked(self, request: ModelRequest) -> tuple[Model, Translated]:
        endpoint = endpoint_of(request.arm, api_keys=self._api_keys, base_urls=self._base_urls)
        backend = await self._pool.backend(endpoint)
        return backend.model(request.arm.api_name), translated_request(request, endpoint)
