"""The router that a server puts its requests to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from conduit.core.events import Subscriber
from conduit.engines.callable_models import callable_arms, without_keyless
from conduit.engines.configured import catalog_of, durable_store_of
from conduit.engines.offline import OFFLINE_ARMS, offline_client
from conduit.engines.router import Router
from conduit.settings import Settings

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
            store=durable_store_of(settings),
            settings=settings,
            subscribers=subscribers,
        )
    callable_arms(catalog_of(settings).arms, settings, without="--offline, or CONDUIT_OFFLINE=1")
    arms = without_keyless(catalog_of(settings).arms, settings)
    return Router(
        [arm.id for arm in arms],
        store=durable_store_of(settings),
        settings=settings,
        subscribers=subscribers,
    )
