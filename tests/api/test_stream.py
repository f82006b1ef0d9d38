"""Streams: server-sent events as OpenAI sends them, to their end, to an error, or to a caller's leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest

from conduit.api import chat
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest, Response
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider

from .serving import ASKED, CHAT, app_of, serving
from .test_chat import MESSAGES, client_of

FRAGMENTS = (
    {"index": 0, "id": "c", "type": "function", "function": {"name": "add", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"a":'}},
    {"index": 0, "function": {"arguments": " 2}"}},
)


class Piecemeal(Router):
    """A router whose answers come in pieces, as the test has them."""

    pieces: tuple[Delta | ProviderError, ...] = ()
    held: asyncio.Event
    closed: asyncio.Event

    async def stream(self, query: Any, **options: Any) -> AnswerStream:
        """Pieces; where ``held`` is unset, the rest waits for it."""
        response = await self.complete(query, **options)
        arm = next(arm for arm in self.arms if arm.id == response.model)
        decision = await self.decision(response.decision_id)
        return AnswerStream(decision, arm, self._given(response))

    async def _given(self, response: Response) -> AsyncIterator[Delta | Response]:
        try:
            for piece in self.pieces:
                if isinstance(piece, ProviderError):
                    raise piece
                yield piece
                await self.held.wait()
            yield response
        finally:
            self.closed.set()


def piecemeal(*pieces: Delta | ProviderError, held: bool = False) -> type[Piecemeal]:
    """A kind of router with these pieces; held ones stop after the first."""
    kind = type("Scripted", (Piecemeal,), {"pieces": pieces})
    kind.held, kind.closed = asyncio.Event(), asyncio.Event()
    if not held:
        kind.held.set()
    return kind


def events(body: str) -> list[Any]:
    """What the events of a stream say; DONE as it is."""
    assert body.endswith("\n\n")
    said = [event.removeprefix("data: ") for event in body.split("\n\n")[:-1]]
    return [event if event == "[DONE]" else json.loads(event) for event in said]


async def test_pieces_come_as_they_are_given() -> None:
    """The first says who speaks, the last why it ends; then comes DONE."""
    kind = piecemeal(Delta(text="fo"), Delta(text="ur"))
    async with serving(app_of(kind=kind)) as served:
        answer = await served.ask(stream=True)
    *pieces, last, done = events(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [piece["choices"][0]["delta"] for piece in pieces] == [
        {"role": "assistant", "content": "fo"},
        {"content": "ur"},
    ]
    assert last["choices"][0] == {
        "index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None
    }  # fmt: skip
    assert done == "[DONE]"
    assert len({piece["id"] for piece in (*pieces, last)}) == 1


async def test_a_stream_says_at_its_end_what_it_did_cost() -> None:
    """Headers say what is known at the first piece, the last chunk's conduit field the rest."""
    async with serving(app_of()) as served:
        answer = await served.ask(model="cheap", stream=True)
        usual = await served.ask(model="cheap")
    told = events(answer.text)[-2]["conduit"]
    assert answer.headers["x-conduit-model"] == told["model"] == "cheap"
    assert answer.headers["x-conduit-decision-id"] == told["decision_id"]
    assert answer.headers["x-conduit-provider"] == told["provider"] == "local"
    assert answer.headers["x-conduit-propensity"] == "1"
    assert answer.headers["x-conduit-attempts"] == "1"
    assert answer.headers["x-conduit-cache"] == "miss"
    assert told["cost"] == pytest.approx(float(usual.headers["x-conduit-cost"]))
    assert told["saved"] == pytest.approx(float(usual.headers["x-conduit-saved"]))
    assert (told["attempts"], told["cache"]) == (1, "miss")


@pytest.mark.parametrize("wanted", [True, False])
async def test_usage_comes_where_it_is_asked_for(wanted: bool) -> None:
    """With include_usage a last chunk without choices has the tokens, as the client expects."""
    options = {"stream_options": {"include_usage": True}} if wanted else {}
    async with serving(app_of()) as served, client_of(served) as client:
        stream = await client.chat.completions.create(
            model="auto", messages=MESSAGES, stream=True, **options
        )
        chunks = [chunk async for chunk in stream]
    used = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(used) == wanted
    assert all(usage.completion_tokens == 1 for usage in used)
    assert [not chunk.choices for chunk in chunks].count(True) == wanted


async def test_calls_of_tools_are_streamed_in_fragments() -> None:
    """The official client puts the fragments of a call together."""
    kind = piecemeal(*(Delta(tool_calls=(fragment,)) for fragment in FRAGMENTS))
    async with (
        serving(app_of(kind=kind)) as served,
        client_of(served) as client,
        client.chat.completions.stream(model="auto", messages=MESSAGES) as stream,
    ):
        whole = await stream.get_final_completion()
    (call,) = whole.choices[0].message.tool_calls or ()
    assert (call.id, call.function.name) == ("c", "add")
    assert json.loads(call.function.arguments) == {"a": 2}


async def test_an_error_in_the_middle_ends_the_stream() -> None:
    """It is an event in OpenAI's shape, which the official client raises; nothing follows it."""
    broken = ProviderError(FailureKind.CONNECTION, model="cheap", detail="broken off")
    kind = piecemeal(Delta(text="fo"), broken)
    async with serving(app_of(kind=kind)) as served, client_of(served) as client:
        raw = events((await served.ask(stream=True)).text)
        stream = await client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError, match="broken off"):
            _ = [chunk async for chunk in stream]
    assert raw[-1]["error"]["code"] == "upstream_connection"
    assert "[DONE]" not in raw
    assert kind.closed.is_set()


async def test_a_caller_who_leaves_a_stream_ends_it() -> None:
    """Hanging up in the middle closes the answer, which hangs up on the model."""
    kind = piecemeal(Delta(text="fo"), Delta(text="ur"), held=True)
    async with serving(app_of(kind=kind)) as served:
        async with served.http.stream("POST", CHAT, json=ASKED | {"stream": True}) as answer:
            first = await anext(answer.aiter_lines())
            assert not kind.closed.is_set()
        await asyncio.wait_for(kind.closed.wait(), 5)
    assert '"fo"' in first


async def test_a_caller_who_does_not_read_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a connection is full for too long, the answer is closed: nobody holds a model for ever."""
    monkeypatch.setattr(chat, "READ_WITHIN", 0.05)
    kind = piecemeal(*[Delta(text="x" * 100_000)] * 200)
    body = json.dumps(ASKED | {"stream": True}).encode()
    async with serving(app_of(kind=kind)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        writer.write(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await asyncio.wait_for(kind.closed.wait(), 5)
        writer.transport.abort()


class Pondering(ScriptedProvider):
    """A model that thinks until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.cancelled = asyncio.Event(), asyncio.Event()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Never."""
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError


@pytest.mark.parametrize(
    ("path", "body"),
    [(CHAT, ASKED), (CHAT, ASKED | {"stream": True}), ("/v1/complete", ASKED)],
)
async def test_a_caller_who_leaves_ends_the_call(path: str, body: dict[str, Any]) -> None:
    """The model's call is cancelled when nobody waits for its answer any more."""
    model = Pondering()
    async with serving(app_of(model)) as served:
        async with httpx.AsyncClient(base_url=str(served.http.base_url)) as caller:
            asking = asyncio.create_task(caller.post(path, json=body))
            await asyncio.wait_for(model.begun.wait(), 5)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        await asyncio.wait_for(model.cancelled.wait(), 5)
        assert (await served.http.get("/health/ready")).status_code == 200
