"""A request in PydanticAI's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from conduit.core.outcomes import ModelRequest
from conduit.providers.endpoints import Endpoint
from conduit.providers.translated_messages import translated_messages
from conduit.providers.translated_options import translated_parameters, translated_settings

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """What PydanticAI is asked.

    Args:
        messages: the conversation.
        settings: how it is to be answered.
        parameters: tools, and the form of the answer.
    """

    messages: list[ModelMessage]
    settings: ModelSettings
    parameters: ModelRequestParameters


def translated_request(request: ModelRequest, endpoint: Endpoint) -> Translated:
    """Translate a request for a provider.

    Who speaks OpenAI's protocol is sent the conversation and its options as they are; PydanticAI's
    own message is then only what it insists on having.

    Raises:
        ProviderError: BAD_REQUEST for what the provider has no counterpart of.
    """
    from pydantic_ai.messages import ModelRequest as Message  # noqa: PLC0415 - heavy
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415 - heavy

    settings: ModelSettings = {}
    parameters = ModelRequestParameters()
    messages: list[ModelMessage] = [Message.user_text_prompt(request.text)]
    if request.chat and endpoint.speaks_openai:
        body = {**request.chat.options, "messages": [*request.chat.messages]}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        settings["extra_body"] = body
    elif request.chat:
        messages = translated_messages(request.chat, model=request.arm.id)
        settings = translated_settings(request)
        parameters = translated_parameters(request)
    _limit(settings, request)
    return Translated(messages=messages, settings=settings, parameters=parameters)


def _limit(settings: ModelSettings, request: ModelRequest) -> None:
    # Anthropic's protocol demands a limit; without ours PydanticAI would send the model's largest.
    limit = request.max_tokens or (
        request.arm.max_output_tokens if request.arm.provider == "anthropic" else None
    )
    if limit is not None:
        settings["max_tokens"] = min(limit, request.arm.max_output_tokens)
    if request.temperature is not None:
        settings["temperature"] = request.temperature
