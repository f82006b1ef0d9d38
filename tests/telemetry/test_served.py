"""What a real router's queries look like from outside, however they end."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from conduit.core.clocks import SystemClock
from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.outcomes import ModelReply
from conduit.core.ports import ModelClient
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.telemetry.opening import Telemetry, open_telemetry
from conduit.telemetry.otlp import receiver_of
from conduit.telemetry.tracing import Tracing
from tests.engines.builders import router_of
from tests.engines.streaming_client import StreamingScript
from tests.telemetry.receivers import Received, http_receiver, said

BUSY = ProviderError(FailureKind.RATE_LIMIT, model="cheap", status=429, retry_after=0.0)
CUT = ModelReply(text="one", input_tokens=4, output_tokens=1, finish_reason="length")


def observed(
    received: Received, client: ModelClient, **settings: int
) -> tuple[Router, Telemetry, CollectorRegistry]:
    """A router whose queries are traced and counted."""
    registry = CollectorRegistry()
    tracing = Tracing(receiver=receiver_of(endpoint=received.url))
    telemetry = open_telemetry(clock=SystemClock(), tracing=tracing, registry=registry)
    router = router_of(
        client=client,
        policy="cheapest",
        settings=Settings(**{"num_retries": 0, "app_retries": 0} | settings),  # type: ignore[arg-type]
        subscribers=telemetry.subscribers,
    )
    return router, telemetry, registry


def attempts_of(received: Received) -> list[tuple[str, str, int | None]]:
    """Model, kind and HTTP status of every attempt, in the order of their start."""
    spans = [span for span in received.spans if span.name.startswith("attempt")]
    told = [said(it) for it in sorted(spans, key=lambda it: it.start_time_unix_nano)]
    return [
        (it["conduit.model"], it["conduit.attempt.kind"], it.get("http.response.status_code"))
        for it in told
    ]


async def test_retries_fallbacks_and_statuses_are_told() -> None:
    """A model that is asked again is a retry, the next one a fallback, each with its status."""
    client = ScriptedProvider("ok", failures={"cheap": [BUSY, BUSY]})
    with http_receiver() as received:
        router, telemetry, _ = observed(received, client, num_retries=1)
        async with router:
            await router.complete("hello")
        await telemetry.aclose()
    assert attempts_of(received) == [
        ("cheap", "first", 429),
        ("cheap", "retry", 429),
        ("dear", "fallback", None),
    ]


async def test_a_continuation_is_told() -> None:
    """What goes on with a cut answer is an attempt of its own, and the usage is the whole's."""
    rest = ModelReply(text=" two", input_tokens=5, output_tokens=1)
    client = StreamingScript({"cheap": [["one", CUT], [" two", rest]]})
    with http_receiver() as received:
        router, telemetry, _ = observed(received, client)
        async with router:
            response = await router.complete("hello", continue_cut=True)
        await telemetry.aclose()
    assert [kind for _, kind, _ in attempts_of(received)] == ["first", "continuation"]
    query = said(received.named("chat cheap"))
    assert query["gen_ai.usage.output_tokens"] == response.output_tokens
    assert query["conduit.cost"] == response.cost


async def test_a_stream_that_its_caller_leaves_is_cancelled() -> None:
    """Neither an answer nor an error: the outcome, the span and the attempt say so, with its cost."""
    client = StreamingScript({"cheap": [["one ", asyncio.Event(), CUT]]})
    with http_receiver() as received:
        router, telemetry, registry = observed(received, client)
        async with router, await router.stream("hello") as stream:
            assert (await anext(stream)).text == "one "
        await telemetry.aclose()
    query = said(received.named("chat cheap"))
    assert (query["conduit.outcome"], query["error.type"]) == ("cancelled", "cancelled")
    labels = {"model": "cheap", "provider": "local"}
    ended = {"outcome": "cancelled"}
    assert registry.get_sample_value("conduit_requests_total", labels | ended) == 1
    assert registry.get_sample_value("conduit_cost_usd_total", labels) == query["conduit.cost"]
    made = {"result": "cancelled"}
    assert registry.get_sample_value("conduit_attempts_total", labels | made) == 1


async def test_a_query_that_nobody_answers_is_told_once() -> None:
    """All attempts are below one span, whose error is the router's."""
    client = ScriptedProvider(failures={"cheap": [BUSY], "dear": [BUSY]})
    with http_receiver() as received:
        router, telemetry, _ = observed(received, client)
        async with router:
            with pytest.raises(AllModelsFailedError):
                await router.complete("hello")
        await telemetry.aclose()
    query = received.named("chat cheap")
    assert said(query)["error.type"] == "AllModelsFailedError"
    assert len(attempts_of(received)) == 2
    assert {it.parent_span_id for it in received.spans} == {b"", query.span_id}
