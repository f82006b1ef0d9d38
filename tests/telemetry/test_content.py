"""Prompts and answers as a trace shows them."""

from __future__ import annotations

import json

from conduit.core.chat import Chat
from conduit.core.models import Query
from conduit.telemetry.content import LONGEST, TOGETHER, answered, asked
from tests.telemetry.builders import a_response

CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"at": "Bern"}'},
}


def test_a_conversation_is_shown_in_the_words_of_the_conventions() -> None:
    """Texts, calls of tools and their results are parts of messages, each with its role."""
    chat = Chat(
        messages=(
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Rain?"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "dry"},
        )
    )
    assert json.loads(asked(Query("Rain?", chat=chat))) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Rain?"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "tool_call", "id": "c1", "name": "weather", "arguments": '{"at": "Bern"}'}
            ],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "c1", "response": "dry"}],
        },
    ]


def test_an_answer_may_be_a_call() -> None:
    """What a model wants done is part of what it answered."""
    (message,) = json.loads(answered(a_response(text="", tool_calls=(CALL,))))
    assert [part["type"] for part in message["parts"]] == ["tool_call"]


def test_long_conversations_show_their_end() -> None:
    """Text is cut, earlier messages are left out, and the last one is always there."""
    messages = tuple({"role": "user", "content": f"{n} " + "x" * 30_000} for n in range(9))
    written = asked(Query("hello", chat=Chat(messages=messages)))
    shown = json.loads(written)
    assert shown[-1]["parts"][0]["content"].startswith("8 ")
    assert len(shown[-1]["parts"][0]["content"]) == LONGEST
    assert len(written) <= TOGETHER + 2
