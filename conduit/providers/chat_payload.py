"""A request in the words of OpenAI's chat protocol."""

from __future__ import annotations

from typing import Any

from conduit.core.outcomes import ModelRequest
from conduit.providers.endpoints import Endpoint

_STREAMED = {"include_usage": True}
"""Without it no server says at the end of a stream what the call cost."""


def chat_payload(request: ModelRequest, endpoint: Endpoint, *, stream: bool) -> dict[str, Any]:
    """The body to send: a conversation as it was given, or a prompt as its only message."""
    chat = request.chat
    payload: dict[str, Any] = {**chat.options} if chat else {}
    payload["model"] = request.arm.api_name
    payload["messages"] = chat.messages if chat else ({"role": "user", "content": request.text},)
    if request.temperature is not None:
        payload["temperature"] = request.temperature
    if request.max_tokens is not None:
        name = "max_completion_tokens" if endpoint.knows_completion_tokens else "max_tokens"
        payload[name] = min(request.max_tokens, request.arm.max_output_tokens)
    if stream:
        payload["stream"] = True
        payload["stream_options"] = _STREAMED
    return payload
