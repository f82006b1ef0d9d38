"""What the routes and guards of one server share."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.types import Scope

from conduit.api.keys import Doors
from conduit.api.log_lines import lines_written
from conduit.api.metrics_registry import open_registry
from conduit.api.opening import Opening
from conduit.api.tally import Tally
from conduit.budgets.ledger import Ledger
from conduit.core.errors import ConduitError
from conduit.engines.money import Money
from conduit.engines.router import Router
from conduit.engines.telemetry import telemetry_from
from conduit.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


REHEARSAL = "What is the first thing that somebody asks of you?"
"""A decision on this is prepared before requests come, so that none of them waits for first times."""


class NotOpenError(ConduitError):
    """A request before the start, or after the end."""

    def __init__(self) -> None:
        super().__init__("this server is not open", remedy="serve it with its lifespan on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A server that is ready.

    Args:
        settings: as they were when it was started.
        router: open.
        money: what is kept of it in the router's store.
        doors: who may come in.
        tally: what has happened since.
        registry: totals for Prometheus; None without its client.
        started_at: seconds since the epoch.
    """

    settings: Settings
    router: Router
    money: Money
    doors: Doors
    tally: Tally
    registry: CollectorRegistry | None
    started_at: float

    @property
    def ledger(self) -> Ledger:
        """Where budgets are made and looked at.

        Raises:
            ConfigurationError: for a store that keeps none.
        """
        return self.money.ledger


class Gateway:
    """The server's inside, from start to stop.

    Args:
        settings: None reads them when the server is started.
        opening: makes the router.
    """

    def __init__(self, settings: Settings | None, opening: Opening) -> None:
        self._settings = settings
        self._opening = opening
        self._opened: Opened | None = None

    @property
    def started(self) -> bool:
        """Whether it is open."""
        return self._opened is not None

    @property
    def opened(self) -> Opened:
        """What is there between start and stop.

        Raises:
            NotOpenError: before and after that.
        """
        if self._opened is None:
            raise NotOpenError
        return self._opened

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Read the settings, open the router, and close it in the end.

        Raises:
            ConduitError: for settings or a database that cannot be used.
        """
        settings = self._settings or Settings.load()
        with lines_written(settings):
            async with self._serving(settings):
                yield

    @asynccontextmanager
    async def _serving(self, settings: Settings) -> AsyncIterator[None]:
        tally, registry = Tally(), open_registry()
        telemetry = telemetry_from(settings, registry=registry)
        try:
            async with self._opening(settings, (tally, *telemetry.subscribers)) as router:
                await router.preview(REHEARSAL)
                self._opened = Opened(
                    settings=settings,
                    router=router,
                    money=(await router.open()).money,
                    doors=Doors.of(settings),
                    tally=tally,
                    registry=registry,
                    started_at=time.time(),
                )
                try:
                    yield
                finally:
                    self._opened = None
        finally:
            await telemetry.aclose()


def opened(scope: Scope) -> Opened:
    """The server that a request came to.

    Raises:
        NotOpenError: before its start, and after its end.
    """
    return cast("Gateway", scope["app"].state.gateway).opened


def is_started(scope: Scope) -> bool:
    """Whether the server that a request came to is open."""
    return cast("Gateway", scope["app"].state.gateway).started
