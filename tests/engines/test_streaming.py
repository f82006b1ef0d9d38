"""Streaming: fallback before the first piece, none after it, and callers who go away."""

from __future__ import annotations

import asyncio
import gc

import pytest

from conduit.bandits.steering import BudgetPerRequest
from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.events import Completed, Decided, Event, Executed, Failed, Learned
from conduit.core.extras import Extras
from conduit.core.outcomes import CANCELLED, Delta, Head, ModelReply, Signal
from conduit.engines.answer_stream import AnswerStream
from conduit.providers.scripted import ScriptedProvider
from conduit.stores.memory import MemoryStore
from tests.engines.builders import CHEAP, DEAR, router_of
from tests.engines.streaming_client import StreamingScript

REPLY = ModelReply(text="one two", input_tokens=4, output_tokens=2, latency=0.5)
DOWN = ProviderError(FailureKind.SERVER, model="cheap", input_tokens=3, output_tokens=1)


async def _read(stream: AnswerStream) -> str:
    return "".join([piece.text async for piece in stream])


async def test_pieces_come_as_they_are_given_and_the_response_last() -> None:
    """The first piece is there before the model has finished; the response is priced as a whole."""
    rest = asyncio.Event()
    client = StreamingScript({"cheap": [["one ", rest, "two", REPLY]]})
    async with router_of(client=client, policy="cheapest") as router:
        stream = await router.stream("hello")
        assert (await anext(stream)).text == "one "
        assert (stream.arm.id, stream.response) == ("cheap", None)
        rest.set()
        assert await _read(stream) == "two"
    assert stream.response is not None
    assert (stream.response.text, stream.response.decision_id) == ("one two", stream.decision.id)
    assert CHEAP.price is not None
    assert stream.response.cost == CHEAP.price.cost(input_tokens=4, output_tokens=2)


async def test_a_client_that_knows_no_pieces_answers_in_one() -> None:
    """Whoever reads a stream need not know which kind of client there is."""
    async with router_of(client=ScriptedProvider("whole")) as router:
        stream = await router.stream("hello")
        pieces = [piece async for piece in stream]
    assert pieces == [Delta(text="whole")]
    assert stream.response is not None


async def test_a_model_that_fails_before_its_first_piece_is_followed_by_the_next() -> None:
    """Nobody has read anything yet, so another model may answer; both attempts are paid."""
    client = StreamingScript({"cheap": [[Delta(), DOWN]], "dear": [["one ", "two", REPLY]]})
    async with router_of(client=client, policy="cheapest") as router:
        stream = await router.stream("hello")
        assert stream.arm.id == "dear"
        assert await _read(stream) == "one two"
    assert stream.response is not None
    assert (stream.response.model, stream.response.attempts) == ("dear", 2)
    assert CHEAP.price is not None
    assert DEAR.price is not None
    wasted = CHEAP.price.cost(input_tokens=3, output_tokens=1)
    served = DEAR.price.cost(input_tokens=4, output_tokens=2)
    assert stream.response.cost == pytest.approx(wasted + served)


async def test_after_the_first_piece_a_failure_ends_the_stream() -> None:
    """Half an answer is not followed by another model's; what was billed is logged."""
    heard: list[Event] = []
    store = MemoryStore()
    client = StreamingScript({"cheap": [["one ", DOWN]], "dear": [["x", REPLY]]})
    async with router_of(
        client=client, policy="cheapest", store=store, subscribers=[heard.append]
    ) as router:
        stream = await router.stream("hello")
        with pytest.raises(ProviderError, match="cheap failed"):
            await _read(stream)
        (execution,) = await store.executions(stream.decision.id)
    assert (execution.failure, execution.output_tokens) == (FailureKind.SERVER, 1)
    assert [event for event in heard if isinstance(event, Failed)] == [
        Failed(stream.decision.id, DOWN)
    ]
    assert not any(isinstance(event, Completed) for event in heard)


