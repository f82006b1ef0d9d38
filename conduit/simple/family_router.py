"""A router among one provider's models, and what it decides."""

from __future__ import annotations

from collections.abc import Callable

from conduit.core.decisions import Decision
from conduit.core.events import Event
from conduit.core.ports import Store
from conduit.engines.configured import encoder_of
from conduit.engines.offline import offline_client
from conduit.engines.router import Router
from conduit.settings import Settings
from conduit.simple.default_router import labelled_for
from conduit.simple.family import Family
from conduit.simple.routes import Route

POLICY = "knn"
TRADE_OFF = "quality"
"""Where nobody chose: the router is to take the model that does best on similar prompts."""


def family_router(
    family: Family, settings: Settings, *, store: Store, heard: Callable[[Event], None]
) -> Router:
    """A router among a provider's models; slow, for it loads the encoder.

    Args:
        family: the models.
        settings: with the key and the prices that hold.
        store: where decisions live.
        heard: is told of every event.

    Raises:
        StoreError: for a router file that cannot be used.
    """
    encoder = encoder_of(settings)
    return Router(
        family.arms,
        policy=POLICY,
        neighbours=labelled_for(family, encoder, settings),
        optimize_for=None if "optimize_for" in settings.origins else TRADE_OFF,
        baseline=family.premium.id,
        encoder=encoder,
        client=offline_client() if settings.offline else None,
        store=store,
        settings=settings,
        subscribers=[heard],
    )


def route_of(decision: Decision, family: Family) -> Route:
    """What was decided, as its caller sees it."""
    chosen = family.find(decision.selected_model)
    expected = decision.estimates[chosen.id]
    return Route(
        provider=family.name,
        model=chosen.id,
        tier=chosen.tier,
        cost=expected.cost,
        quality=expected.mean,
        reason=decision.reasoning,
    )
