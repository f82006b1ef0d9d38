"""Prompts and answers as MLflow shows them."""

from __future__ import annotations

import json

import pytest

from conduit.core.chat import Chat
from conduit.core.models import Query
from conduit.telemetry.content import LONGEST, TOGETHER
from conduit.telemetry.mlflow_content import answered, asked, shortened
from tests.telemetry.builders import a_response

PICTURE = "data:image/png;base64," + "A" * 5_000_000


def test_a_picture_is_named_and_its_bytes_are_not_told() -> None:
    """What surrounds it is told as it was."""
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE}},
    ]
    query = Query("What is this?", chat=Chat(messages=({"role": "user", "content": parts},)))
    (message,) = json.loads(asked(query))["messages"]
    assert message["content"][0] == parts[0]
    shown = message["content"][1]["image_url"]["url"]
    assert shown.startswith("data:image/png;base64,…")
    assert str(len(PICTURE)) in shown
    assert len(shown) < 100


@pytest.mark.parametrize(
    "query",
    [
        Query("x" * 90_000),
        Query("x", chat=Chat(messages=({"role": "user", "content": "x" * 200_000},))),
        Query("x", chat=Chat(messages=({"role": "user", "content": "x" * 9_000},) * 50)),
        Query(
            "x",
            chat=Chat(
                messages=(
                    {"role": "user", "content": [{"type": "text", "text": "x" * 9_000}] * 50},
                )
            ),
        ),
        Query(
            "x",
            chat=Chat(
                messages=({"role": "user", "content": "x"},),
                options={"stop": ["y" * 9_000] * 50},
            ),
        ),
    ],
    ids=["prompt", "message", "conversation", "parts", "options"],
)
def test_what_is_asked_is_told_up_to_a_length(query: Query) -> None:
    """However it is long: the end of it is JSON with a last message, for 6,144 of them are held."""
    written = asked(query)
    assert len(written) < TOGETHER + 2 * LONGEST
    assert json.loads(written)["messages"][-1]["content"].startswith("x")


def test_answers_are_told_up_to_a_length() -> None:
    """Text and calls of tools; figures stay as they are."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "y" * 200_000}}
    response = a_response(text="x" * 200_000, tool_calls=(call,))
    kept = shortened(response)
    assert (len(kept.text), kept.cost) == (LONGEST, response.cost)
    (choice,) = json.loads(answered(response))["choices"]
    assert choice["message"]["content"] == "x" * LONGEST
    (shown,) = choice["message"]["tool_calls"]
    assert shown["function"] == {"name": "f", "arguments": "y" * LONGEST}
