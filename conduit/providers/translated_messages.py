"""Conversations in OpenAI's words, for providers with a protocol of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conduit.core.chat import Chat
from conduit.core.errors import ProviderError
from conduit.core.sharing import Json
from conduit.providers.replies import impossible

if TYPE_CHECKING:
    from pydantic_ai.messages import (
        ModelMessage,
        ModelRequestPart,
        ModelResponsePart,
        UserContent,
    )


def translated_messages(chat: Chat, *, model: str) -> list[ModelMessage]:
    """The messages of a conversation in PydanticAI's words.

    What is said between two answers is one message, as the other protocols demand it.

    Args:
        chat: the conversation.
        model: id of the arm, for failures.

    Raises:
        ProviderError: BAD_REQUEST for a message that has no counterpart.
    """
    from pydantic_ai.messages import ModelRequest, ModelResponse  # noqa: PLC0415 - heavy

    translator = _Translator(model)
    messages: list[ModelMessage] = []
    for message in chat.messages:
        if message.get("role") == "assistant":
            parts = [*translator.answered(message)]
            messages += [ModelResponse(parts=parts)] if parts else []
            continue
        asked = translator.asked(message)
        if messages and isinstance(last := messages[-1], ModelRequest):
            messages[-1] = ModelRequest(parts=[*last.parts, asked])
        else:
            messages.append(ModelRequest(parts=[asked]))
    return messages


class _Translator:
    """Goes through a conversation from its beginning, and knows which tool each call was to."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._tools: dict[object, str] = {}

    def asked(self, message: Json) -> ModelRequestPart:
        from pydantic_ai import messages  # noqa: PLC0415 - heavy

        role = message.get("role")
        if role in ("system", "developer"):
            return messages.SystemPromptPart(self._text(message))
        if role == "user":
            return messages.UserPromptPart(self._content(message.get("content")))
        if role == "tool":
            call = message.get("tool_call_id")
            if call not in self._tools:
                raise self._refused(f"a tool result for {call!r}, which no message calls")
            return messages.ToolReturnPart(
                self._tools[call], self._text(message), tool_call_id=str(call)
            )
        raise self._refused(f"a message of role {role!r}")

    def answered(self, message: Json) -> Iterator[ModelResponsePart]:
        from pydantic_ai.messages import TextPart, ToolCallPart  # noqa: PLC0415 - heavy

        if text := self._text(message) or message.get("refusal"):
            yield TextPart(text)
        for call in message.get("tool_calls") or ():
            identity, name, arguments = self._called(call)
            self._tools[identity] = name
            yield ToolCallPart(name, arguments, tool_call_id=identity)

    def _called(self, call: Any) -> tuple[str, str, dict[str, Any]]:
        try:
            function = call["function"]
            identity, name = str(call["id"]), str(function["name"])
            arguments = json.loads(function.get("arguments") or "{}")
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._refused(f"the tool call {str(call)[:80]!r}") from None
        if not isinstance(arguments, dict):
            raise self._refused(f"a call of {name!r} whose arguments are no object")
        return identity, name, arguments

    def _text(self, message: Json) -> str:
        """What somebody says who may say nothing but text, in this protocol."""
        content = message.get("content")
        shown = [""] if content is None else self._content(content)
        if isinstance(shown, str):
            return shown
        texts = [part for part in shown if isinstance(part, str)]
        if len(texts) < len(shown):
            raise self._refused(f"an image_url in a message of role {message['role']!r}")
        return "\n".join(texts)

    def _content(self, content: Any) -> str | list[UserContent]:
        if isinstance(content, str):
            return content
        if not isinstance(content, list | tuple):
            raise self._refused(f"a {type(content).__name__} as the content of a message")
        return [self._shown(part) for part in content]

    def _shown(self, part: Any) -> UserContent:
        from pydantic_ai.messages import BinaryContent, ImageUrl  # noqa: PLC0415 - heavy

        kind = part.get("type") if isinstance(part, dict) else type(part).__name__
        if kind == "text" and isinstance(part.get("text"), str):
            return str(part["text"])
        image = part.get("image_url") if kind == "image_url" else None
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(url, str):
            raise self._refused(f"a content part of type {kind!r}")
        if not url.startswith("data:"):
            return ImageUrl(url)
        try:
            return BinaryContent.from_data_uri(url)
        except ValueError:
            raise self._refused(f"the image {url[:40]!r}") from None

    def _refused(self, what: str) -> ProviderError:
        return impossible(f"{what} cannot be sent", model=self._model)