async def test_what_a_broken_stream_has_billed_is_estimated_where_nobody_says() -> None:
    """The prompt was read and pieces were given: a connection that broke does not make them free."""
    heard: list[Event] = []
    broken = ProviderError(FailureKind.CONNECTION, model="cheap")
    client = StreamingScript({"cheap": [["12345678", broken]]})
    async with router_of(client=client, policy="cheapest", subscribers=[heard.append]) as router:
        stream = await router.stream("a prompt of twenty-four")
        with pytest.raises(ProviderError):
            await _read(stream)
    (execution,) = (event.execution for event in heard if isinstance(event, Executed))
    assert execution.failure is FailureKind.CONNECTION
    assert (execution.input_tokens, execution.output_tokens) == (6, 2)
    assert CHEAP.price is not None
    assert execution.cost == CHEAP.price.cost(input_tokens=6, output_tokens=2)


async def test_a_model_that_breaks_off_while_it_thinks_is_paid_for_its_thoughts() -> None:
    """Thoughts were heard though nobody is shown them: they are estimated, and another model answers."""
    heard: list[Event] = []
    broken = ProviderError(FailureKind.SERVER, model="cheap")
    thoughts = [Delta(thought=4000), Delta(thought=9)]
    client = StreamingScript({"cheap": [[*thoughts, broken]], "dear": [["one ", "two", REPLY]]})
    async with router_of(client=client, policy="cheapest", subscribers=[heard.append]) as router:
        stream = await router.stream("a prompt of twenty-four")
        assert [piece async for piece in stream] == [Delta(text="one "), Delta(text="two")]
    first, _ = (event.execution for event in heard if isinstance(event, Executed))
    assert first.failure is FailureKind.SERVER
    assert (first.input_tokens, first.output_tokens) == (6, 1003)
    assert CHEAP.price is not None
    assert first.cost == CHEAP.price.cost(input_tokens=6, output_tokens=1003)


async def test_a_caller_who_leaves_a_model_that_thinks_pays_for_its_thoughts() -> None:
    """Nothing was shown yet, and what was thought until then is billed all the same."""
    heard: list[Event] = []
    client = StreamingScript({"cheap": [[Delta(thought=4000), asyncio.Event()]]})
    async with router_of(client=client, policy="cheapest", subscribers=[heard.append]) as router:
        asking = asyncio.create_task(router.stream("a prompt of twenty-four"))
        await client.waiting.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    (execution,) = (event.execution for event in heard if isinstance(event, Executed))
    assert execution.finish_reason == CANCELLED
    assert (execution.input_tokens, execution.output_tokens) == (6, 1000)


async def test_thoughts_of_an_answer_that_nobody_counted_are_paid() -> None:
    """Without usage, what a model thought is estimated with what it said; a text sent twice counts once."""
    thought = {"reasoning": "x" * 4000, "reasoning_content": "x" * 4000}
    reply = ModelReply(text="Four.", extras=Extras(message=thought))
    async with router_of(client=ScriptedProvider(lambda _: reply), policy="cheapest") as router:
        response = await router.complete("a prompt of twenty-four")
    assert CHEAP.price is not None
    assert response.cost == CHEAP.price.cost(input_tokens=6, output_tokens=1002)


