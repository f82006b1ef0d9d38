"""A conversation, in the words of OpenAI's chat completions protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from conduit.core.sharing import Json

ROUTED_CHARACTERS = 4_000
"""Longest text of a conversation that a decision looks at; encoders read 256 tokens at most."""
BRIEF_CHARACTERS = 200
"""A last message shorter than this is read together with those before it: "yes, please" says little."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Messages, and how they are to be answered.

    Args:
        messages: in order, each as the protocol has it (``role``, ``content``, ``tool_calls``, …).
        options: the protocol's other fields (``tools``, ``tool_choice``, ``response_format``,
            ``stop``, ``seed``, ``temperature``, ``top_p``, …), but for ``model``, ``messages``,
            ``max_tokens`` and its newer name, ``stream`` and ``stream_options``.
    """

    messages: tuple[Json, ...]
    options: Json = field(default_factory=lambda: _NOTHING)

    @property
    def routing_text(self) -> str:
        """What a decision is made on: the last user message, with those before it where it is brief.

        A conversation without one is judged by all its text. At most :data:`ROUTED_CHARACTERS`: of
        what is longer the two ends, for what is asked stands at the beginning, and often at the end.
        """
        said = [text_of(message) for message in self.messages if message.get("role") == "user"]
        texts = [text for text in said if text.strip()] or [*map(text_of, self.messages)]
        chosen = ""
        for text in reversed(texts):
            chosen = f"{text}\n{chosen}" if chosen else text
            if len(chosen) >= BRIEF_CHARACTERS:
                break
        if len(chosen) <= ROUTED_CHARACTERS:
            return chosen
        tail = ROUTED_CHARACTERS // 2
        return f"{chosen[: ROUTED_CHARACTERS - tail - 1]}\n{chosen[-tail:]}"

    @property
    def characters(self) -> int:
        """Length of all text that is sent, tools included."""
        return sum(map(len, self._sent()))

    @property
    def size(self) -> int:
        """Bytes of all text that is sent, tools included; what tokens are estimated from."""
        return sum(map(utf8_bytes, self._sent()))

    def _sent(self) -> Iterator[str]:
        return _strings([self.messages, self.options.get("tools")])

    def answered(self, text: str) -> Chat:
        """The conversation with an answer, or the part of one, as its last message."""
        said = {"role": "assistant", "content": text}
        return Chat(messages=(*self.messages, said), options=self.options)


def text_of(message: Json) -> str:
    """The text of a message, whose content may be a string, a list of parts, or nothing."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(part["text"] for part in parts if _is_text(part))


def _is_text(part: object) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def utf8_bytes(text: str) -> int:
    """Bytes of a text in UTF-8; one half of a surrogate pair, which has none, counts as one."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def bytes_in(value: object) -> int:
    """Bytes of all text inside a JSON value."""
    return sum(map(utf8_bytes, _strings(value)))


def _strings(value: object) -> Iterator[str]:
    """Every string inside a JSON value; images and sound, in data addresses or bare, are no text."""
    if isinstance(value, str):
        if not value.startswith("data:"):
            yield value
    elif isinstance(value, Mapping):
        sound = value.get("type") == "input_audio"
        for name, inner in value.items():
            if not (sound and name == "input_audio"):
                yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
