"""What every answer carries: the request's id, and headers that keep browsers from mischief."""

from __future__ import annotations

import re
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conduit.api.paths import path_of
from conduit.core.requests import request_id

REQUEST_ID = b"x-request-id"
_USABLE = re.compile(rb"[A-Za-z0-9._:-]{1,128}\Z")
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_CLOSED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PAGES = ("/docs", "/redoc")
"""Pages that load their scripts; everything else is data, which loads nothing."""


class Envelope:
    """Gives every request an id, which is the caller's where that is usable."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and mark its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _request_id(scope)
        marks = [(REQUEST_ID, name), *_SECURITY]
        if not path_of(scope).startswith(_PAGES):
            marks.append(_CLOSED)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *marks]
            await send(message)

        token = request_id.set(name.decode())
        try:
            await self._app(scope, receive, marked)
        finally:
            request_id.reset(token)


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _USABLE.match(value):
            return bytes(value)
    return token_hex(16).encode()
