"""The HTTP session of one endpoint that speaks OpenAI's chat protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from conduit.providers.endpoints import Endpoint

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

LONGEST_SILENCE = 1200.0
"""Seconds without a byte after which a call with no deadline of its own is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSession:
    """An open session; everything that is the same for all its calls is made once.

    Args:
        endpoint: whose session it is.
        session: keeps the connections.
        url: where calls go.
        headers: of every call.
        proxy: that the environment names for this address, if any.
        secrets: to be struck out of what the server says.
    """

    endpoint: Endpoint
    session: ClientSession
    url: URL
    headers: Mapping[str, str]
    proxy: str | None
    secrets: tuple[str, ...]

    async def post(self, body: bytes) -> ClientResponse:
        """Send a call; returns when the headers of the answer are there."""
        return await self.session.post(
            self.url, data=body, headers=self.headers, proxy=self.proxy, allow_redirects=False
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self.session.close()


def open_session(endpoint: Endpoint, *, connect_timeout: float) -> ChatSession:
    """Build the session of an endpoint; it connects at the first call."""
    from aiohttp import (  # noqa: PLC0415 - an extra
        ClientSession,
        ClientTimeout,
        DummyCookieJar,
        TCPConnector,
    )
    from yarl import URL  # noqa: PLC0415 - comes with it

    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    session = ClientSession(
        connector=TCPConnector(limit=0),  # how many at once is decided before, per provider
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=LONGEST_SILENCE),
    )
    return ChatSession(
        endpoint=endpoint,
        session=session,
        url=URL(endpoint.chat_url),
        headers=headers,
        proxy=_proxy(endpoint.chat_url),
        secrets=(endpoint.api_key,),
    )


def _proxy(url: str) -> str | None:
    """What the environment says; asked once, for aiohttp would ask at every call."""
    where = urlsplit(url)
    proxies = getproxies()
    if proxy_bypass(where.hostname or ""):
        return None
    return proxies.get(where.scheme) or proxies.get("all")
