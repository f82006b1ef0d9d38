"""What settings say, as parts: the catalogue, the portfolio, the encoder, and who acts."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

from conduit.catalog.catalog import Catalog, load_catalog
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError
from conduit.core.ports import Clock, Encoder, Store
from conduit.engines.portfolio import Portfolio, portfolio_of, worthy
from conduit.engines.roles import Roles
from conduit.features.encoders.opening import open_encoder
from conduit.settings import Settings
from conduit.stores.choosing import DurableStore, durable_store
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore


def catalog_of(settings: Settings, models: Sequence[str] | None = None) -> Catalog:
    """The catalogue that the settings describe."""
    return load_catalog(
        folder=Path.cwd(),
        registry=settings.registry,
        pricing=settings.pricing,
        prices=settings.pricing_json,
        providers_with_keys=settings.api_keys.keys(),
        base_urls=settings.base_urls,
        models=models or settings.models,
        baseline=settings.baseline or Roles.of(settings.models_json).baseline,
    )


def portfolio_from(
    settings: Settings, given: Sequence[str | Arm] | None, *, baseline: str | None
) -> Portfolio:
    """The given arms, or the catalogue's models of the given names, or all of the catalogue's.

    Raises:
        InvalidInputError: for no models, or a mixture of names and arms.
        UnknownModelError: for a name that nothing answers to.
    """
    if given is not None and not given:
        raise InvalidInputError("models=[] leaves none", remedy="name a model, or leave it out")
    arms = [m for m in given or () if isinstance(m, Arm)]
    names = [m for m in given or () if isinstance(m, str)]
    if arms and names:
        raise InvalidInputError(
            "models mixes names and arms", remedy="give all names, or all Arm values"
        )
    if arms:
        return portfolio_of(arms, baseline=baseline)
    catalog = catalog_of(settings, names or None)
    reference = catalog.find(baseline) if baseline else catalog.baseline
    return worthy(Portfolio(arms=catalog.arms, baseline=reference))


def encoder_of(
    settings: Settings, name: str | None = None, *, allow_download: bool | None = None
) -> Encoder:
    """The encoder of that name, else the one that is set; None lets settings decide on downloads."""
    wanted = name or settings.encoder
    allowed = (
        wanted != "auto" and not settings.offline if allow_download is None else allow_download
    )
    return open_encoder(wanted, cache_dir=settings.cache_dir, allow_download=allowed)


def store_from(settings: Settings, *, clock: Clock) -> Store:
    """The database that the settings name; everything in memory where they name none.

    Raises:
        ConfigurationError: for an address that cannot be used, or half of one.
    """
    if not (settings.database_url or settings.supabase_url or settings.supabase_anon_key):
        return MemoryStore(clock=clock)
    return durable_store(
        settings.database_path,
        database_url=settings.database_url,
        supabase_url=settings.supabase_url,
        supabase_key=settings.supabase_anon_key,
        clock=clock,
        timeout=settings.database_timeout,
    )


def durable_store_of(settings: Settings) -> DurableStore:
    """The database that the settings name, or the SQLite file; offline one that is kept apart.

    Raises:
        ConfigurationError: for an address that cannot be used, or half of one.
    """
    if settings.offline:
        return SQLStore(_offline_place(settings), timeout=settings.database_timeout)
    return durable_store(
        settings.database_path,
        database_url=settings.database_url,
        supabase_url=settings.supabase_url,
        supabase_key=settings.supabase_anon_key,
        timeout=settings.database_timeout,
    )


def direct_place(settings: Settings) -> str | None:
    """Where that database can be reached at first hand; None where that is over REST alone."""
    if settings.offline:
        return _offline_place(settings)
    if settings.database_url is None and settings.supabase_url is not None:
        return None
    return settings.database_url or str(settings.database_path)


def _offline_place(settings: Settings) -> str:
    """Apart from every database of real models, which must not learn of scripted ones or pay them."""
    return settings.offline_database or str(settings.data_dir / "offline.db")


def actor_of(settings: Settings) -> str:
    """Who is on record: the setting, else the operating system's user."""
    if settings.actor is not None:
        return settings.actor
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
