"""Answers that come piece by piece over HTTP, in each provider's own protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.ports import StreamingClient

from .conftest import Serve
from .loopback import Answer, Stream
from .protocols import ALL, Protocol, ask
from .streamed import (
    ARGUMENTS,
    CALL,
    FAULT,
    TOOL,
    broken,
    called,
    fault,
    opening,
    piece,
    streamed,
    streamed_call,
)

pytestmark = pytest.mark.parametrize("protocol", ALL, ids=str)

TEXTS = ("Vier", " ist die Größe", " der 🦜", " und 漢字.")


async def read(
    client: StreamingClient, request: ModelRequest
) -> tuple[list[Delta], ModelReply | ProviderError]:
    """The pieces of an answer, and how it ended."""
    pieces: list[Delta] = []
    try:
        async for part in client.stream(request):
            if isinstance(part, ModelReply):
                return pieces, part
            pieces.append(part)
    except ProviderError as failure:
        return pieces, failure
    raise AssertionError("neither a reply nor a failure")


def said(pieces: list[Delta]) -> str:
    return "".join(part.text for part in pieces)


async def failed(
    client: StreamingClient, request: ModelRequest
) -> tuple[list[Delta], ProviderError]:
    pieces, end = await read(client, request)
    assert isinstance(end, ProviderError)
    assert end.model == "the-arm"
    return pieces, end


async def test_pieces_and_reply(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Every piece is handed over as it came, and the reply that is last holds them all."""
    server = await serve(Stream(pieces=streamed(protocol, TEXTS)))
    pieces, reply = await read(client, ask(protocol.arm(server.url)))
    assert isinstance(reply, ModelReply)
    assert [part.text for part in pieces] == [*TEXTS]
    assert (reply.text, reply.finish_reason) == ("".join(TEXTS), "stop")
    assert (reply.input_tokens, reply.output_tokens, reply.cost) == (11, 7, None)
    assert reply.latency is not None
    assert reply.latency > 0


async def test_first_piece_at_once(
    protocol: Protocol, serve: Serve, client: StreamingClient
) -> None:
    """A piece is there before the next one is sent."""
    gate = asyncio.Event()
    before = len(opening(protocol)) + 1
    server = await serve(Stream(pieces=streamed(protocol, TEXTS), gate=gate, gated=before))
    async with asyncio.timeout(20), aclosing(client.stream(ask(protocol.arm(server.url)))) as parts:
        assert await anext(parts) == Delta(text=TEXTS[0])
        gate.set()
        rest = [part async for part in parts]
    assert [part.text for part in rest] == [*TEXTS[1:], "".join(TEXTS)]


