"""What a command-line tool is told: one text, for it takes no conversations."""

from __future__ import annotations

from conduit.core.chat import Chat, text_of
from conduit.core.outcomes import ModelRequest
from conduit.core.sharing import Json
from conduit.providers.replies import impossible

_SPEAKERS = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant"}
_IGNORED = frozenset(
    {"temperature", "top_p", "seed", "user", "metadata", "presence_penalty", "frequency_penalty"}
)
"""Options that shape or label an answer and that a tool has no counterpart for."""
_GO_ON = "Continue the last answer of the assistant exactly where it stops; repeat nothing."


def prompt_of(request: ModelRequest) -> str:
    """The text that a tool is given: the prompt, or a conversation written down.

    Raises:
        ProviderError: BAD_REQUEST for what cannot be put into words: tools, pictures, and options
            that promise something of the answer.
    """
    chat, model = request.chat, request.arm.id
    if chat is None:
        return request.text
    _check(chat, model=model)
    said = [(_SPEAKERS[str(message["role"])], text_of(message)) for message in chat.messages]
    if len(said) == 1 and said[0][0] == "User":
        return said[0][1]
    lines = [f"{speaker}: {text}" for speaker, text in said]
    return "\n\n".join([*lines, _GO_ON] if said and said[-1][0] == "Assistant" else lines)


def _check(chat: Chat, *, model: str) -> None:
    for name, value in chat.options.items():
        if name not in _IGNORED and value is not None:
            raise impossible(f"a command-line tool has no option {name!r}", model=model)
    for message in chat.messages:
        if message.get("role") not in _SPEAKERS or message.get("tool_calls"):
            raise impossible("a command-line tool takes no tool calls", model=model)
        if not _is_text(message):
            raise impossible("a command-line tool takes text alone", model=model)


def _is_text(message: Json) -> bool:
    content = message.get("content")
    if isinstance(content, list | tuple):
        return all(isinstance(part, dict) and part.get("type") == "text" for part in content)
    return isinstance(content, str)
