"""Calls that fail over HTTP, in each provider's own protocol."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product

import pytest

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.ports import StreamingClient

from .conftest import Serve
from .loopback import Answer
from .protocols import (
    ANTHROPIC,
    KEY,
    OPENAI,
    OWN_PROTOCOLS,
    Protocol,
    ask,
)

pytestmark = pytest.mark.parametrize("protocol", OWN_PROTOCOLS, ids=str)


async def fail(
    client: StreamingClient, protocol: Protocol, url: str, **options: float
) -> ProviderError:
    """The failure of one call."""
    with pytest.raises(ProviderError) as caught:
        await client.complete(ask(protocol.arm(url), **options))
    assert caught.value.model == "the-arm"
    return caught.value


STATUSES = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.AUTHENTICATION,
    403: FailureKind.AUTHENTICATION,
    404: FailureKind.BAD_REQUEST,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMIT,
    500: FailureKind.SERVER,
    503: FailureKind.SERVER,
    529: FailureKind.SERVER,
}


async def test_status(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Each status has its kind, keeps what the provider said, and is tried once."""
    server = await serve(Answer())
    for status, kind in STATUSES.items():
        server.answer = Answer(status=status, body=protocol.fault(f"It is {status}.", status))
        failure = await fail(client, protocol, server.url)
        assert (failure.kind, failure.status) == (kind, status)
        assert failure.detail == f"It is {status}."
        assert failure.retry_after is None
    assert len(server.requests) == len(STATUSES)


async def test_retry_after_seconds(
    protocol: Protocol, serve: Serve, client: StreamingClient
) -> None:
    """Retry-After in seconds is kept as seconds."""
    server = await serve(
        Answer(status=429, body=protocol.fault("Slow down.", 429), headers={"Retry-After": "7"})
    )
    failure = await fail(client, protocol, server.url)
    assert (failure.kind, failure.retry_after) == (FailureKind.RATE_LIMIT, 7.0)


async def test_retry_after_date(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """Retry-After as a date becomes the seconds until then."""
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server = await serve(
        Answer(status=503, body=protocol.fault("Later.", 503), headers={"Retry-After": then})
    )
    failure = await fail(client, protocol, server.url)
    assert failure.retry_after is not None
    assert 50 < failure.retry_after <= 60


async def test_withheld(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """An answer that a filter withheld is a CONTENT_FILTER failure with the tokens it cost."""
    server = await serve(Answer(body=protocol.answer("", "content_filter")))
    failure = await fail(client, protocol, server.url)
    assert failure.kind is FailureKind.CONTENT_FILTER
    assert (failure.input_tokens, failure.output_tokens) == (11, 7)


async def test_empty(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """An answer without text is an EMPTY failure with the tokens it cost."""
    server = await serve(Answer())
    for text, finish in product(["", " \n"], ["stop", "length"]):
        server.answer = Answer(body=protocol.answer(text, finish))
        failure = await fail(client, protocol, server.url)
        assert failure.kind is FailureKind.EMPTY
        assert (failure.input_tokens, failure.output_tokens) == (11, 7)


async def test_slow(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A call that is not complete at its deadline is a TIMEOUT, at the deadline."""
    server = await serve(Answer(body=protocol.answer("Four.")))
    await client.complete(ask(protocol.arm(server.url)))
    server.answer = Answer(body=protocol.answer("Four."), delay=30)
    loop = asyncio.get_running_loop()
    started = loop.time()
    failure = await fail(client, protocol, server.url, timeout=0.1)
    assert (failure.kind, failure.sent) == (FailureKind.TIMEOUT, True)
    assert "0.1 s" in failure.detail
    assert 0.1 <= loop.time() - started < 3


async def test_cut(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A connection closed in the middle of the answer is a CONNECTION failure."""
    server = await serve(Answer(body=protocol.answer("Four." * 100), cut=True))
    failure = await fail(client, protocol, server.url)
    assert (failure.kind, failure.sent) == (FailureKind.CONNECTION, True)


async def test_refused(protocol: Protocol, client: StreamingClient) -> None:
    """A port where nobody listens is a CONNECTION failure, of a request that was never sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = await fail(client, protocol, f"http://127.0.0.1:{port}")
    assert (failure.kind, failure.sent) == (FailureKind.CONNECTION, False)


async def test_no_json(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A body that is not JSON is the SERVER's failure."""
    server = await serve(Answer())
    for body in (b"{not json", b"<html>Bad gateway</html>"):
        server.answer = Answer(body=body)
        assert (await fail(client, protocol, server.url)).kind is FailureKind.SERVER


OTHER_SHAPES: tuple[object, ...] = (
    {},
    [],
    3,
    {"choices": []},
    {"choices": [None]},
    {"content": [3]},
    {"candidates": 3},
)


async def test_other_json(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """JSON of another shape than the protocol's is a failure, never a crash or an answer."""
    server = await serve(Answer())
    for body in OTHER_SHAPES:
        server.answer = Answer(body=body)
        failure = await fail(client, protocol, server.url)
        assert failure.kind in {FailureKind.SERVER, FailureKind.EMPTY}, body


async def test_repeated_key(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A key that the provider repeats appears neither in the failure nor behind it."""
    server = await serve(
        Answer(status=401, body=protocol.fault(f"Incorrect API key provided: {KEY}.", 401))
    )
    failure = await fail(client, protocol, server.url)
    assert failure.detail == "Incorrect API key provided: ***."
    assert KEY not in f"{failure} {failure!r} {client!r}"
    assert failure.__cause__ is None
    assert failure.__suppress_context__ or failure.__context__ is None


async def test_long_fault(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """What the provider said is kept to one line of bounded length."""
    server = await serve(Answer(status=500, body=protocol.fault("no\n" * 1000, 500)))
    detail = (await fail(client, protocol, server.url)).detail
    assert detail.startswith("no no no")
    assert detail.endswith("…")
    assert len(detail) <= 301


async def test_blocked_prompt(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """A prompt or answer that the provider refuses in its own way is a CONTENT_FILTER failure."""
    refused = OPENAI.answer("")
    refused["choices"][0]["message"] |= {"content": None, "refusal": "I will not."}
    said = {
        "openai": Answer(body=refused),
        "anthropic": Answer(body=ANTHROPIC.answer("", "content_filter")),
        "google": Answer(body={"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        "groq": Answer(
            status=400, body={"error": {"message": "Flagged.", "code": "content_filter"}}
        ),
    }
    server = await serve(said[protocol.name])
    assert (await fail(client, protocol, server.url)).kind is FailureKind.CONTENT_FILTER
