"""Tracing to OpenTelemetry: a tracer of our own, whose spans are delivered in batches."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conduit.core.errors import ConfigurationError
from conduit.telemetry.delivery import Delivery
from conduit.telemetry.otlp import Receiver, open_exporter

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.trace import Tracer

_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """How traces are made.

    Args:
        receiver: who takes them.
        rate: share of queries that are traced, 0..1; one inside a trace follows that.
        service: name of this service.
        version: of this service.
        environment: name of the deployment.
        prompts: whether prompts and answers are told.
    """

    receiver: Receiver
    rate: float = 1.0
    service: str = "conduit"
    version: str | None = None
    environment: str | None = None
    prompts: bool = False


def open_tracer(tracing: Tracing) -> tuple[Tracer, Delivery[ReadableSpan]]:
    """A tracer that is known to nobody else, and what delivers its spans.

    Raises:
        ConfigurationError: where the libraries are missing.
    """
    check_installed()
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider, sampling  # noqa: PLC0415 - an extra

    about = {
        "service.name": tracing.service,
        "service.version": tracing.version or "",
        "deployment.environment.name": tracing.environment or "",
    }
    provider = TracerProvider(
        sampler=sampling.ParentBased(sampling.TraceIdRatioBased(tracing.rate)),
        resource=Resource.create({name: said for name, said in about.items() if said}),
        shutdown_on_exit=False,
    )
    delivery = Delivery(open_exporter(tracing.receiver), receiver=tracing.receiver.shown)
    provider.add_span_processor(_handing_on(delivery))
    return provider.get_tracer("conduit", tracing.version), delivery


def check_installed() -> None:
    """Say what is missing, before anything is made.

    Raises:
        ConfigurationError: where the libraries are missing.
    """
    try:
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    except ModuleNotFoundError:
        missing = ["opentelemetry"]
    if missing:
        raise ConfigurationError(
            f"tracing needs {missing[0]}, which is not installed",
            remedy="run: pip install 'conduit-router[observability]'",
        )


def _handing_on(delivery: Delivery[ReadableSpan]) -> SpanProcessor:
    from opentelemetry.sdk.trace import SpanProcessor  # noqa: PLC0415 - an extra

    class HandingOn(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            if span.context is not None and span.context.trace_flags.sampled:
                delivery.add(span)

    return HandingOn()
