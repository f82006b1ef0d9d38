"""The answer cache: equal requests, equal answers, and credit where it belongs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conduit.core.chat import Chat
from conduit.core.clocks import ManualClock
from conduit.core.events import Completed, Event
from conduit.core.models import Query
from conduit.core.outcomes import Delta, ModelReply
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from tests.engines.builders import router_of
from tests.engines.streaming_client import StreamingScript

HELLO = {"role": "user", "content": "hello"}


def _chat(*messages: dict[str, object], **options: object) -> Query:
    return Query("hello", chat=Chat(messages=messages or (HELLO,), options=options))


def _counting() -> ScriptedProvider:
    numbers: Iterator[int] = iter(range(99))
    return ScriptedProvider(lambda _: f"answer {next(numbers)}")


async def test_an_equal_request_is_answered_without_a_call() -> None:
    """It costs nothing, makes no decision and no attempt, and saves all that the baseline costs."""
    heard: list[Event] = []
    client, store = _counting(), MemoryStore()
    async with router_of(client=client, store=store, subscribers=[heard.append]) as router:
        first = await router.complete("hello", cache=True)
        heard.clear()
        again = await router.complete("hello", cache=True)
        logged = [entry async for entry in store.log()]
    assert (again.text, again.model, again.decision_id) == (
        first.text,
        first.model,
        first.decision_id,
    )
    assert (again.cached, again.cost, again.attempts, again.latency) == (True, 0, 0, None)
    assert (again.base_cost, again.savings) == (first.base_cost, first.base_cost)
    assert (len(client.requests), len(logged)) == (1, 1)
    assert heard == [Completed(again)]


async def test_feedback_on_a_repeated_answer_credits_the_decision_that_made_it() -> None:
    """Its id is the one of the original."""
    async with router_of(client=_counting()) as router:
        first = await router.complete("hello", cache=True)
        again = await router.complete("hello", cache=True)
        (change,) = await router.feedback(again.decision_id, rating=5)
    assert change.observation.decision_id == first.decision_id
    assert change.observation.arm == first.model


async def test_a_repeated_answer_is_streamed_too() -> None:
    """In one piece, tool calls included."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    reply = ModelReply(text="see", tool_calls=(call,), finish_reason="tool_calls")
    client = StreamingScript({"cheap": [["se", "e", reply]]})
    async with router_of(client=client, policy="cheapest") as router:
        first = [piece async for piece in await router.stream("hello", cache=True)]
        stream = await router.stream("hello", cache=True)
        again = [piece async for piece in stream]
    assert [piece.text for piece in first] == ["se", "e"]
    assert again == [Delta(text="see", tool_calls=({**call, "index": 0},))]
    assert stream.response is not None
    assert (stream.response.cached, stream.response.tool_calls) == (True, (call,))
    assert (stream.arm.id, stream.decision.id) == ("cheap", stream.response.decision_id)


@pytest.mark.parametrize(
    "other",
    [
        Query("hello!"),
        Query("hello", max_tokens=9),
        _chat(),
    ],
)
async def test_whatever_shapes_the_answer_makes_another_request(other: Query) -> None:
    """Another text, another limit, or a conversation in the place of a prompt."""
    client = _counting()
    async with router_of(client=client) as router:
        await router.complete("hello", cache=True)
        assert not (await router.complete(other, cache=True)).cached
        assert not (await router.complete("hello", models=["dear"], cache=True)).cached
        assert (await router.complete("hello", models=["dear"], cache=True)).cached


async def test_conversations_are_equal_by_their_messages_and_options() -> None:
    """Neither the order of fields nor the caller matters; a message or an option does."""
    client = _counting()
    async with router_of(client=client) as router:
        await router.complete(_chat(temperature=0), cache=True)
        swapped = {"content": "hello", "role": "user"}
        assert (await router.complete(_chat(swapped, temperature=0), cache=True)).cached
        assert not (await router.complete(_chat(temperature=1), cache=True)).cached
        assert not (await router.complete(_chat(HELLO, HELLO, temperature=0), cache=True)).cached


async def test_nothing_is_kept_unless_asked_for() -> None:
    """The setting keeps for every caller who does not say otherwise, and as long as it says."""
    clock = ManualClock(1000.0)
    async with router_of(client=_counting()) as router:
        await router.complete("hello")
        assert not (await router.complete("hello")).cached
    keeping = Settings(num_retries=0, app_retries=0, response_cache_seconds=60)
    async with router_of(client=_counting(), settings=keeping, clock=clock) as router:
        await router.complete("hello")
        assert (await router.complete("hello")).cached
        assert not (await router.complete("hello", cache=False)).cached
        clock.advance(60)
        assert not (await router.complete("hello")).cached


@pytest.mark.parametrize(
    "reply",
    [
        ModelReply(text="cut", finish_reason="length"),
        ModelReply(text="withheld", finish_reason="content_filter"),
        ModelReply(
            text="see",
            finish_reason="tool_calls",
            tool_calls=({"id": "1", "function": {"name": "f", "arguments": '{"a": '}},),
        ),
    ],
)
async def test_only_whole_answers_are_kept(reply: ModelReply) -> None:
    """A cut or withheld answer, or a call nobody can read, may be better the next time."""
    async with router_of(client=ScriptedProvider(lambda _: reply)) as router:
        await router.complete("hello", cache=True)
        assert not (await router.complete("hello", cache=True)).cached


async def test_answers_of_a_model_that_is_gone_are_not_given() -> None:
    """Whoever removes a model wants no more of its answers."""
    async with router_of(client=_counting(), policy="random") as router:
        first = await router.complete("hello", cache=True)
        await router.remove_model(first.model)
        assert not (await router.complete("hello", cache=True)).cached
