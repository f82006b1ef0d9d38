"""Delivery of traces in batches, by a thread of its own, which nobody ever waits for unasked.

The SDK's batch processor does the same, but waits up to half a minute at shutdown, and logs every batch
that a receiver did not take. Here both waits are bounded, and an outage is one line in the log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExportResult

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_log = logging.getLogger(__name__)

QUEUED = 4096
"""Spans that wait for delivery; the oldest are dropped first."""
BATCH = 512
"""Spans of one message to the receiver."""
PAUSE = 1.0
"""Seconds between messages, while spans are few."""


class Exporter(Protocol[T_contra]):
    """Sends what has ended: spans, or whole queries."""

    def export(self, items: Sequence[T_contra], /) -> SpanExportResult:
        """Send some, in order."""
        ...

    def shutdown(self) -> None:
        """Stop; interrupts a pause between two tries."""
        ...


class Delivery(Generic[T]):
    """Hands spans to an exporter.

    Args:
        exporter: sends them; used by one thread.
        receiver: where to, as people may see it.
        queued: spans that wait at most.
        pause: seconds between messages.

    Attributes:
        lost: spans that were never delivered.
    """

    def __init__(
        self,
        exporter: Exporter[T],
        *,
        receiver: str,
        queued: int = QUEUED,
        pause: float = PAUSE,
    ) -> None:
        self._exporter = exporter
        self._receiver = receiver
        self._pause = pause
        self._waiting: deque[T] = deque(maxlen=queued)
        self._wake = threading.Event()
        self._idle = threading.Condition()
        self._sending = self._closing = self._abandoned = self._failing = False
        self._reason = ""
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name="conduit-spans", daemon=True)
        self._thread.start()

    def add(self, span: T) -> None:
        """Queue a span that has ended."""
        if self._closing:
            return
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
        self._waiting.append(span)
        if len(self._waiting) >= BATCH and not self._wake.is_set():
            self._wake.set()

    def flush(self, *, timeout: float = 5.0) -> bool:
        """Send what waits.

        Args:
            timeout: seconds to wait for it at most.

        Returns:
            Whether nothing waits any more; what the receiver refused does not.
        """
        self._wake.set()
        with self._idle:
            return self._idle.wait_for(self._all_sent, timeout)

    def close(self, *, timeout: float = 5.0) -> None:
        """Send what waits, and stop; what cannot be sent in time is given up.

        Args:
            timeout: seconds to wait at most.
        """
        if self._closing:
            return
        until = time.monotonic() + timeout
        self._closing = True
        self._wake.set()
        self._thread.join(timeout * 0.8)
        self._abandoned = True
        self._exporter.shutdown()  # interrupts a pause between two tries
        self._thread.join(max(until - time.monotonic(), 0.0))
        if self._waiting or self._sending:
            self._note(False, len(self._waiting))

    def _all_sent(self) -> bool:
        return not self._waiting and not self._sending

    def _work(self) -> None:
        quiet = _Quiet(self._exporter)
        quiet.begin()
        try:
            while not self._closing:
                self._wake.wait(self._pause)
                self._wake.clear()
                self._send_all()
            self._send_all()
        finally:
            quiet.end()

    def _send_all(self) -> None:
        while self._waiting and not self._abandoned:
            self._sending = True
            count = min(len(self._waiting), BATCH)
            self._note(self._sent([self._waiting.popleft() for _ in range(count)]), count)
            self._sending = False
        with self._idle:
            self._idle.notify_all()

    def _sent(self, batch: list[T]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - an extra

        try:
            return self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception as error:  # the thread lives on: drivers raise what they like
            self._reason = error.__class__.__name__
            return False

    def _note(self, delivered: bool, count: int) -> None:
        if not delivered:
            self.lost += count
        if delivered is not self._failing:
            return
        self._failing = not delivered
        if delivered:
            _log.info("traces reach %s again; %d spans were lost", self._receiver, self.lost)
        else:
            why = f" ({self._reason})" if self._reason else ""
            _log.warning(
                "traces do not reach %s%s; spans are dropped until they do", self._receiver, why
            )


class _Quiet(logging.Filter):
    """Keeps an exporter's own complaints out of the log, where its thread here makes them."""

    def __init__(self, exporter: object) -> None:
        super().__init__()
        modules = {kind.__module__ for kind in type(exporter).__mro__}
        shared = {"opentelemetry.exporter.otlp.common.http", "urllib3.connectionpool"}
        self._loggers = [logging.getLogger(name) for name in sorted(modules | shared)]

    def begin(self) -> None:
        self._thread = threading.get_ident()
        for logger in self._loggers:
            logger.addFilter(self)

    def end(self) -> None:
        for logger in self._loggers:
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread
