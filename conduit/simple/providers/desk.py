"""Where a provider's prompts are dealt with, and the plan that it is set up by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from conduit.budgets.ledger import Ledger
from conduit.core.events import Decided, Event
from conduit.core.ports import Encoder
from conduit.engines.callable_models import check_keys
from conduit.engines.configured import durable_store_of, encoder_of
from conduit.engines.router import Router
from conduit.settings import Settings
from conduit.simple.configuration import Overrides
from conduit.simple.providers.account import Account
from conduit.simple.providers.default_router import state_of, trained_file
from conduit.simple.providers.family import Family, families
from conduit.simple.providers.router import family_router, route_of
from conduit.simple.providers.routes import Route


class Desk:
    """A provider's router that opens at first use, and says who decided what.

    Args:
        plan: what it is made by.
    """

    def __init__(self, plan: FamilyPlan) -> None:
        self.family = plan.family
        self._plan = plan
        self._turn = asyncio.Lock()
        self._router: Router | None = None
        self._watched: dict[str, asyncio.Future[Route]] = {}

    @property
    def router(self) -> Router:
        """The router, once this is open."""
        assert self._router is not None, "a desk is opened before it is used"
        return self._router

    async def open(self) -> None:
        """Load what it takes; repeatable."""
        async with self._turn:
            if self._router is None:
                self._router = await asyncio.to_thread(self._plan.router, self._hear)
        await self._router.open()

    async def ledger(self) -> Ledger:
        """Where budgets are kept that hold for this provider, too."""
        await self.open()
        return await self.router.ledger()

    async def aclose(self) -> None:
        """Let go of everything."""
        if self._router is not None:
            await self._router.aclose()

    @contextmanager
    def watching(self, query_id: str) -> Iterator[asyncio.Future[Route]]:
        """What is decided first for a query."""
        self._watched[query_id] = asyncio.get_running_loop().create_future()
        try:
            yield self._watched[query_id]
        finally:
            del self._watched[query_id]

    def _hear(self, event: Event) -> None:
        if isinstance(event, Decided) and event.query is not None:
            found = self._watched.get(event.query.id)
            if found is not None and not found.done():
                found.set_result(route_of(event.decision, self.family))


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPlan:
    """All that calling a provider takes; equal ones share a desk.

    Args:
        settings: with the key and the prices that hold.
        family: the models.
        trained: state of the user's router file, so that a new one is taken up.
    """

    settings: Settings
    family: Family
    trained: tuple[int, int] | None

    def make(self) -> Desk:
        """A desk that is not open yet."""
        return Desk(self)

    def router(self, heard: Callable[[Event], None]) -> Router:
        """The router of this plan, on the database that the settings name; loads the encoder."""
        return family_router(
            self.family,
            self.settings,
            encoder=_encoder(
                self.settings.encoder, self.settings.cache_dir, offline=self.settings.offline
            ),
            store=durable_store_of(self.settings),
            heard=heard,
        )


def family_plan(
    account: Account, overrides: Overrides, *, settings: Settings | None = None
) -> FamilyPlan:
    """What holds now for an account: the environment, then what the program has set.

    Args:
        account: whose models.
        overrides: set by the program.
        settings: None reads the environment and ``.env``.

    Raises:
        ConfigurationError: without a key, or for a setting that cannot be used.
    """
    settings = account.settings(settings or Settings.load())
    settings = replace(settings, pricing_json=overrides.prices_under(settings))
    family = families(settings)[account.provider]
    if not settings.offline:
        check_keys(family.arms, settings)
    return FamilyPlan(settings=settings, family=family, trained=state_of(trained_file(settings)))


@lru_cache(maxsize=2)
def _encoder(name: str, cache_dir: Path, *, offline: bool) -> Encoder:
    """One for the desks of all providers: a real one takes 90 MB, and serves any thread."""
    return encoder_of(Settings(encoder=name, cache_dir=cache_dir, offline=offline))
