"""Prompts and answers as MLflow shows them: in the shape of OpenAI's chat protocol."""

from __future__ import annotations

import json
from typing import Any

from conduit.core.models import Query
from conduit.core.outcomes import Response


def asked(query: Query) -> str:
    """What a query sends to a model, as JSON: messages and parameters."""
    chat = query.chat
    messages = (
        [{"role": "user", "content": query.text}] if chat is None else [*map(dict, chat.messages)]
    )
    parameters = {
        "max_tokens": query.max_tokens,
        "temperature": query.temperature,
        **({} if chat is None else chat.options),
    }
    known = {name: value for name, value in parameters.items() if value is not None}
    return _written({"messages": messages, **known})


def answered(response: Response) -> str:
    """What a model answered, as JSON."""
    message: dict[str, Any] = {"role": "assistant", "content": response.text}
    if response.tool_calls:
        message["tool_calls"] = [*response.tool_calls]
    return _written({"choices": [{"message": message, "finish_reason": response.finish_reason}]})


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
