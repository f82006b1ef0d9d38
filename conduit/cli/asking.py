"""What ``route`` and ``run`` are asked, checked before anything is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from conduit.cli.choosing import choose, known_provider
from conduit.cli.stores import store_of
from conduit.core.models import OptimizeFor, Preferences, Query, QueryConstraints
from conduit.engines.configured import catalog_of
from conduit.engines.offline import offline_client
from conduit.engines.router import Router
from conduit.engines.telemetry import telemetry_from, traces_wait
from conduit.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of one call, as they were given; None where they were not."""

    text: str
    model: str | None
    provider: str | None
    prefer_provider: str | None
    max_cost: float | None
    max_latency: float | None
    min_quality: float | None
    max_tokens: int | None
    user_id: str | None
    optimize_for: OptimizeFor | None
    policy: str | None
    database: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open router, the query for it, and the models that the caller forces."""

    router: Router
    query: Query
    only: tuple[str, ...] | None


@asynccontextmanager
async def session(asked: Asked, settings: Settings, *, calling: bool) -> AsyncIterator[Session]:
    """Open a router for one call, and close it whatever happens.

    Args:
        asked: the options.
        settings: stand in for what was not given.
        calling: whether a model will be called, for which a key is needed unless it is offline.

    Raises:
        ConduitError: for an option or setting that cannot be used; nothing was stored then.
    """
    query = _query(asked, settings)
    keyed = calling and not settings.offline
    choice = choose(settings, model=asked.model, provider=asked.provider, calling=keyed)
    telemetry = telemetry_from(settings, logs=False)
    try:
        router = Router(
            choice.models,
            policy=asked.policy,
            store=store_of(settings, asked.database),
            client=offline_client() if settings.offline else None,
            settings=settings,
            subscribers=telemetry.subscribers,
        )
        try:
            yield Session(router=router, query=query, only=choice.only)
        finally:
            await router.aclose()
    finally:
        await telemetry.aclose(timeout=traces_wait(settings))


def _query(asked: Asked, settings: Settings) -> Query:
    preferred = asked.prefer_provider
    if preferred is not None:
        catalog = catalog_of(settings)
        preferred = known_provider(preferred, (*catalog.arms, *catalog.registry.arms))
    return Query(
        asked.text,
        user_id=asked.user_id,
        constraints=QueryConstraints(
            max_cost=asked.max_cost,
            max_latency=asked.max_latency,
            min_quality=asked.min_quality,
            preferred_provider=preferred,
        ),
        preferences=_preferences(asked.optimize_for),
        max_tokens=settings.max_tokens if asked.max_tokens is None else asked.max_tokens,
        temperature=settings.temperature,
    )


def _preferences(optimize_for: OptimizeFor | None) -> Preferences | None:
    return None if optimize_for is None else Preferences(optimize_for=optimize_for)