async def test_any_chunks(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Chunks may end anywhere, inside a character too."""
    whole = b"".join(streamed(protocol, TEXTS))
    server = await serve(Stream(pieces=[whole[at : at + 1] for at in range(len(whole))]))
    pieces, reply = await read(client, ask(protocol.arm(server.url)))
    assert isinstance(reply, ModelReply)
    assert said(pieces) == reply.text == "".join(TEXTS)


async def test_length(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A stream that ended at its limit says so."""
    server = await serve(Stream(pieces=streamed(protocol, TEXTS, "length")))
    _, reply = await read(client, ask(protocol.arm(server.url), max_tokens=7))
    assert isinstance(reply, ModelReply)
    assert reply.finish_reason == "length"


async def test_tool_call(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A tool call streams in fragments of one index, which put together are the reply's call."""
    server = await serve(Stream(pieces=streamed_call(protocol)))
    pieces, reply = await read(client, ask(protocol.arm(server.url)))
    assert isinstance(reply, ModelReply)
    fragments = [fragment for part in pieces for fragment in part.tool_calls]
    assert {fragment["index"] for fragment in fragments} == {0}
    assert (fragments[0]["id"], fragments[0]["function"]["name"]) == (CALL, TOOL)
    arguments = "".join(fragment["function"]["arguments"] for fragment in fragments)
    assert json.loads(arguments) == ARGUMENTS
    (call,) = reply.tool_calls
    assert call == {
        "id": CALL,
        "type": "function",
        "function": {"name": TOOL, "arguments": arguments},
    }
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")


async def test_tool_call_at_once(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A whole answer may be a tool call without text."""
    server = await serve(Answer(body=called(protocol)))
    reply = await client.complete(ask(protocol.arm(server.url)))
    (call,) = reply.tool_calls
    assert (call["id"], call["type"], call["function"]["name"]) == (CALL, "function", TOOL)
    assert json.loads(call["function"]["arguments"]) == ARGUMENTS
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")
    assert (reply.input_tokens, reply.output_tokens) == (11, 7)


async def test_refused_before(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A stream that never began fails as any call, with the seconds to wait."""
    body = protocol.fault("Slow down.", 429)
    server = await serve(Answer(status=429, body=body, headers={"Retry-After": "7"}))
    pieces, failure = await failed(client, ask(protocol.arm(server.url)))
    assert pieces == []
    assert (failure.kind, failure.status) == (FailureKind.RATE_LIMIT, 429)
    assert (failure.retry_after, failure.detail) == (7.0, "Slow down.")


async def test_fault_in_the_middle(
    protocol: Protocol, serve: Serve, client: StreamingClient
) -> None:
    """An error after the first piece is the SERVER's failure, after the piece."""
    begun = [*opening(protocol), piece(protocol, "Vier")]
    server = await serve(Stream(pieces=[*begun, fault(protocol)]))
    pieces, failure = await failed(client, ask(protocol.arm(server.url)))
    assert said(pieces) == "Vier"
    assert failure.kind is FailureKind.SERVER
    assert FAULT in failure.detail


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "ended"])
async def test_broken_off(
    protocol: Protocol, serve: Serve, client: StreamingClient, *, cut: bool
) -> None:
    """A stream that stops before its end is a failure, however it stops, and never an answer."""
    begun = [*opening(protocol), piece(protocol, "Vier")]
    server = await serve(Stream(pieces=begun, cut=cut))
    pieces, failure = await failed(client, ask(protocol.arm(server.url)))
    assert said(pieces) == "Vier"
    assert failure.kind in {FailureKind.CONNECTION, FailureKind.SERVER}
    known = 11 if protocol.name == "anthropic" else None  # Anthropic counts the prompt at once
    assert failure.input_tokens == known


async def test_no_json(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """An event that is not JSON is the SERVER's failure."""
    server = await serve(Stream(pieces=[*opening(protocol), broken(protocol)]))
    _, failure = await failed(client, ask(protocol.arm(server.url)))
    assert failure.kind is FailureKind.SERVER


async def test_empty(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A stream without text is an EMPTY failure with the tokens it cost."""
    server = await serve(Stream(pieces=streamed(protocol, [" \n"])))
    _, failure = await failed(client, ask(protocol.arm(server.url)))
    assert failure.kind is FailureKind.EMPTY
    assert (failure.input_tokens, failure.output_tokens) == (11, 7)


async def test_stalled(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A stream that stalls is a TIMEOUT at its deadline, and the server is hung up on."""
    before = len(opening(protocol)) + 1
    stalled = Stream(pieces=streamed(protocol, TEXTS), gate=asyncio.Event(), gated=before)
    server = await serve(Answer(body=protocol.answer("Four.")))
    await client.complete(ask(protocol.arm(server.url)))
    server.answer = stalled
    pieces, failure = await failed(client, ask(protocol.arm(server.url), timeout=0.5))
    assert said(pieces) == TEXTS[0]
    assert failure.kind is FailureKind.TIMEOUT
    async with asyncio.timeout(20):
        await server.hung_up.wait()


async def test_closed_early(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Closing a stream hangs up on the server, and the client stays of use."""
    before = len(opening(protocol)) + 1
    endless = Stream(pieces=streamed(protocol, TEXTS), gate=asyncio.Event(), gated=before)
    server = await serve(endless)
    async with asyncio.timeout(20):
        async with aclosing(client.stream(ask(protocol.arm(server.url)))) as parts:
            assert await anext(parts) == Delta(text=TEXTS[0])
        await server.hung_up.wait()
    server.answer = Answer(body=protocol.answer("Four."))
    assert (await client.complete(ask(protocol.arm(server.url)))).text == "Four."


class Endless(Sequence[bytes]):
    """One piece after another, for as long as somebody reads."""

    def __init__(self, *begin: bytes, piece: bytes) -> None:
        self._begin, self._piece = begin, piece

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        return self._begin[index] if index < len(self._begin) else self._piece


async def test_closed_early_while_it_goes_on(
    protocol: Protocol, serve: Serve, client: StreamingClient
) -> None:
    """Closing hangs up on a server that never stops, however quickly its pieces come."""
    pieces = Endless(*opening(protocol), piece=10 * piece(protocol, TEXTS[0]))
    server = await serve(Stream(pieces=pieces))
    async with asyncio.timeout(20):
        async with aclosing(client.stream(ask(protocol.arm(server.url)))) as parts:
            assert await anext(parts) == Delta(text=TEXTS[0])
        await server.all_gone.wait()


@pytest.mark.parametrize("streaming", [True, False], ids=["stream", "complete"])
async def test_cancelled(
    protocol: Protocol, serve: Serve, client: StreamingClient, *, streaming: bool
) -> None:
    """Cancelling a call that waits for the server ends it as cancelled and hangs up."""
    stalled = Stream(pieces=[b": nothing yet\n\n"] * 2, gate=asyncio.Event())
    server = await serve(stalled if streaming else Answer(delay=60))
    request = ask(protocol.arm(server.url))
    waiting = read(client, request) if streaming else client.complete(request)
    call = asyncio.create_task(waiting)
    async with asyncio.timeout(20):
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.hung_up.wait()


async def test_connection_is_used_again(
    protocol: Protocol, serve: Serve, client: StreamingClient
) -> None:
    """Streams one after the other share a connection."""
    server = await serve(Stream(pieces=streamed(protocol, TEXTS)))
    for _ in range(3):
        _, reply = await read(client, ask(protocol.arm(server.url)))
        assert isinstance(reply, ModelReply)
    assert (len(server.requests), server.connections) == (3, 1)
