"""Traces, as real receivers on loopback get them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from conduit.core.chat import Chat
from conduit.core.clocks import ManualClock, SystemClock
from conduit.core.errors import AllModelsFailedError, FailureKind
from conduit.core.events import Completed, Event, Failed
from conduit.core.models import Query
from conduit.providers.scripted import ScriptedProvider
from conduit.telemetry.delivery import BATCH, QUEUED
from conduit.telemetry.opening import Telemetry, open_telemetry
from conduit.telemetry.otlp import Protocol, receiver_of
from conduit.telemetry.tracing import Tracing
from tests.engines.builders import router_of
from tests.telemetry.builders import a_response, decided, executed
from tests.telemetry.receivers import (
    Received,
    grpc_receiver,
    http_receiver,
    nobody,
    said,
    somebody_silent,
)


@pytest.fixture(params=["http/protobuf", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Both ways in which OTLP travels."""
    return str(request.param)


def receiving(protocol: str) -> AbstractContextManager[Received]:
    return grpc_receiver() if protocol == "grpc" else http_receiver()


def telemetry_to(url: str, *, protocol: str | None = None, **options: object) -> Telemetry:
    receiver = receiver_of(endpoint=url, protocol=protocol)
    tracing = Tracing(receiver=receiver, service="tests", **options)  # type: ignore[arg-type]
    return open_telemetry(clock=ManualClock(103.0), tracing=tracing, secrets=["canary-secret"])


def announce(telemetry: Telemetry, *events: Event) -> None:
    for event in events:
        for subscriber in telemetry.subscribers:
            subscriber(event)


def test_a_query_is_one_span_with_one_below_it_per_attempt(protocol: str) -> None:
    """A real receiver gets names, times, tokens, money and errors as the conventions have them."""
    with receiving(protocol) as received:
        telemetry = telemetry_to(received.url, protocol=protocol, environment="test")
        announce(
            telemetry,
            decided(),
            executed(1, failure=FailureKind.RATE_LIMIT, status=429),
            executed(2, arm="flash"),
            Completed(a_response(model="flash", provider="google")),
        )
        assert telemetry.flush()
        telemetry.close()
    assert received.resource["service.name"] == "tests"
    assert received.resource["deployment.environment.name"] == "test"
    query = received.named("chat flash")
    first, second = received.named("attempt mini"), received.named("attempt flash")
    assert first.parent_span_id == second.parent_span_id == query.span_id
    assert query.parent_span_id == b""
    assert (query.start_time_unix_nano, query.end_time_unix_nano) == (99_500_000_000, 103 * 10**9)
    assert (second.start_time_unix_nano, second.end_time_unix_nano) == (
        102 * 10**9,
        102_500_000_000,
    )
    told = said(query)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.system": "gcp.gemini",
        "gen_ai.request.model": "mini",
        "gen_ai.response.model": "flash",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.prompt_tokens": 12,
        "gen_ai.usage.completion_tokens": 3,
        "conduit.decision_id": "d1",
        "conduit.cost": 0.001,
        "conduit.saved": 0.003,
        "conduit.propensity": 0.75,
        "conduit.policy": "thompson",
        "conduit.attempts": 2,
        "conduit.outcome": "answered",
    }
    assert {name: told[name] for name in expected} == expected
    assert "error.type" not in told
    failed = said(first)
    assert first.status.code == Status.STATUS_CODE_ERROR
    assert (failed["error.type"], failed["http.response.status_code"]) == ("rate_limit", 429)
    assert (failed["conduit.attempt.kind"], failed["gen_ai.request.model"]) == (
        "first", "gpt-4o-mini",
    )  # fmt: skip
    answered = said(second)
    assert answered["conduit.attempt.kind"] == "fallback"
    assert (answered["conduit.cost"], answered["conduit.latency"]) == (0.001, 0.5)
    assert answered["server.address"] == "llm.example"
    assert not any(name.startswith("gen_ai.usage") for name in answered)


