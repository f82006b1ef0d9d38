"""Totals: what is counted, under which labels, and on whose registry."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from conduit.core.clocks import ManualClock
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    FailureKind,
    ReservationTimeoutError,
)
from conduit.core.events import Completed, Event, Failed, Learned
from conduit.core.outcomes import Change, Head, Observation, Signal
from conduit.providers.scripted import ScriptedProvider
from conduit.telemetry.labels import MOST
from conduit.telemetry.metrics import render
from conduit.telemetry.opening import open_telemetry
from tests.engines.builders import router_of
from tests.telemetry.builders import a_response, decided, executed


def counted(*events: Event) -> CollectorRegistry:
    """A registry of its own that has counted these events."""
    registry = CollectorRegistry()
    telemetry = open_telemetry(clock=ManualClock(103.0), registry=registry)
    for event in events:
        for subscriber in telemetry.subscribers:
            subscriber(event)
    return registry


def total(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """One series; zero where there is none."""
    return registry.get_sample_value(name, labels) or 0.0


MINI = {"model": "mini", "provider": "openai"}
FLASH = {"model": "flash", "provider": "google"}


def test_a_query_is_counted_by_model_provider_and_outcome() -> None:
    """Requests, attempts, tokens, money and time are those of the events."""
    registry = counted(
        decided(),
        executed(1, failure=FailureKind.TIMEOUT),
        executed(2, arm="flash"),
        Completed(a_response(model="flash", provider="google")),
    )
    assert total(registry, "conduit_requests_total", **FLASH, outcome="answered") == 1
    assert total(registry, "conduit_attempts_total", **MINI, result="timeout") == 1
    assert total(registry, "conduit_attempts_total", **FLASH, result="answered") == 1
    assert total(registry, "conduit_tokens_total", **FLASH, direction="input") == 12
    assert total(registry, "conduit_tokens_total", **FLASH, direction="output") == 3
    assert total(registry, "conduit_cost_usd_total", **FLASH) == 0.001
    assert total(registry, "conduit_saved_usd", **FLASH) == 0.003
    assert total(registry, "conduit_request_seconds_sum", **FLASH) == 3.5
    assert total(registry, "conduit_attempt_seconds_sum", **FLASH) == 0.5
    assert total(registry, "conduit_overhead_seconds_sum") == 2.5
    assert total(registry, "conduit_decisions_total", model="mini", policy="thompson") == 1


def test_an_answer_that_cost_more_than_the_baseline_lowers_what_was_saved() -> None:
    """Savings may be negative, and their total may fall."""
    registry = counted(
        Completed(a_response("a")), Completed(a_response("b", cost=0.01, base_cost=0.004))
    )
    assert total(registry, "conduit_saved_usd", **MINI) == pytest.approx(0.003 - 0.006)


def test_failures_and_cancellations_are_counted_apart() -> None:
    """What failed names the model decided, and so does what its caller gave up."""
    registry = counted(
        decided("a"),
        Failed("a", AllModelsFailedError([])),
        decided("b"),
        executed(decision="b", finish_reason="cancelled"),
        Failed("b", None),
    )
    assert total(registry, "conduit_attempts_total", **MINI, result="cancelled") == 1
    assert total(registry, "conduit_requests_total", **MINI, outcome="failed") == 1
    assert total(registry, "conduit_requests_total", **MINI, outcome="cancelled") == 1


def test_refusals_for_want_of_money_say_why_and_for_what_kind_of_scope() -> None:
    """The two reasons are apart; names of users, teams and keys are no labels."""
    of = {"scope": "user:anna", "window": "daily", "limit": 1.0, "spent": 1.0, "requested": 0.1}
    registry = counted(
        decided("a"),
        Failed("a", BudgetExceededError("daily budget", resets_at=None, **of)),  # type: ignore[arg-type]
        decided("b"),
        Failed(
            "b",
            ReservationTimeoutError(  # type: ignore[arg-type]
                "daily budget", reserved=0.5, waited=2.0, resets_at=None, **of
            ),
        ),
    )
    for reason in ("budget_exceeded", "reservation_timeout"):
        labels = {"reason": reason, "scope": "user", "window": "daily"}
        assert total(registry, "conduit_budget_refusals_total", **labels) == 1
    assert b"anna" not in render(registry)[0]


def test_feedback_is_counted_once() -> None:
    """A rating that replaces another, and what is observed of calls, is no new feedback."""

    def change(signal: Signal, previous: float | None = None) -> Change:
        seen = Observation(
            decision_id="d", arm="mini", signal=signal, head=Head.QUALITY, value=1.0, observed_at=0
        )
        return Change(observation=seen, previous=previous)

    registry = counted(
        Learned((change(Signal.RATING), change(Signal.LATENCY), change(Signal.RETRY))),
        Learned((change(Signal.RATING, 0.5),)),
    )
    body = render(registry)[0].decode()
    assert total(registry, "conduit_feedback_total", model="mini", signal="rating") == 1
    assert total(registry, "conduit_feedback_total", model="mini", signal="retry") == 1
    assert 'signal="latency"' not in body


def test_labels_are_of_bounded_number() -> None:
    """Models that come and go without end share one label after the first hundred."""
    registry = counted(
        *(Completed(a_response(f"d{n}", model=f"m{n}", provider=f"p{n}")) for n in range(3 * MOST))
    )
    body = render(registry)[0].decode()
    series = [line for line in body.splitlines() if line.startswith("conduit_requests_total")]
    assert len(series) == MOST + 1
    other = {"model": "other", "provider": "other", "outcome": "answered"}
    assert total(registry, "conduit_requests_total", **other) == 2 * MOST


def test_two_registries_know_nothing_of_each_other() -> None:
    """There is no global state: what one counts the other does not."""
    first, second = counted(Completed(a_response())), counted()
    assert total(first, "conduit_requests_total", **MINI, outcome="answered") == 1
    assert total(second, "conduit_requests_total", **MINI, outcome="answered") == 0


async def test_a_router_is_counted_and_rendered() -> None:
    """What /metrics answers can be read by Prometheus, and agrees with the responses."""
    registry = CollectorRegistry()
    telemetry = open_telemetry(clock=ManualClock(0.0), registry=registry)
    client = ScriptedProvider("ok", latency=0.25)
    async with router_of(
        client=client, policy="cheapest", clock=ManualClock(0.0), subscribers=telemetry.subscribers
    ) as router:
        responses = [await router.complete(f"question {n}") for n in range(3)]
        await router.feedback(responses[0].decision_id, rating=5)
    body, content_type = render(registry)
    assert content_type.startswith("text/plain")
    samples = {
        (sample.name, sample.labels.get("model", "")): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    assert samples["conduit_requests_total", "cheap"] == 3
    assert samples["conduit_feedback_total", "cheap"] == 1
    spent = sum(response.cost for response in responses)
    assert samples["conduit_cost_usd_total", "cheap"] == pytest.approx(spent)
