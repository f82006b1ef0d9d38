"""What a server takes of anybody: so much, so fast, so often."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest

from conduit.api.guards.rate import MOST_CALLERS, Buckets
from conduit.api.patience import PatientProtocol
from conduit.settings import Settings

from .serving import ASKED, CHAT, Served, app_of, local, serving
from .test_own import error_of

HEAD = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@contextlib.asynccontextmanager
async def connected(
    served: Served,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def body_of(answer: bytes) -> Any:
    """The JSON of a raw answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("declared", [True, False])
async def test_ten_megabytes_are_refused_with_a_reason(declared: bool) -> None:
    """With or without a length beforehand the sender gets a 413, and the server goes on."""
    body = b"x" * 10_000_000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    async with serving(app_of()) as served:
        sent = body if declared else pieces()
        answer = await served.http.post(CHAT, content=sent)
        assert error_of(answer, 413)["code"] == "body_too_large"
        assert "4,000,000 bytes" in answer.json()["error"]["message"]
        assert (await served.ask()).status_code == 200


async def test_a_refusal_comes_while_the_body_is_being_sent() -> None:
    """One who declares too much is told before sending any of it."""
    async with serving(app_of()) as served, connected(served) as (reader, writer):
        writer.write(f"{HEAD}Content-Length: 10000000\r\n\r\n".encode())
        first = await asyncio.wait_for(reader.readline(), 5)
    assert first.startswith(b"HTTP/1.1 413 ")


async def test_a_long_conversation_fits() -> None:
    """Three megabytes of conversation are answered."""
    said = {"role": "user", "content": "word " * 600_000}
    async with serving(app_of()) as served:
        answer = await served.ask(messages=[said, *ASKED["messages"]])
    assert answer.status_code == 200


async def test_a_slow_upload_is_ended() -> None:
    """A body that does not come in time is a 408 with a reason, and the connection is closed."""
    app = app_of(settings=Settings(upload_timeout=0.05))
    async with serving(app) as served, connected(served) as (reader, writer):
        writer.write(f'{HEAD}Content-Length: 100\r\n\r\n{{"messages":'.encode())
        answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert body_of(answer)["error"]["code"] == "upload_timeout"


async def test_an_aborted_upload_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """One who leaves in the middle of a body is forgotten without a word in the log."""
    async with serving(app_of()) as served:
        async with connected(served) as (_, writer):
            writer.write(f'{HEAD}Content-Length: 100\r\n\r\n{{"messages":'.encode())
            await writer.drain()
        assert (await served.ask()).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/chat", HEAD.encode(), HEAD.encode() + b"X: " + b"y" * 100_000]
)
async def test_half_open_connections_are_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """A request whose headers never end, or have no end, is closed; conduit serve speaks so."""
    monkeypatch.setattr(PatientProtocol, "patience", 0.05)
    async with serving(app_of(), http=PatientProtocol) as served:
        async with connected(served) as (reader, writer):
            writer.write(sent)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
        assert [(await served.ask()).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        (f"{HEAD}Content-Length: 10\r\n\r\n".encode(), b"{"),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"\r\n"),
    ],
    ids=["a body after its answer", "a line after a request"],
)
async def test_bytes_after_an_answer_hold_no_connection(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, more: bytes
) -> None:
    """What follows an answer and begins no request keeps a connection open no longer than headers."""
    monkeypatch.setattr(PatientProtocol, "patience", 0.05)
    app = app_of(settings=Settings(api_key="a-key-of-ours"))
    async with (
        serving(app, http=PatientProtocol, timeout_keep_alive=3600) as served,
        connected(served) as (reader, writer),
    ):
        writer.write(sent)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 ")
        writer.write(more)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 5)


MALFORMED = [
    (b"", "no JSON"),
    (b"{", "no JSON"),
    (b"[]", "body"),
    (b"null", "body"),
    (b'"hello"', "body"),
    (b"\xff\xfe{}", "no JSON"),
    (b'{"messages": [{"role": "user", "content": "\xff"}]}', "no JSON"),
    (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "no JSON"),
    (b'{"messages": [{"role": "user", "content": "hi"}], "temperature": NaN}', "no JSON"),
    (b'{"messages": [{"role": "user", "content": "hi"}], "temperature": 1e999}', ""),
    (b'{"messages": ' + b"[" * 900 + b"]" * 900 + b"}", "nested deeper than 64"),
    (b'{"messages": ' + b"[" * 100_000, "no JSON"),
]


