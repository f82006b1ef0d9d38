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
    )


def durable_store_of(settings: Settings) -> DurableStore:
    """The database that the settings name, or the SQLite file.

    Raises:
        ConfigurationError: for an address that cannot be used, or half of one.
    """
    return durable_store(
        database_file(settings),
        database_url=settings.database_url,
        supabase_url=settings.supabase_url,
        supabase_key=settings.supabase_anon_key,
    )


def database_file(settings: Settings) -> Path:
    """The SQLite file, where the settings name no database.

    Offline it is a file of its own, unless one was named: what is learned of built-in models has
    no place beside what was learned of real ones.
    """
    if settings.offline and "database_path" not in settings.origins:
        return settings.data_dir / "offline.db"
    return settings.database_path


def actor_of(settings: Settings) -> str:
    """Who is on record: the setting, else the operating system's user."""
    if settings.actor is not None:
        return settings.actor
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
