"""Totals for Prometheus, on a registry that is passed in; any number of them may live side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from conduit.core.arms import Arm
from conduit.core.errors import BudgetExceededError, ConduitError, ReservationTimeoutError
from conduit.core.events import Decided, Event, Executed, Learned
from conduit.core.outcomes import Execution, Response, Signal
from conduit.telemetry.journey import Journey, result_of
from conduit.telemetry.labels import OTHER, Labels

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_OVERHEAD = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_FEEDBACK = (Signal.RATING, Signal.RETRY)
_MODEL = ("model", "provider")


class Metrics:
    """A subscriber that counts, and a sink for queries that have ended.

    Args:
        registry: where the totals live.

    Raises:
        ValueError: for a registry that has them already.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - an extra

        self._labels = Labels()
        self._arms: tuple[Arm, ...] = ()
        self._providers: dict[str, str] = {}
        counter = partial(Counter, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self._decisions = counter("conduit_decisions", "Decisions made.", ("model", "policy"))
        self._requests = counter("conduit_requests", "Queries ended.", (*_MODEL, "outcome"))
        self._attempts = counter("conduit_attempts", "Model calls.", (*_MODEL, "result"))
        self._tokens = counter("conduit_tokens", "Tokens as billed.", (*_MODEL, "direction"))
        self._cost = counter("conduit_cost_usd", "Paid, failed calls included.", _MODEL)
        self._saved = Gauge(
            "conduit_saved_usd", "Saved against the baseline; may fall.", _MODEL, registry=registry
        )
        self._feedback = counter(
            "conduit_feedback", "Ratings, and repeated questions.", ("model", "signal")
        )
        self._refusals = counter(
            "conduit_budget_refusals",
            "Queries that no budget allowed.",
            ("reason", "scope", "window"),
        )
        self._request_seconds = histogram(
            "conduit_request_seconds", "From arrival to end.", _MODEL, buckets=_SECONDS
        )
        self._attempt_seconds = histogram(
            "conduit_attempt_seconds", "Time of a model call.", _MODEL, buckets=_SECONDS
        )
        self._overhead = histogram(
            "conduit_overhead_seconds", "Of a query, what was not a model's.", buckets=_OVERHEAD
        )

    def __call__(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, Decided):
            self._decided(event)
        elif isinstance(event, Executed):
            self._executed(event.execution)
        elif isinstance(event, Learned):
            for change in event.changes:
                seen = change.observation
                if seen.signal in _FEEDBACK and change.previous is None:
                    model = self._labels.model(seen.arm)
                    self._feedback.labels(model, seen.signal.value).inc()

    def ended(self, journey: Journey) -> None:
        """Count a query that has ended."""
        model = self._pair(journey.model or OTHER, journey.provider)
        self._requests.labels(*model, journey.outcome.value).inc()
        self._request_seconds.labels(*model).observe(journey.ended_at - journey.started_at)
        self._overhead.observe(journey.overhead)
        if journey.response is not None:
            self._answered(journey.response, model)
        if journey.error is not None:
            self.refused(journey.error)

    def refused(self, error: ConduitError) -> None:
        """Count a refusal for want of money; other errors are none."""
        if isinstance(error, BudgetExceededError | ReservationTimeoutError):
            timed_out = isinstance(error, ReservationTimeoutError)
            reason = "reservation_timeout" if timed_out else "budget_exceeded"
            kind = error.scope.partition(":")[0]
            self._refusals.labels(reason, kind, error.window).inc()

    def _answered(self, response: Response, model: tuple[str, str]) -> None:
        self._saved.labels(*model).inc(response.saved)

    def _decided(self, event: Decided) -> None:
        if event.arms is not self._arms:
            self._arms = event.arms
            self._providers = {arm.id: arm.provider for arm in event.arms}
        model = self._labels.model(event.decision.selected_model)
        self._decisions.labels(model, self._labels.policy(event.decision.policy)).inc()

    def _executed(self, execution: Execution) -> None:
        model = self._pair(execution.arm, None)
        self._attempts.labels(*model, result_of(execution)).inc()
        self._cost.labels(*model).inc(execution.cost)
        if execution.latency is not None:
            self._attempt_seconds.labels(*model).observe(execution.latency)
        self._tokens.labels(*model, "input").inc(execution.input_tokens or 0)
        self._tokens.labels(*model, "output").inc(execution.output_tokens or 0)

    def _pair(self, model: str, provider: str | None) -> tuple[str, str]:
        known = self._labels.model(model)
        served_by = provider or self._providers.get(model, OTHER)
        return known, self._labels.provider(served_by) if known != OTHER else OTHER


def render(registry: CollectorRegistry) -> tuple[bytes, str]:
    """What ``/metrics`` answers: the body, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415 - an extra

    return generate_latest(registry), CONTENT_TYPE_LATEST
