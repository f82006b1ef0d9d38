"""What a server tells of its requests: totals, lines and traces that belong together."""

from __future__ import annotations

import logging

import pytest

from conduit.settings import Settings

from ..telemetry.receivers import http_receiver, said
from .serving import app_of, serving


async def test_a_request_is_counted_logged_and_traced_under_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The id of a request is in its answer, its line and its span; /metrics has counted it."""
    with http_receiver() as received, caplog.at_level(logging.INFO, "conduit.requests"):
        settings = Settings(otel_enabled=True, otel_endpoint=received.url)
        async with serving(app_of(settings=settings)) as served:
            answer = await served.http.post(
                "/v1/chat/completions",
                json={"model": "cheap", "messages": [{"role": "user", "content": "canary"}]},
                headers={"x-request-id": "r-42"},
            )
            totals = await served.http.get("/metrics")
    assert answer.headers["x-request-id"] == "r-42"
    counted = 'conduit_requests_total{model="cheap",outcome="answered",provider="local"} 1.0'
    assert counted in totals.text
    query = said(received.named("chat cheap"))
    assert query["conduit.request_id"] == "r-42"
    assert query["conduit.decision_id"] == answer.headers["x-conduit-decision-id"]
    (line,) = [it for it in caplog.records if it.getMessage() == "request"]
    assert line.fields["decision_id"] == query["conduit.decision_id"]  # type: ignore[attr-defined]
    assert b"canary" not in received.raw
    assert "canary" not in totals.text
