"""What the plain functions tell of their calls."""

from __future__ import annotations

import pytest

from ..contract.conduit.test_snippets import python
from ..telemetry.receivers import http_receiver
from .conftest import Place

FACES = {
    "get_provider": "get_provider('openai', offline=True).run('What is 2+2?')",
    "run_single_mode": "run_single_mode(get_provider('openai', offline=True), 'What is 2+2?')",
    "llm": "llm('What is 2+2?', offline=True)",
    "session": "with session(offline=True) as s: s.llm('What is 2+2?')",
    "Provider": "Provider('openai', offline=True).chat('What is 2+2?')",
}


@pytest.mark.parametrize("face", FACES)
def test_every_face_traces_its_calls_where_that_is_switched_on(place: Place, face: str) -> None:
    """A program that just ends has told of its call, once, with the call to the model in it."""
    with http_receiver() as received:
        ran = python(
            f"from conduit import {face}, get_provider\n{FACES[face]}",
            place.folder,
            CONDUIT_ENCODER="hashing",
            LITELLM_OTEL_ENABLED="true",
            TRACELOOP_BASE_URL=received.url,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    whole, attempts = [], []
    for span in received.spans:
        (attempts if span.parent_span_id else whole).append(span)
    assert (len(whole), len(attempts)) == (1, 1)


def test_a_receiver_that_is_away_costs_traces_and_nothing_else(place: Place) -> None:
    """The answer is there, and the program ends by itself."""
    with http_receiver() as received:
        away = received.url
    ran = python(
        "from conduit import llm\nprint(llm('What is 2+2?', offline=True).text)",
        place.folder,
        CONDUIT_ENCODER="hashing",
        LITELLM_OTEL_ENABLED="true",
        TRACELOOP_BASE_URL=away,
    )
    assert ran.returncode == 0
    assert "answers offline" in ran.stdout
