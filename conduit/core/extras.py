"""What an answer holds beside its text and its tool calls, in the words of OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conduit.core.chat import bytes_in
from conduit.core.sharing import Json

ANSWERS = ("function_call", "audio", "images")
"""Fields of a message that answer without any text."""
_THOUGHTS = ("reasoning_content", "reasoning")
"""What a model thought before it answered, as servers call it; some say the same under both names."""
_WORDS = frozenset({"id", "name", "type", "role", "format"})
"""Strings that are said whole, however often; all others come in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Handed on as they came, and never looked into.

    Args:
        message: of the message, or of the piece of one: ``function_call``, ``audio``,
            ``annotations``, ``refusal``, …
        choice: beside the message: ``logprobs``, …
        usage: beside the counts of tokens: their details.
        body: beside the choices: ``system_fingerprint``, ``service_tier``, …
    """

    message: Json = field(default_factory=dict)
    choice: Json = field(default_factory=dict)
    usage: Json = field(default_factory=dict)
    body: Json = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.message or self.choice or self.usage or self.body)

    @property
    def answers(self) -> bool:
        """Whether they are an answer, or a part of one, without any text."""
        return any(self.message.get(name) for name in ANSWERS)

    @property
    def thought(self) -> int:
        """Bytes of what the model thought, which is billed as what it answers."""
        if not self.message:  # as in most pieces of a stream
            return 0
        return max(bytes_in(self.message.get(name)) for name in _THOUGHTS)


NO_EXTRAS = Extras()


def merged(parts: Iterable[Extras]) -> Extras:
    """Pieces of one answer as a whole: strings and lists are joined, of all else the last counts."""
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for part in parts:
        _extend(message, part.message)
        _extend(choice, part.choice)
        usage |= part.usage
        body |= part.body
    if message or choice or usage or body:
        return Extras(message=message, choice=choice, usage=usage, body=body)
    return NO_EXTRAS


def _extend(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        before = known.get(name)
        if isinstance(value, Mapping):
            known[name] = inner = before if isinstance(before, dict) else {}
            _extend(inner, value)
        elif isinstance(value, list):
            known[name] = [*before, *value] if isinstance(before, list) else list(value)
        elif isinstance(value, str) and isinstance(before, str) and name not in _WORDS:
            known[name] = before + value
        else:
            known[name] = value
