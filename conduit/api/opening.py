"""The router that a server puts its requests to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from conduit.core.events import Subscriber
from conduit.engines.callable_models import callable_arms, without_keyless
from conduit.engines.configured import catalog_of
from conduit.engines.offline import OFFLINE_ARMS, offline_client
from conduit.engines.router import Router
from conduit.settings import Settings
from conduit.stores.choosing import DurableStore, durable_store

Opening: TypeAlias = Callable[[Settings, Iterable[Subscriber]], Router]
"""Makes a router of settings, whose events go to the subscribers."""


def open_router(settings: Settings, subscribers: Iterable[Subscriber]) -> Router:
    """A router over the models that can be called, or, offline, over the built-in ones.

    Offline, models that the settings name lend their names and prices, and are not called.

    Raises:
        ConfigurationError: when no model can be called for want of a key.
        ConduitError: for a setting that cannot be used.
    """
    if settings.offline:
        return Router(
            OFFLINE_ARMS if settings.models is None else settings.models,
            client=offline_client(),
            store=store_of(settings),
            settings=settings,
            subscribers=subscribers,
        )
    callable_arms(catalog_of(settings).arms, settings)
    arms = without_keyless(catalog_of(settings).arms, settings)
    return Router(
        [arm.id for arm in arms],
        store=store_of(settings),
        settings=settings,
        subscribers=subscribers,
    )


def store_of(settings: Settings) -> DurableStore:
    """The database that the settings name, or the SQLite file.

    Offline it is a file of its own, unless one was named: what is learned of built-in models has
    no place beside what was learned of real ones.

    Raises:
        ConfigurationError: for an address that cannot be used, or half of one.
    """
    path = settings.database_path
    if settings.offline and "database_path" not in settings.origins:
        path = settings.data_dir / "offline.db"
    return durable_store(
        path,
        database_url=settings.database_url,
        supabase_url=settings.supabase_url,
        supabase_key=settings.supabase_anon_key,
    )
