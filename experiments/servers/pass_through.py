"""The least that a gateway in Python can be: an ASGI app that hands requests on and answers back.

``UPSTREAM=http://127.0.0.1:8001/v1 uvicorn experiments.servers.pass_through:app``
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

_HEADERS = {"content-type": "application/json"}


class PassThrough:
    """Hands the body of every request on to one server.

    Args:
        upstream: address up to ``/v1``.
    """

    def __init__(self, upstream: str) -> None:
        self._url = f"{upstream}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """One request, or the server's own start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        assert self._session is not None
        async with self._session.post(self._url, data=body, headers=_HEADERS) as answer:
            kind = answer.headers["content-type"].encode()
            start = {"type": "http.response.start", "headers": [(b"content-type", kind)]}
            await send({**start, "status": answer.status})
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _live(
        self,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
                await send({"type": "lifespan.startup.complete"})
            else:
                assert self._session is not None
                await self._session.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


app = PassThrough(os.environ.get("UPSTREAM", "http://127.0.0.1:8001/v1"))
