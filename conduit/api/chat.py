"""``POST /v1/chat/completions``: the hot path, without any machinery that is not needed on it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from conduit.api.asked import Asked, asked_in_chat
from conduit.api.chat_answer import Chunks, Header, completion, framed, headers_of, response_headers
from conduit.api.gateway import opened
from conduit.api.keys import Headers
from conduit.api.presence import CallerGoneError, read_body, while_present
from conduit.api.refusals import RefusedError, refusal_of, unread
from conduit.core.errors import ConduitError
from conduit.engines.answer_stream import AnswerStream
from conduit.engines.router import Router

PATH = "/v1/chat/completions"
READ_WITHIN = 60.0
"""Seconds within which a caller must make room for another piece."""
_JSON: Header = (b"content-type", b"application/json")
_FORMS = frozenset({b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"})
_EVENTS: Header = (b"content-type", b"text/event-stream; charset=utf-8")


class ChatCompletions:
    """An ASGI app that answers conversations."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one; nothing is sent to a caller who went away."""
        started = time.perf_counter()
        with contextlib.suppress(CallerGoneError):
            server = opened(scope)
            _check_type(scope["headers"])
            asked = asked_in_chat(
                await read_body(receive),
                scope["headers"],
                key=scope.get("conduit_key"),
                settings=server.settings,
            )
            if asked.stream:
                work = _stream(asked, server.router, send, started=started)
            else:
                work = _complete(asked, server.router, send, started=started)
            await while_present(receive, work)


def _check_type(headers: Headers) -> None:
    """Any page may send a form, or plain text, without asking first; JSON it may not.

    Raises:
        RefusedError: for a body that is declared as one of them.
    """
    for name, value in headers:
        if name == b"content-type" and value.partition(b";")[0].strip().lower() in _FORMS:
            raise RefusedError(unread(value.decode("latin-1")))


async def _complete(asked: Asked, router: Router, send: Send, *, started: float) -> None:
    response = await asked.complete(router)
    body = completion(response)
    headers = response_headers(response, started=started)
    headers += [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(asked: Asked, router: Router, send: Send, *, started: float) -> None:
    answer = await asked.begin(router)
    async with aclosing(answer):
        await _pump(asked, answer, send, started=started)


async def _pump(asked: Asked, answer: AnswerStream, send: Send, *, started: float) -> None:
    headers = [*_beginning(answer), _EVENTS, (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    chunks = Chunks(answer.decision, model=answer.arm.id, usage=asked.usage)
    try:
        async for delta in answer:
            await _say(send, chunks.piece(delta))
    except ConduitError as error:
        await _say(send, framed(refusal_of(error).body))
    else:
        assert answer.response is not None
        await _say(send, chunks.end(answer.response, started=started))
    await _say(send, b"", more=False)


async def _say(send: Send, piece: bytes, *, more: bool = True) -> None:
    """Send a piece; one who does not read holds no model for ever."""
    try:
        async with asyncio.timeout(READ_WITHIN):
            await send({"type": "http.response.body", "body": piece, "more_body": more})
    except TimeoutError:
        raise CallerGoneError from None


def _beginning(answer: AnswerStream) -> list[Header]:
    """What is known at the first piece."""
    decision = answer.decision
    return headers_of(
        (
            ("decision-id", decision.id),
            ("model", answer.arm.id),
            ("provider", answer.arm.provider),
            ("propensity", decision.propensity),
            ("attempts", answer.attempts),
            ("cache", "miss" if answer.attempts else "hit"),
        )
    )
