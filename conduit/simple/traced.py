"""A router of the plain functions: it tells of its calls itself, where traces are switched on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from conduit.core.arms import Arm
from conduit.core.events import Subscriber
from conduit.engines.router import Router
from conduit.engines.telemetry import telemetry_from, traces_wait
from conduit.settings import Settings
from conduit.telemetry.opening import Telemetry


class TracedRouter(Router):
    """A router that traces what its settings say, and delivers that when it is closed.

    Args:
        models: as a router takes them.
        settings: say whether, and where to.
        subscribers: are told of every event besides.
        options: a router's others.

    Raises:
        ConfigurationError: for tracing whose libraries are missing, or a receiver that cannot be.
    """

    def __init__(
        self,
        models: Sequence[str | Arm],
        *,
        settings: Settings,
        subscribers: Iterable[Subscriber] = (),
        **options: Any,
    ) -> None:
        self._telemetry = _traces(settings)
        self._wait = traces_wait(settings)
        told = () if self._telemetry is None else self._telemetry.subscribers
        super().__init__(models, settings=settings, subscribers=(*subscribers, *told), **options)

    async def aclose(self) -> None:
        """Close, then send what waits, for a few seconds at most; repeatable."""
        try:
            await super().aclose()
        finally:
            if self._telemetry is not None:
                await self._telemetry.aclose(timeout=self._wait)


def _traces(settings: Settings) -> Telemetry | None:
    """Nothing is kept track of where nobody wants to know."""
    if not (settings.otel_enabled or settings.mlflow_enabled):
        return None
    return telemetry_from(settings, logs=False)
