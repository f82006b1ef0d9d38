"""Prompts and answers as MLflow shows them: in the shape of OpenAI's chat protocol, and never at full length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conduit.core.chat import text_of
from conduit.core.extras import NO_EXTRAS
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.core.sharing import Json
from conduit.telemetry.content import LONGEST, TOGETHER, latest

_HEAD = 100
"""Characters within which a picture in a text says that it is one."""


def asked(query: Query) -> str:
    """What a query sends to a model, as JSON: the last ones of many messages, and parameters."""
    chat = query.chat
    messages: tuple[Json, ...] = (
        ({"role": "user", "content": query.text},) if chat is None else chat.messages
    )
    parameters = {
        "max_tokens": query.max_tokens,
        "temperature": query.temperature,
        **({} if chat is None else chat.options),
    }
    parts = [f'"messages": {latest(messages, _message)}']
    for name, value in parameters.items():
        if value is not None:
            parts.append(f"{_written(name)}: {_parameter(value)}")
    return f"{{{', '.join(parts)}}}"


def answered(response: Response) -> str:
    """What a model answered, as JSON."""
    shown = shortened(response)
    message: dict[str, Any] = {"role": "assistant", "content": shown.text}
    if shown.tool_calls:
        message["tool_calls"] = [*shown.tool_calls]
    return _written({"choices": [{"message": message, "finish_reason": response.finish_reason}]})


def shortened(response: Response) -> Response:
    """An answer with no more of its content than is shown, as many may wait for a server."""
    calls = tuple(_short(dict(call)) for call in response.tool_calls)
    if len(_written(calls)) > TOGETHER:
        calls = ()
    return replace(response, text=_short(response.text), tool_calls=calls, extras=NO_EXTRAS)


def _message(message: Json) -> str:
    """One message; of one that is long even so, its text alone."""
    written = _written(_short(dict(message)))
    if len(written) <= TOGETHER:
        return written
    return _written({"role": message.get("role", "user"), "content": text_of(message)[:LONGEST]})


def _parameter(value: object) -> str:
    """One parameter; of one that is long even so, how it begins."""
    written = _written(_short(value))
    return written if len(written) <= LONGEST else _written(written[:LONGEST])


def _short(value: Any) -> Any:
    """The same with every text cut, and pictures named in the place of their bytes."""
    if isinstance(value, str):
        head, mark, _ = value[:_HEAD].partition(";base64,")
        is_picture = mark and head.startswith("data:")
        return f"{head}{mark}… ({len(value)} characters)" if is_picture else value[:LONGEST]
    if isinstance(value, Mapping):
        return {name: _short(it) for name, it in value.items()}
    return [_short(it) for it in value] if isinstance(value, list | tuple) else value


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