def test_a_query_without_an_answer_is_an_error_span() -> None:
    """The class of the error is told, and nothing that it quotes."""
    with http_receiver() as received:
        telemetry = telemetry_to(received.url)
        announce(telemetry, decided(), Failed("d1", AllModelsFailedError([])))
        telemetry.close()
    span = received.named("chat mini")
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert said(span)["error.type"] == "AllModelsFailedError"
    assert span.end_time_unix_nano == 103 * 10**9


def test_an_answer_that_is_repeated_uses_no_tokens() -> None:
    """Nobody is billed for them a second time, so backends must not add them up."""
    with http_receiver() as received:
        telemetry = telemetry_to(received.url)
        announce(telemetry, Completed(a_response(cached=True, cost=0.0, latency=None)))
        telemetry.close()
    told = said(received.named("chat mini"))
    assert (told["conduit.outcome"], told["conduit.cost"]) == ("cached", 0.0)
    assert not any(name.startswith("gen_ai.usage") for name in told)


async def test_a_router_is_traced(protocol: str) -> None:
    """Spans of a real router's query nest in time and carry its decision's id."""
    with receiving(protocol) as received:
        receiver = receiver_of(endpoint=received.url, protocol=protocol)
        telemetry = open_telemetry(clock=SystemClock(), tracing=Tracing(receiver=receiver))
        client = ScriptedProvider("ok", failures={"cheap": [FailureKind.SERVER]})
        async with router_of(
            client=client, policy="cheapest", subscribers=telemetry.subscribers
        ) as router:
            response = await router.complete("hello")
        await telemetry.aclose()
    query, failed = received.named("chat dear"), received.named("attempt cheap")
    assert said(query)["conduit.decision_id"] == response.decision_id
    assert said(query)["gen_ai.provider.name"] == "other"
    assert query.start_time_unix_nano <= failed.start_time_unix_nano
    assert failed.end_time_unix_nano <= query.end_time_unix_nano


@pytest.mark.parametrize(
    ("given", "address", "protocol"),
    [
        ({"endpoint": "http://h:4317"}, "http://h:4317/", Protocol.GRPC),
        ({"endpoint": "http://h:4318"}, "http://h:4318/v1/traces", Protocol.HTTP),
        ({"endpoint": "https://h/otlp/"}, "https://h/otlp/v1/traces", Protocol.HTTP),
        ({"endpoint": "http://h:4318/v1/traces"}, "http://h:4318/v1/traces", Protocol.HTTP),
        ({"endpoint": "http://h:9", "protocol": "grpc"}, "http://h:9/", Protocol.GRPC),
        (
            {"endpoint": "http://h:4317", "protocol": "http/protobuf"},
            "http://h:4317/v1/traces",
            Protocol.HTTP,
        ),
        ({"traces_endpoint": "http://h/own"}, "http://h/own", Protocol.HTTP),
        ({"endpoint": "http://a", "traces_endpoint": "http://b"}, "http://b/", Protocol.HTTP),
        ({}, "http://localhost:4318/v1/traces", Protocol.HTTP),
        ({"protocol": "grpc"}, "http://localhost:4317/", Protocol.GRPC),
    ],
)
def test_the_receiver_follows_the_specification(
    given: dict[str, str], address: str, protocol: Protocol
) -> None:
    """Port and protocol choose how it is spoken to; only a base address gets a path."""
    receiver = receiver_of(**given)
    assert (receiver.address, receiver.protocol) == (address, protocol)


def test_http_is_posted_to_the_path_for_traces() -> None:
    """A base address without a path gets the specification's."""
    with http_receiver() as received:
        telemetry = telemetry_to(received.url)
        announce(telemetry, decided(), Completed(a_response()))
        telemetry.close()
    assert received.paths == ["/v1/traces"]


def test_the_rate_says_which_share_of_queries_is_traced() -> None:
    """None at 0; at one half, of 400 queries half within five standard errors, each one whole."""
    with http_receiver() as received:
        for rate in (0.0, 0.5):
            telemetry = telemetry_to(received.url, rate=rate)
            for number in range(400):
                name = f"d{number}"
                announce(telemetry, decided(name), executed(decision=name))
                announce(telemetry, Completed(a_response(name)))
            telemetry.close()
            if rate == 0:
                assert received.spans == []
    queries = [span for span in received.spans if span.name == "chat mini"]
    assert abs(len(queries) - 200) < 5 * 10
    assert len(received.spans) == 2 * len(queries)


