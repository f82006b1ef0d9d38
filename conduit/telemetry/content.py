"""Prompts and answers as a trace shows them, where that is switched on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from conduit.core.chat import text_of
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.core.sharing import Json

LONGEST = 16_000
"""Characters of one text that a trace shows."""
TOGETHER = 32_000
"""Characters of a conversation, as written, after which no earlier message is shown."""


def asked(query: Query) -> str:
    """The messages of a query, as ``gen_ai.input.messages`` has them: the last ones of many."""
    if query.chat is None:
        return _listed([_message("user", [_text(query.text)])])
    return latest(query.chat.messages, lambda message: _written(_of_chat(message)))


def latest(messages: Sequence[Json], written: Callable[[Json], str]) -> str:
    """The last messages of a conversation that fit, and at least the very last, as a JSON list.

    Args:
        messages: all of them.
        written: one message as JSON.
    """
    shown: list[str] = []
    length = 0
    for message in reversed(messages):
        text = written(message)
        length += len(text)
        if shown and length > TOGETHER:
            break
        shown.append(text)
    return f"[{', '.join(reversed(shown))}]"


def answered(response: Response) -> str:
    """The answer, as ``gen_ai.output.messages`` has it."""
    parts = [_text(response.text)] if response.text else []
    message = _message("assistant", parts + [_call(it) for it in response.tool_calls])
    return _listed([message | {"finish_reason": response.finish_reason}])


def _of_chat(message: Json) -> dict[str, Any]:
    role, text = str(message.get("role", "user")), text_of(message)
    if role == "tool":
        part = {"type": "tool_call_response", "id": message.get("tool_call_id")}
        return _message(role, [part | {"response": text[:LONGEST]}])
    calls = message.get("tool_calls")
    parts = [_text(text)] if text else []
    return _message(role, parts + [_call(it) for it in calls or () if isinstance(it, dict)])


def _call(call: Json) -> dict[str, Any]:
    function = call.get("function")
    named = function if isinstance(function, dict) else {}
    return {
        "type": "tool_call",
        "id": call.get("id"),
        "name": named.get("name"),
        "arguments": str(named.get("arguments", ""))[:LONGEST],
    }


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text[:LONGEST]}


def _message(role: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": role, "parts": parts}


def _listed(messages: list[dict[str, Any]]) -> str:
    return f"[{', '.join(map(_written, messages))}]"


def _written(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, default=str)
