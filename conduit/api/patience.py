"""A connection that does not wait for ever for a request to begin, nor for its headers to end."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with bounds on what comes before a body.

    Attributes:
        patience: seconds from the connection, or from the first byte of a later request, to the
            end of its headers.
        most_bytes: that headers may have.
    """

    patience: ClassVar[float] = 20.0
    most_bytes: ClassVar[int] = 65_536

    _hurry: asyncio.TimerHandle | None = None
    _seen = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless headers grow beyond all sense."""
        super().data_received(data)
        if self._hurry is not None:
            self._seen += len(data)
            if self._seen > self.most_bytes:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the headers of one request more."""
        super().on_message_begin()
        if self._hurry is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Headers are there."""
        self._rest()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._seen = 0
        self._hurry = self.loop.call_later(self.patience, self.transport.close)

    def _rest(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
