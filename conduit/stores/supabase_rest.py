"""Calls of a Supabase project's functions, and rows as they travel there and back.

A call is a transaction: there is no other over REST. Everything is a function, also what only
reads, because a project cuts the rows of a table off at a number of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import Column, Double, LargeBinary

from conduit.core.addresses import shown_address
from conduit.core.errors import ConfigurationError, StoreError
from conduit.core.loops import PerLoop
from conduit.stores.sql_codec import Row
from conduit.stores.supabase_errors import translated

if TYPE_CHECKING:
    from supabase import AsyncClient

CONNECT_SECONDS = 5.0
"""A silent project is given up after so long."""
ANSWER_SECONDS = 30.0
"""And an answer that does not come."""

_KEY = re.compile(r"[\x21-\x7e]+\Z")


class Rest:
    """A connection to a project.

    Args:
        url: of the project, such as ``https://name.supabase.co``.
        key: of a role that may use the tables.

    Raises:
        ConfigurationError: for an address or a key that cannot be one.
    """

    def __init__(self, url: str, key: str) -> None:
        self.place = _place(url)
        self._url = url
        self._key = key.strip()
        if not _KEY.match(self._key):
            raise ConfigurationError(
                f"the key of {self.place} is no key",
                remedy="copy the service role's key from the project's settings",
            )
        self._clients: PerLoop[AsyncClient] | None = None

    async def connect(self) -> None:
        """Make a client, and another one in every other event loop; nothing is sent yet.

        Raises:
            ConfigurationError: when the extra is not installed.
        """
        import httpx  # noqa: PLC0415 - slow to import, needed here alone

        try:
            from supabase import AsyncClient, AsyncClientOptions  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise ConfigurationError(
                "Supabase over REST needs a client that is not installed",
                remedy="run: pip install 'conduit-router[supabase]'",
            ) from None
        # Certificates take long to read, and a loopback's plain http:// has none.
        secure = self._url.startswith("https")
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)

        def client() -> AsyncClient:
            http = httpx.AsyncClient(timeout=timeout, verify=secure)
            options = AsyncClientOptions(
                httpx_client=http, auto_refresh_token=False, persist_session=False
            )
            return AsyncClient(self._url, self._key, options)

        self._clients = PerLoop(client, close=_let_go)
        self._clients.here()

    async def close(self) -> None:
        """Let go of connections."""
        clients, self._clients = self._clients, None
        if clients is not None:
            await _let_go(clients.here())

    async def call(self, function: str, **parameters: Any) -> Any:
        """Call a function of the migrations; what it answers, as JSON.

        Raises:
            ConduitError: when it cannot be called; nothing has changed, except where the answer
                alone was lost.
        """
        if self._clients is None:
            raise StoreError(f"the store at {self.place} is not open", remedy="await open() first")
        client = self._clients.here()
        if (http := client.options.httpx_client) is not None and http.is_closed:
            raise StoreError(
                f"the connections to {self.place} are closed, as the event loop ends",
                remedy="try again in another one",
            )
        with translated(self.place, secret=self._key):
            answer = await client.rpc(function, parameters).execute()
        return answer.data


async def _let_go(client: AsyncClient) -> None:
    if (http := client.options.httpx_client) is not None:
        await http.aclose()


def _place(url: str) -> str:
    """The address as it may be shown: no user, no password, no query.

    Raises:
        ConfigurationError: for one that is no address.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return shown_address(url).rstrip("/")
    except ValueError:
        pass
    raise ConfigurationError(
        "the address of the Supabase project cannot be read",
        remedy="write https://name.supabase.co into SUPABASE_URL",
    )


class _RestRow:
    """A row that reads like one of SQLAlchemy's."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping

    def __getattr__(self, name: str) -> Any:
        return self._mapping[name]


def row_of(columns: Iterable[Column[Any]], values: Mapping[str, Any]) -> Any:
    """A row of these columns, exact, as the codecs of the SQL store read it."""
    return _RestRow({column.name: _inbound(column, values[column.name]) for column in columns})


def outbound(row: Row) -> Row:
    """A row as JSON carries it exactly: bytes in hexadecimal, infinity by its name."""
    return {name: _outbound(value) for name, value in row.items()}


def _inbound(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, LargeBinary):
        return bytes.fromhex(value.removeprefix("\\x"))
    return float(value) if isinstance(column.type, Double) else value


def _outbound(value: Any) -> Any:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
