"""The life of a router: opened at first use, closed once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from conduit.budgets.ledger import Ledger
from conduit.core.arms import Arm
from conduit.core.caching import FeatureCacheStatistics
from conduit.core.errors import ConduitError
from conduit.core.events import Event, Subscriber
from conduit.engines.engine import Engine, open_engine
from conduit.engines.goals import Goal
from conduit.engines.portfolio import Portfolio
from conduit.engines.turn import Turn
from conduit.engines.wiring import Parts


class Lifetime:
    """Owns an engine.

    Args:
        parts: what it is made of.
        subscribers: are told of every event.
    """

    def __init__(self, parts: Parts, *, subscribers: Iterable[Subscriber]) -> None:
        self._parts = parts
        self._subscribers = tuple(subscribers)
        self._opening = Turn()
        self._engine: Engine | None = None
        self._closed = False

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The models to choose among, as they are now."""
        return self._portfolio.arms

    @property
    def baseline(self) -> Arm:
        """The model that savings are measured against."""
        return self._portfolio.baseline

    @property
    def goal(self) -> Goal:
        """What spending follows; an empty one where the weights of quality and cost decide."""
        return self._parts.goal

    @property
    def cache_statistics(self) -> FeatureCacheStatistics:
        """How often the features of a prompt were known already, since the router was made."""
        return self._parts.caches.features.statistics

    @property
    def _portfolio(self) -> Portfolio:
        return self._parts.portfolio if self._engine is None else self._engine.swapping.portfolio

    async def open(self) -> Engine:
        """Load encoder and learned state; done by the first call that needs them."""
        async with self._opening:
            if self._closed:
                raise ConduitError("this router is closed", remedy="make a new one")
            if self._engine is None:
                self._engine = await open_engine(self._parts, announce=self._announce)
            self._engine.replica.start()
        return self._engine

    async def ledger(self) -> Ledger:
        """Where hard budgets are made and looked at, and what calls did cost is told.

        Raises:
            ConfigurationError: for a store that keeps no budgets.
        """
        return (await self.open()).money.ledger

    async def aclose(self) -> None:
        """Fold what was learned into the store, and release connections; repeatable."""
        self._closed = True
        async with self._opening:
            engine, self._engine = self._engine, None
            try:
                if engine is not None:
                    self._parts = replace(self._parts, portfolio=engine.swapping.portfolio)
                    await engine.aclose()
            finally:
                await self._parts.caches.close()
                await self._parts.client.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _announce(self, event: Event) -> None:
        for subscriber in self._subscribers:
            subscriber(event)
