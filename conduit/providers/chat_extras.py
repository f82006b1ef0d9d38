"""What a body of OpenAI's chat protocol holds beside what is read of it."""

from __future__ import annotations

from typing import Any

from conduit.core.extras import NO_EXTRAS, Extras
from conduit.core.sharing import Json

_BODY = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "error", "x_groq", "obfuscation"}
)
"""What is read, what is Conduit's own to say, and padding that hides the length of a piece."""
_CHOICE = frozenset({"index", "message", "delta", "finish_reason"})
_MESSAGE = frozenset({"role", "content", "tool_calls"})
_USAGE = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def extras_in(body: Json, choice: Json, message: object) -> Extras:
    """What is handed on as it came.

    Args:
        body: of an answer, or a piece of a stream.
        choice: of it, the one that is read; empty where there is none.
        message: of the choice, whole or a piece.
    """
    found = Extras(
        message=_others(message, _MESSAGE),
        choice=_others(choice, _CHOICE),
        usage=_others(body.get("usage"), _USAGE),
        body=_others(body, _BODY),
    )
    return found or NO_EXTRAS


def _others(fields: object, known: frozenset[str]) -> dict[str, Any]:
    told = fields if isinstance(fields, dict) else {}
    return {name: value for name, value in told.items() if name not in known and value is not None}
