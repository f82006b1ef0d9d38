"""Spans by the GenAI semantic conventions: one per query, and one below it per attempt.

A span is written when its query has ended, with the times of the events; nothing is left open in
between. The query's span is the logical call with all its retries, so it alone carries what backends
add up (``gen_ai.usage.*``); attempts have their tokens under names of Conduit's own.

Source: opentelemetry.io/docs/specs/semconv/gen-ai; names that it has replaced are written as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conduit.core.arms import Arm
from conduit.core.decisions import Decision
from conduit.core.errors import ConduitError
from conduit.core.outcomes import Response
from conduit.telemetry.journey import Attempt, Journey, Outcome

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

_PROVIDERS = {
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Names that the conventions have for providers, where they are not ours."""

Attributes = Mapping[str, Any]


class SpanWriter:
    """Writes the spans of a journey.

    Args:
        tracer: of a provider of our own; it decides which are sampled.
        answer: writes down what was answered; None tells nothing of it.
    """

    def __init__(self, tracer: Tracer, *, answer: Callable[[Response], str] | None = None) -> None:
        self._tracer = tracer
        self._answer = answer

    def __call__(self, journey: Journey) -> None:
        """Write the spans of a query that has ended."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - an extra

        span = self._tracer.start_span(
            f"chat {journey.model}" if journey.model else "chat",
            kind=SpanKind.CLIENT,
            start_time=nanoseconds(journey.started_at),
        )
        if span.is_recording():
            span.set_attributes(told(query_attributes(journey)))
            if journey.response is None:
                _mark_failed(span, journey.outcome)
            elif self._answer is not None:
                span.set_attribute("gen_ai.output.messages", self._answer(journey.response))
            for attempt in journey.attempts:
                self._write(attempt, context=set_span_in_context(span))
        span.end(nanoseconds(journey.ended_at))

    def _write(self, attempt: Attempt, *, context: Context) -> None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra

        span = self._tracer.start_span(
            f"attempt {attempt.execution.arm}",
            context=context,
            kind=SpanKind.CLIENT,
            start_time=nanoseconds(attempt.execution.started_at),
        )
        span.set_attributes(told(attempt_attributes(attempt)))
        if attempt.execution.failure is not None:
            _mark_failed(span, attempt.execution.failure)
        span.end(nanoseconds(attempt.ended_at))


def query_attributes(journey: Journey) -> Attributes:
    """What is said of a query as a whole; None where it is unknown."""
    decided = journey.decision.selected_model if journey.decision else journey.model
    return {
        "gen_ai.operation.name": "chat",
        **_provider(journey.provider),
        "gen_ai.request.model": decided,
        "gen_ai.input.messages": journey.prompt,
        "error.type": None if journey.response else error_type(journey.error),
        "conduit.decision_id": journey.decision_id,
        "conduit.request_id": journey.request,
        "conduit.outcome": journey.outcome.value,
        "conduit.cost": journey.cost,
        "conduit.attempts": len(journey.attempts),
        "conduit.overhead": journey.overhead,
        **_of_decision(journey.decision),
        **_of_response(journey.response),
    }


def attempt_attributes(attempt: Attempt) -> Attributes:
    """What is said of one call; None where it is unknown."""
    execution, arm = attempt.execution, attempt.arm
    failure = execution.failure
    return {
        **_provider(arm.provider if arm else None),
        "gen_ai.request.model": arm.api_name if arm else execution.arm,
        "server.address": _host(arm),
        "error.type": failure.value if failure else None,
        "http.response.status_code": attempt.status,
        "conduit.model": execution.arm,
        "conduit.attempt": execution.attempt,
        "conduit.attempt.kind": attempt.kind.value,
        "conduit.cost": execution.cost,
        "conduit.latency": execution.latency,
        "conduit.input_tokens": execution.input_tokens,
        "conduit.output_tokens": execution.output_tokens,
        "conduit.finish_reason": execution.finish_reason,
    }


def error_type(error: ConduitError | None) -> str:
    """The class of an error; what it says may quote a prompt, so it is not told."""
    return Outcome.CANCELLED.value if error is None else type(error).__name__


def _of_decision(decision: Decision | None) -> Attributes:
    if decision is None:
        return {}
    expected = decision.estimates.get(decision.selected_model)
    return {
        "conduit.query_id": decision.query_id,
        "conduit.policy": decision.policy,
        "conduit.propensity": decision.propensity,
        "conduit.confidence": decision.confidence,
        "conduit.forced": decision.forced,
        "conduit.expected_cost": expected.cost if expected else None,
        "conduit.constraints_relaxed": decision.constraints_relaxed or None,
    }


def _of_response(response: Response | None) -> Attributes:
    if response is None:
        return {}
    return {
        "gen_ai.response.model": response.model,
        "gen_ai.response.finish_reasons": (response.finish_reason,),
        **({} if response.cached else _usage(response)),
        "conduit.saved": response.saved,
        "conduit.baseline": response.base_model,
        "conduit.baseline_cost": response.base_cost,
        "conduit.latency": response.latency,
        "conduit.cached": response.cached,
    }


def _usage(response: Response) -> Attributes:
    return {
        "gen_ai.usage.input_tokens": response.input_tokens,
        "gen_ai.usage.output_tokens": response.output_tokens,
        "gen_ai.usage.prompt_tokens": response.input_tokens,
        "gen_ai.usage.completion_tokens": response.output_tokens,
    }


def _provider(name: str | None) -> Attributes:
    known = None if name is None else _PROVIDERS.get(name, name)
    return {"gen_ai.provider.name": known, "gen_ai.system": known}


def _host(arm: Arm | None) -> str | None:
    """The server's name alone: an address may hold a password."""
    return urlsplit(arm.base_url).hostname if arm and arm.base_url else None


def told(attributes: Attributes) -> dict[str, Any]:
    """What is known of some attributes."""
    return {name: value for name, value in attributes.items() if value is not None}


def _mark_failed(span: Span, reason: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    span.set_status(Status(StatusCode.ERROR, str(reason)))


def nanoseconds(seconds: float) -> int:
    """Seconds as OpenTelemetry has them."""
    return round(seconds * 1e9)