async def test_calls_of_tools_are_an_answer_without_text() -> None:
    """A reply that only calls tools is neither empty nor a failure, whole or in pieces."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reply = ModelReply(text="", tool_calls=(call,), finish_reason="tool_calls")
    async with router_of(
        client=StreamingScript({"cheap": [[reply], [reply]]}), policy="cheapest"
    ) as router:
        stream = await router.stream("hello")
        pieces = [piece async for piece in stream]
        response = await router.complete("hello")
    assert pieces == [Delta(tool_calls=({**call, "index": 0},))]
    assert response.tool_calls == (call,)
    assert stream.response is not None
    assert stream.response.finish_reason == "tool_calls"


async def test_a_stream_without_a_reply_has_failed() -> None:
    """A connection that ends quietly before its first piece is a failure as any other."""
    client = StreamingScript({"cheap": [[]], "dear": [[]]})
    async with router_of(client=client) as router:
        with pytest.raises(AllModelsFailedError, match="broke off"):
            await router.stream("hello")


async def test_a_caller_who_goes_away_pays_for_what_was_streamed() -> None:
    """The model is hung up on; prompt and pieces are estimated, and nobody is blamed."""
    heard: list[Event] = []
    store = MemoryStore()
    client = StreamingScript({"cheap": [["12345678", asyncio.Event(), REPLY]]})
    async with router_of(
        client=client, policy="cheapest", store=store, subscribers=[heard.append], budget=0.01
    ) as router:
        stream = await router.stream("a prompt of twenty-four")
        assert (await anext(stream)).text == "12345678"
        await stream.aclose()
        await stream.aclose()
        (execution,) = await store.executions(stream.decision.id)
        state = await store.load()
        steering = (await router.open()).decider.steering
    assert client.hung_up == 1
    assert (execution.failure, execution.finish_reason) == (None, CANCELLED)
    assert (execution.input_tokens, execution.output_tokens) == (6, 2)
    assert CHEAP.price is not None
    assert execution.cost == CHEAP.price.cost(input_tokens=6, output_tokens=2)
    assert [type(event) for event in heard] == [Decided, Executed, Failed]
    assert heard[-1] == Failed(stream.decision.id, None)
    assert all(statistics.count == 0 for statistics in state.statistics.values())
    assert isinstance(steering, BudgetPerRequest)
    assert steering.pacer.spent == pytest.approx(execution.cost)


async def test_reading_that_is_cancelled_is_going_away() -> None:
    """The task that waits for a piece is cancelled: the same as hanging up."""
    store = MemoryStore()
    client = StreamingScript({"cheap": [["one ", asyncio.Event()]]})
    async with router_of(client=client, policy="cheapest", store=store) as router:
        stream = await router.stream("hello")
        reading = asyncio.create_task(_read(stream))
        await client.waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        (execution,) = await store.executions(stream.decision.id)
    assert execution.finish_reason == CANCELLED


async def test_a_completion_that_is_cancelled_is_logged_and_paid() -> None:
    """Nothing was read, but the model had the prompt: its tokens are paid and nothing is learned."""
    heard: list[Event] = []
    called = asyncio.Event()

    async def hang(seconds: float) -> None:
        called.set()
        await asyncio.sleep(seconds)

    client = ScriptedProvider(sleep=hang, latency=30.0)
    async with router_of(client=client, policy="cheapest", subscribers=[heard.append]) as router:
        task = asyncio.create_task(router.complete("hello there"))
        await called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    kinds = [type(event) for event in heard]
    assert kinds == [Decided, Executed, Failed]
    assert isinstance(heard[1], Executed)
    assert CHEAP.price is not None
    assert heard[1].execution.cost == CHEAP.price.cost(input_tokens=3, output_tokens=0)
    assert not any(isinstance(event, Learned) for event in heard)


async def test_a_stream_teaches_what_a_completion_teaches() -> None:
    """Length, latency, cost and availability are learned from the reply at the end."""
    seen: set[tuple[Signal, Head]] = set()

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            seen.update((c.observation.signal, c.observation.head) for c in event.changes)

    client = StreamingScript({"cheap": [["one two", REPLY]]})
    async with router_of(client=client, policy="cheapest", subscribers=[note]) as router:
        await _read(await router.stream("hello"))
    assert seen == {
        (Signal.ERROR, Head.AVAILABILITY),
        (Signal.LATENCY, Head.LOG_LATENCY),
        (Signal.TOKENS, Head.LOG_TOKENS),
        (Signal.COST, Head.LOG_COST),
    }


async def test_different_tasks_may_read_one_answer() -> None:
    """Servers await the first piece in one task, send the others in a second, close in a third."""
    rest = asyncio.Event()
    client = StreamingScript({"cheap": [["one ", "two ", rest, "three", REPLY]]})
    async with router_of(client=client, policy="cheapest") as router:
        stream = await asyncio.create_task(router.stream("hello"))
        texts = [(await asyncio.create_task(anext(stream))).text for _ in range(2)]
        await asyncio.create_task(stream.aclose())
    assert texts == ["one ", "two "]
    assert client.hung_up == 1


async def test_an_answer_that_is_forgotten_is_paid_too() -> None:
    """Whoever drops a stream without closing it hangs up when it is collected."""
    gone = asyncio.Event()

    def note(event: Event) -> None:
        if isinstance(event, Failed):
            gone.set()

    store = MemoryStore()
    client = StreamingScript({"cheap": [["one ", asyncio.Event()]]})
    async with router_of(
        client=client, policy="cheapest", store=store, subscribers=[note]
    ) as router:
        stream = await router.stream("hello")
        decision_id = stream.decision.id
        del stream
        gc.collect()
        async with asyncio.timeout(10):
            await gone.wait()
        (execution,) = await store.executions(decision_id)
    assert (client.hung_up, execution.finish_reason) == (1, CANCELLED)
