"""Continuation: an answer that was cut goes on, within bounds, each call paid on its own."""

from __future__ import annotations

import math

import pytest

from conduit.core.chat import Chat
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.events import Event, Executed, Learned
from conduit.core.models import Query
from conduit.core.outcomes import ModelReply, Signal
from conduit.engines.continuing import MOST
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from tests.engines.builders import CHEAP, router_of
from tests.engines.streaming_client import StreamingScript

ON = Settings(num_retries=0, app_retries=0, continue_cut_answers=True)


def _part(text: str, finish: str, *, tokens: int = 10) -> ModelReply:
    return ModelReply(
        text=text, input_tokens=100, output_tokens=tokens, latency=1.0, finish_reason=finish
    )


def _script(*parts: ModelReply) -> ScriptedProvider:
    left = iter(parts)
    return ScriptedProvider(lambda _: next(left))


async def test_an_answer_that_was_cut_is_asked_on_for() -> None:
    """The model is sent what it has said; texts, tokens and seconds are joined, every call logged."""
    heard: list[Event] = []
    client = _script(_part("one ", "length"), _part("two ", "length"), _part("three", "stop"))
    async with router_of(
        client=client, policy="cheapest", settings=ON, subscribers=[heard.append]
    ) as router:
        response = await router.complete("count")
    assert (response.text, response.finish_reason) == ("one two three", "stop")
    assert (response.input_tokens, response.output_tokens) == (300, 30)
    assert (response.latency, response.attempts) == (3.0, 1)
    executions = [event.execution for event in heard if isinstance(event, Executed)]
    assert [(it.arm, it.attempt) for it in executions] == [("cheap", 1), ("cheap", 2), ("cheap", 3)]
    assert response.cost == pytest.approx(sum(it.cost for it in executions))
    chat = client.requests[2].chat
    assert chat is not None
    assert chat.messages == (
        {"role": "user", "content": "count"},
        {"role": "assistant", "content": "one two "},
    )


async def test_what_is_learned_is_the_length_of_the_whole() -> None:
    """Parts are no short answers: the last observation of the decision counts all of it."""
    learned: dict[Signal, float] = {}

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            learned.update((c.observation.signal, c.observation.value) for c in event.changes)

    client = _script(_part("one ", "length"), _part("two", "stop"))
    async with router_of(
        client=client, policy="cheapest", settings=ON, subscribers=[note]
    ) as router:
        response = await router.complete("count")
    assert learned[Signal.TOKENS] == pytest.approx(math.log(20))
    assert learned[Signal.LATENCY] == pytest.approx(math.log(2.0))
    assert learned[Signal.COST] == pytest.approx(math.log(response.cost))


async def test_it_is_off_unless_asked_for() -> None:
    """A caller's word is stronger than the setting, both ways."""
    for settings, wanted, calls in (
        (Settings(), None, 1),
        (Settings(), True, 2),
        (ON, False, 1),
        (ON, None, 2),
    ):
        client = _script(_part("one ", "length"), _part("two", "stop"))
        async with router_of(client=client, settings=settings) as router:
            await router.complete("count", continue_cut=wanted)
        assert len(client.requests) == calls


async def test_the_caller_s_longest_answer_is_never_exceeded() -> None:
    """What is left of ``max_tokens`` is asked for; where nothing is left, nothing is."""
    client = _script(_part("one ", "length"), _part("two ", "length", tokens=15))
    async with router_of(client=client, settings=ON) as router:
        response = await router.complete(Query("count", max_tokens=25))
    assert [request.max_tokens for request in client.requests] == [25, 15]
    assert (response.text, response.finish_reason) == ("one two ", "length")


async def test_an_answer_without_end_is_left_after_a_few_calls() -> None:
    """The bound is a constant, whatever the model says."""
    client = ScriptedProvider(lambda _: _part("more ", "length"))
    async with router_of(client=client, settings=ON) as router:
        response = await router.complete("count")
    assert len(client.requests) == 1 + MOST
    assert response.finish_reason == "length"


async def test_a_continuation_that_fails_leaves_the_answer_as_it_was() -> None:
    """It is paid and logged; nobody else goes on with the answer."""
    heard: list[Event] = []
    replies = iter([_part("one ", "length")])
    down = ProviderError(FailureKind.SERVER, model="cheap", input_tokens=100)
    client = ScriptedProvider(lambda _: next(replies), failures={"cheap": [None, down]})
    async with router_of(
        client=client, policy="cheapest", settings=ON, subscribers=[heard.append]
    ) as router:
        response = await router.complete("count")
    assert (response.text, response.finish_reason, response.attempts) == ("one ", "length", 1)
    assert CHEAP.price is not None
    once = CHEAP.price.cost(input_tokens=100, output_tokens=10)
    again = CHEAP.price.cost(input_tokens=100, output_tokens=0)
    assert response.cost == pytest.approx(once + again)
    failures = [event.execution.failure for event in heard if isinstance(event, Executed)]
    assert failures == [None, FailureKind.SERVER]


async def test_a_stream_goes_on_without_a_seam() -> None:
    """Pieces of the continuation follow those before it; a conversation keeps its messages."""
    chat = Chat(messages=({"role": "system", "content": "s"}, {"role": "user", "content": "count"}))
    client = StreamingScript(
        {"cheap": [["one ", _part("one ", "length")], ["two", _part("two", "stop")]]}
    )
    async with router_of(client=client, policy="cheapest", settings=ON) as router:
        stream = await router.stream(Query("count", chat=chat))
        pieces = [piece.text async for piece in stream]
    assert pieces == ["one ", "two"]
    assert stream.response is not None
    assert stream.response.text == "one two"
    assert client.requests[1].chat == chat.answered("one ")


async def test_what_a_failing_continuation_has_streamed_is_part_of_the_answer() -> None:
    """The caller has read it."""
    down = ProviderError(FailureKind.SERVER, model="cheap")
    client = StreamingScript({"cheap": [["one ", _part("one ", "length")], ["two", down]]})
    async with router_of(client=client, policy="cheapest", settings=ON) as router:
        stream = await router.stream("count")
        pieces = [piece.text async for piece in stream]
    assert pieces == ["one ", "two"]
    assert stream.response is not None
    assert (stream.response.text, stream.response.finish_reason) == ("one two", "length")