def test_prompts_are_told_only_where_that_is_switched_on() -> None:
    """Off, neither prompt nor answer leaves the process; on, both do, without known secrets."""
    query = Query(
        "canary-prompt",
        chat=Chat(messages=({"role": "user", "content": "canary-prompt canary-secret"},)),
    )
    event = decided()
    asked = type(event)(event.decision, query, event.arms, event.received_at)
    with http_receiver() as received:
        silent = telemetry_to(received.url)
        announce(silent, asked, executed(), Completed(a_response(text="canary-answer")))
        silent.close()
        assert received.spans
        assert b"canary" not in received.raw
        telling = telemetry_to(received.url, prompts=True)
        announce(telling, asked, executed(), Completed(a_response(text="canary-answer")))
        telling.close()
    assert b"canary-secret" not in received.raw
    told = said(received.spans[-1])
    assert json.loads(told["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "canary-prompt ********"}]}
    ]
    (answer,) = json.loads(told["gen_ai.output.messages"])
    assert answer["parts"] == [{"type": "text", "content": "canary-answer"}]
    assert answer["finish_reason"] == "stop"


@pytest.mark.parametrize("away", [nobody, somebody_silent])
def test_a_receiver_that_is_away_is_one_line_in_the_log(
    away: Callable[[], AbstractContextManager[str]],
    protocol: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Spans beyond the queue are dropped, closing is bounded, and all that is said is one warning."""
    with caplog.at_level(logging.INFO), away() as url:
        telemetry = telemetry_to(url, protocol=protocol)
        (delivery,) = telemetry.deliveries
        for number in range(QUEUED + 2 * BATCH):
            announce(telemetry, Completed(a_response(f"d{number}")))
        assert not telemetry.flush(timeout=0.1)
        began = time.monotonic()
        telemetry.close(timeout=0.5)
        assert time.monotonic() - began < 3
    told = caplog.records
    assert [(it.name, it.levelname) for it in told] == [("conduit.telemetry.delivery", "WARNING")]
    assert delivery.lost >= QUEUED


def test_a_receiver_that_comes_back_gets_traces_again(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is one warning; what is said after it is delivered."""
    with http_receiver(status=400) as refusing:
        telemetry = telemetry_to(refusing.url)
        for name in ("d1", "d2", "d3"):
            announce(telemetry, Completed(a_response(name)))
            assert telemetry.flush()
        telemetry.close()
    warned = [it for it in caplog.records if it.levelno >= logging.WARNING]
    assert [it.name for it in warned] == ["conduit.telemetry.delivery"]
    assert len(refusing.messages) == 3


def test_no_global_provider_is_set() -> None:
    """Whoever uses OpenTelemetry beside Conduit keeps a tracer provider of his own."""
    from opentelemetry import trace

    before = trace.get_tracer_provider()
    telemetry = telemetry_to("http://127.0.0.1:9")
    assert trace.get_tracer_provider() is before
    telemetry.close()
    telemetry.close()


def test_a_query_inside_a_trace_of_the_callers_belongs_to_it() -> None:
    """The caller's span is the parent, and whether it is kept decides, whatever the rate."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    kept, dropped = TracerProvider(), TracerProvider(sampler=ALWAYS_OFF)
    with http_receiver() as received:
        telemetry = telemetry_to(received.url, rate=0.0)
        with kept.get_tracer("caller").start_as_current_span("outside") as outside:
            announce(telemetry, decided("d1"), Completed(a_response("d1")))
        with dropped.get_tracer("caller").start_as_current_span("outside"):
            announce(telemetry, decided("d2"), Completed(a_response("d2")))
        telemetry.close()
    (span,) = received.spans
    context = outside.get_span_context()
    assert span.trace_id == context.trace_id.to_bytes(16, "big")
    assert span.parent_span_id == context.span_id.to_bytes(8, "big")
