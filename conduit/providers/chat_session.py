"""The HTTP session of one endpoint that speaks OpenAI's chat protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from conduit.core.errors import ConfigurationError
from conduit.providers.endpoints import Endpoint

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

LONGEST_SILENCE = 1200.0
"""Seconds without a byte after which a call with no deadline of its own is given up."""


@dataclass(slots=True)
class Journey:
    """How far one call has come.

    Attributes:
        sent: whether there was a connection, and the request is on its way.
    """

    sent: bool = False


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
    proxy: URL | None
    secrets: tuple[str, ...]

    async def post(self, body: bytes, *, journey: Journey) -> ClientResponse:
        """Send a call; returns when the headers of the answer are there."""
        return await self.session.post(
            self.url,
            data=body,
            headers=self.headers,
            proxy=self.proxy,
            allow_redirects=False,
            trace_request_ctx=journey,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self.session.close()


def open_session(endpoint: Endpoint, *, connect_timeout: float) -> ChatSession:
    """Build the session of an endpoint; it connects at the first call.

    Raises:
        ConfigurationError: for an address that is none, or a proxy in the environment that cannot
            be used.
    """
    from aiohttp import (  # noqa: PLC0415 - an extra
        ClientSession,
        ClientTimeout,
        DummyCookieJar,
        TCPConnector,
        TraceConfig,
    )
    from yarl import URL  # noqa: PLC0415 - comes with it

    try:
        url = URL(endpoint.chat_url)
    except ValueError as error:
        raise ConfigurationError(
            f"the address of provider {endpoint.provider!r} is none ({error})",
            remedy="give one that begins with http:// or https://",
        ) from None
    proxy = _proxy(endpoint.chat_url)
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if endpoint.api_key and not url.user:  # what stands in the address wins, as everywhere
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    tracing = TraceConfig()
    tracing.on_request_headers_sent.append(_sent)
    session = ClientSession(
        connector=TCPConnector(limit=0),  # how many at once is decided before, per provider
        cookie_jar=DummyCookieJar(),
        trace_configs=[tracing],
        timeout=ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=LONGEST_SILENCE),
    )
    return ChatSession(
        endpoint=endpoint,
        session=session,
        url=url,
        headers=headers,
        proxy=proxy,
        secrets=(endpoint.api_key, *_passwords(url), *_passwords(proxy)),
    )


async def _sent(_: ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.sent = True


def _passwords(url: URL | None) -> tuple[str, ...]:
    """The password in an address, as it is and as it is written there."""
    return () if url is None else (url.password or "", url.raw_password or "")


def _proxy(url: str) -> URL | None:
    """What the environment says; asked once, for aiohttp would ask at every call."""
    where = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(where.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(where.netloc.rpartition("@")[2]):
        return None
    scheme = urlsplit(proxy).scheme
    if scheme not in ("http", "https"):  # aiohttp knows no other, and to go without would tell
        raise ConfigurationError(
            f"the environment names a proxy of kind {scheme!r} for {where.scheme} addresses",
            remedy="name an http proxy, or the address in NO_PROXY",
        )
    from yarl import URL  # noqa: PLC0415 - an extra's

    try:
        return URL(proxy)
    except ValueError:  # whose words have the password in them
        raise ConfigurationError(
            f"the proxy that the environment names for {where.scheme} addresses is no address",
            remedy="write it as http://host:port",
        ) from None