@pytest.mark.parametrize(("body", "said"), MALFORMED)
async def test_malformed_bodies_are_refused_with_a_reason(body: bytes, said: str) -> None:
    """No JSON, no object, no UTF-8, no number, no end: 4xx that says so, on every route with a body."""
    async with local(app_of()) as http:
        answer = await http.post(CHAT, content=body)
        assert said in error_of(answer, 400)["message"]
        for path in ("/v1/route", "/v1/complete", "/v1/feedback"):
            other = await http.post(
                path, content=body, headers={"Content-Type": "application/json"}
            )
            assert 400 <= other.status_code < 500, other.text
            assert other.json()["error"]["message"]


WRONG = [
    ({"messages": "hi"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": [{"content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
    ({"model": 7}, "model"),
    ({"model": ""}, "model"),
    ({"model": "auto:luck"}, None),
    ({"temperature": "warm"}, "temperature"),
    ({"temperature": 3}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": 10**30}, "max_tokens"),
    ({"stream": "perhaps"}, "stream"),
    ({"tools": {}}, "tools"),
    ({"user": "a\u0000b"}, "user"),
    ({"user": "x" * 300}, "user"),
    ({"conduit": "cheap"}, "conduit"),
    ({"conduit": {"max_cost": -1}}, "max_cost"),
    ({"conduit": {"max_price": 1}}, "max_price"),
    ({"conduit": {"models": []}}, "models"),
    ({"conduit": {"optimize_for": "luck"}}, "optimize_for"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG)
async def test_wrong_fields_are_named(fields: dict[str, Any], param: str | None) -> None:
    """A field of the wrong type or out of range is a 400 that names it, as OpenAI does."""
    async with local(app_of()) as http:
        error = error_of(await http.post(CHAT, json=ASKED | fields), 400)
    if param is not None:
        assert (error["param"] or "").startswith(param)
    assert error["type"] == "invalid_request_error"


async def test_a_conversation_without_words_is_told_apart() -> None:
    """A picture alone is routed and answered; an empty text is refused."""
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    async with local(app_of()) as http:
        shown = await http.post(CHAT, json={"messages": [{"role": "user", "content": picture}]})
        empty = await http.post(CHAT, json={"messages": [{"role": "user", "content": " "}]})
    assert shown.status_code == 200
    assert "is empty" in error_of(empty, 400)["message"]


async def test_requests_beyond_the_rate_wait() -> None:
    """Each key has its own minute; beyond it a 429 says in Retry-After when to come back."""
    app = app_of(settings=Settings(requests_per_minute=2, api_key="first,second"))
    first, second = ({"X-API-Key": key} for key in ("first", "second"))
    async with local(app) as http:
        statuses = [(await http.get("/v1/stats", headers=first)).status_code for _ in range(2)]
        over = await http.get("/v1/stats", headers=first)
        assert statuses == [200, 200]
        assert error_of(over, 429)["code"] == "rate_limit_exceeded"
        assert 1 <= int(over.headers["retry-after"]) <= 30
        assert (await http.get("/v1/stats", headers=second)).status_code == 200
        assert (await http.get("/health")).status_code == 200


def test_a_bucket_fills_evenly() -> None:
    """Sixty a minute come back one a second, and never more than sixty at once."""
    now = [0.0]
    buckets = Buckets(60, clock=lambda: now[0])
    assert [buckets.take("anna") for _ in range(60)] == [0.0] * 60
    assert buckets.take("anna") == pytest.approx(1.0)
    now[0] = 0.5
    assert buckets.take("anna") == pytest.approx(0.5)
    now[0] = 1.0
    assert buckets.take("anna") == 0.0
    now[0] = 1e6
    assert [buckets.take("anna") for _ in range(61)][-1] > 0


def test_buckets_of_strangers_do_not_pile_up() -> None:
    """However many callers there were, a bounded number is remembered."""
    buckets = Buckets(1, clock=lambda: 0.0)
    for caller in range(MOST_CALLERS + 10):
        buckets.take(str(caller))
    assert buckets.take("0") == 0.0
    assert buckets.take(str(MOST_CALLERS)) > 0.0


def header_names(answer: httpx.Response) -> Iterable[str]:
    """Of an answer."""
    return {name.lower() for name in answer.headers}


async def test_every_answer_has_an_id_and_keeps_browsers_away() -> None:
    """A usable request id comes back, another is replaced; no other origin is let in."""
    async with local(app_of()) as http:
        given = await http.get("/v1/stats", headers={"X-Request-ID": "abc-1"})
        made = await http.get("/v1/stats", headers={"X-Request-ID": "not usable!"})
        refused = await http.get("/v1/nothing", headers={"Origin": "https://evil.example"})
        asked = await http.options(CHAT, headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"
        })  # fmt: skip
    assert given.headers["x-request-id"] == "abc-1"
    assert len(made.headers["x-request-id"]) == 32
    for answer in (given, made, refused, asked):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not any(name.startswith("access-control-") for name in header_names(answer))
    assert asked.status_code == 403
