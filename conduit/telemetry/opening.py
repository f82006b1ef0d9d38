"""Telemetry opened: what subscribes to a router's events, and how it is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conduit.core.events import Subscriber
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.core.ports import Clock
from conduit.telemetry.content import answered, asked
from conduit.telemetry.delivery import Delivery
from conduit.telemetry.journeys import Journeys, Sink
from conduit.telemetry.logs import EventLog
from conduit.telemetry.metrics import Metrics
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
        delivery: sends spans; None without tracing.
    """

    subscribers: tuple[Subscriber, ...]
    metrics: Metrics | None = None
    delivery: Delivery | None = None

    def flush(self, *, timeout: float = 5.0) -> bool:
        """Send what waits; whether nothing waits any more after ``timeout`` seconds at most."""
        return self.delivery is None or self.delivery.flush(timeout=timeout)

    def close(self, *, timeout: float = 5.0) -> None:
        """Send what waits and stop, within ``timeout`` seconds; repeatable."""
        if self.delivery is not None:
            self.delivery.close(timeout=timeout)

    async def aclose(self, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - a thread waits
        """Close, while the event loop goes on."""
        await asyncio.to_thread(self.close, timeout=timeout)


def open_telemetry(
    *,
    clock: Clock,
    tracing: Tracing | None = None,
    registry: CollectorRegistry | None = None,
    logger: logging.Logger | None = None,
    calls: int = logging.DEBUG,
    secrets: Iterable[str] = (),
) -> Telemetry:
    """What is told of every event, without any global state.

    Args:
        clock: the router's own.
        tracing: how traces are made; None makes none.
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
    mask, delivery = Mask(secrets), None

    def prompt(query: Query) -> str:
        return mask(asked(query))

    def answer(response: Response) -> str:
        return mask(answered(response))

    told = tracing is not None and tracing.prompts
    if tracing is not None:
        tracer, delivery = open_tracer(tracing)
        sinks.append(SpanWriter(tracer, answer=answer if told else None))
    journeys = Journeys(sinks, clock=clock, prompt=prompt if told else None)
    return Telemetry(subscribers=(*subscribers, journeys), metrics=metrics, delivery=delivery)
