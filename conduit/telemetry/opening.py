"""Telemetry opened: what subscribes to a router's events, and how it is closed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conduit.core.events import Subscriber
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.core.ports import Clock
from conduit.telemetry.content import answered, asked
from conduit.telemetry.delivery import Delivery
from conduit.telemetry.journeys import Journeys, Sink
from conduit.telemetry.logs import EventLog
from conduit.telemetry.metrics import Metrics
from conduit.telemetry.mlflow_traces import Mlflow, open_mlflow
from conduit.telemetry.secrets import Mask
from conduit.telemetry.spans import SpanWriter
from conduit.telemetry.tracing import Tracing, open_tracer

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What is told of every event.

    Args:
        subscribers: for ``Router(subscribers=…)``.
        metrics: counts; None without a registry.
        deliveries: send traces; none without tracing.
    """

    subscribers: tuple[Subscriber, ...]
    metrics: Metrics | None = None
    deliveries: tuple[Delivery[Any], ...] = ()

    def flush(self, *, timeout: float = 5.0) -> bool:
        """Send what waits; whether nothing waits any more after ``timeout`` seconds at most."""
        until = time.monotonic() + timeout
        flushed = [it.flush(timeout=_left(until)) for it in self.deliveries]
        return all(flushed)

    def close(self, *, timeout: float = 5.0) -> None:
        """Send what waits and stop, within ``timeout`` seconds; repeatable."""
        until = time.monotonic() + timeout
        for it in self.deliveries:
            it.close(timeout=_left(until))

    async def aclose(self, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - a thread waits
        """Close, while the event loop goes on."""
        await asyncio.to_thread(self.close, timeout=timeout)


def open_telemetry(
    *,
    clock: Clock,
    tracing: Tracing | None = None,
    mlflow: Mlflow | None = None,
    registry: CollectorRegistry | None = None,
    logger: logging.Logger | None = None,
    calls: int = logging.DEBUG,
    secrets: Iterable[str] = (),
) -> Telemetry:
    """What is told of every event, without any global state.

    Args:
        clock: the router's own.
        tracing: how traces are made; None makes none.
        mlflow: where MLflow keeps traces of its own; None makes none.
        registry: where totals live; None counts nothing.
        logger: takes log lines; None writes none.
        calls: level at which calls that went well, and decisions, are logged.
        secrets: values that no trace shows, even where prompts are told.

    Raises:
        ConfigurationError: for tracing whose libraries are missing.
    """
    sinks: list[Sink] = []
    subscribers: list[Subscriber] = []
    if logger is not None:
        log = EventLog(logger, calls=calls)
        sinks.append(log.ended)
        subscribers.append(log)
    metrics = None if registry is None else Metrics(registry)
    if metrics is not None:
        sinks.append(metrics.ended)
        subscribers.append(metrics)
    mask, deliveries = Mask(secrets), list[Delivery[Any]]()

    def prompt(query: Query) -> str:
        return mask(asked(query))

    def answer(response: Response) -> str:
        return mask(answered(response))

    shown = tracing is not None and tracing.prompts
    if tracing is not None:
        tracer, delivery = open_tracer(tracing)
        deliveries.append(delivery)
        sinks.append(SpanWriter(tracer, answer=answer if shown else None))
    subscribers.append(Journeys(sinks, clock=clock, prompt=prompt if shown else None))
    if mlflow is not None:
        subscriber, traces = open_mlflow(mlflow, clock=clock, mask=mask)
        subscribers.append(subscriber)
        deliveries.append(traces)
    return Telemetry(subscribers=tuple(subscribers), metrics=metrics, deliveries=tuple(deliveries))


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)
