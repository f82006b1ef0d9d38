"""How much a caller may send, and how long that may take."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conduit.api.gateway import opened
from conduit.api.guards.access import is_open
from conduit.api.paths import path_of
from conduit.api.refusals import Refusal
from conduit.settings import Settings

_DRAINED = 16
"""How many times the longest body is read and thrown away, so that its sender reads the answer."""


class BodyLimit:
    """Reads every body itself, so that no route waits for one: within a size and a time.

    What comes beyond the size is thrown away as it comes; it is never kept.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on with its whole body, or refuse it."""
        if scope["type"] != "http" or is_open(scope):
            await self._app(scope, receive, send)
            return
        settings = opened(scope).settings
        try:
            async with asyncio.timeout(settings.upload_timeout):
                body = await _read(receive, most=settings.max_body_bytes, declared=_length(scope))
        except TimeoutError:
            await _late(settings).response()(scope, receive, send)
        except _TooLongError:
            await _refuse_while_sending(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _with_body(body, receive), send)


class _TooLongError(Exception):
    """More bytes than are taken."""


async def _read(receive: Receive, *, most: int, declared: int) -> bytes | None:
    """A whole body; None when its sender went away before the end."""
    if declared > most:
        raise _TooLongError
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        if len(body) > most:
            raise _TooLongError
        return body
    parts = bytearray(message.get("body", b""))
    while message.get("more_body"):
        if len(parts) > most:
            raise _TooLongError
        message = await receive()
        parts += message.get("body", b"")
    if len(parts) > most:
        raise _TooLongError
    return None if message["type"] == "http.disconnect" else bytes(parts)


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _with_body(body: bytes, receive: Receive) -> Receive:
    """The request's messages as if its body had come in one piece."""
    first: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def replay() -> Message:
        nonlocal first
        message, first = first, None
        return message if message is not None else await receive()

    return replay


async def _refuse_while_sending(scope: Scope, receive: Receive, send: Send) -> None:
    """Say so at once, and let the sender come to an end: a connection that is reset loses the answer."""
    settings = opened(scope).settings
    refusal = Refusal(
        status=413,
        message=f"the body is longer than the {settings.max_body_bytes:,} bytes that are taken; "
        "shorten it, or raise CONDUIT_MAX_BODY_BYTES",
        code="body_too_large",
    )
    body = refusal.body_at(path_of(scope))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(settings.upload_timeout):
            await _drain(receive, most=_DRAINED * settings.max_body_bytes)
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive, *, most: int) -> None:
    message = await receive()
    while message.get("more_body") and most > 0:
        most -= len(message.get("body", b""))
        message = await receive()


def _late(settings: Settings) -> Refusal:
    return Refusal(
        status=408,
        message=f"the body was not there within {settings.upload_timeout:g} s; send it faster",
        code="upload_timeout",
        headers={"connection": "close"},
    )
