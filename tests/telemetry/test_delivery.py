"""The thread that delivers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from conduit.telemetry.delivery import Delivery


class IllError(Exception):
    """What no receiver is known to raise."""


class Receiver:
    """Is ill at first, and takes everything afterwards."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self._is_ill = True

    def export(self, items: Sequence[str]) -> SpanExportResult:
        if self._is_ill:
            self._is_ill = False
            raise IllError("no such driver")
        self.taken += items
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is open."""


def test_nothing_that_an_exporter_raises_ends_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """What it had is lost, which the log says with the reason's name; the next is delivered."""
    receiver = Receiver()
    delivery = Delivery(receiver, receiver="there", pause=60.0)
    delivery.add("first")
    assert delivery.flush()
    delivery.add("second")
    assert delivery.flush()
    delivery.close()
    assert (receiver.taken, delivery.lost) == (["second"], 1)
    line, *_ = caplog.messages
    assert "there" in line
    assert "Ill" in line
