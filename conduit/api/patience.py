"""A connection that does not wait for ever: for a request, its headers, or what follows an answer."""

from __future__ import annotations

import asyncio
from typing import ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with bounds on what comes before a body.

    Attributes:
        patience: seconds from the connection, from the first byte of a later request, or from
            bytes that follow a complete answer and begin none, to the end of the next headers.
        most_bytes: that headers may have.
    """

    patience: ClassVar[float] = 20.0
    most_bytes: ClassVar[int] = 65_536

    _hurry: asyncio.TimerHandle | None = None
    _seen = 0
    _in_headers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless headers grow beyond all sense."""
        super().data_received(data)
        if self._in_headers:
            self._seen += len(data)
            if self._seen > self.most_bytes:
                self.transport.close()
        elif self._is_idle():
            self._wait()

    def on_message_begin(self) -> None:
        """Wait for the headers of one request more."""
        super().on_message_begin()
        if not self._in_headers:
            self._rest()
            self._expect_headers()

    def on_headers_complete(self) -> None:
        """Headers are there."""
        self._in_headers = False
        self._rest()
        super().on_headers_complete()

    def _is_idle(self) -> bool:
        """Whether nobody else would ever close: any byte ends uvicorn's own wait after an answer."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # there is none before a request
        answered = cycle is None or cycle.response_complete
        waited_for = self._hurry is not None or self.timeout_keep_alive_task is not None
        return answered and not waited_for and not self.transport.is_closing()

    def _expect_headers(self) -> None:
        self._seen, self._in_headers = 0, True
        self._wait()

    def _wait(self) -> None:
        self._hurry = self.loop.call_later(self.patience, self.transport.close)

    def _rest(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
