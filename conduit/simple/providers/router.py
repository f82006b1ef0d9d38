"""A router among one provider's models, and what it decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conduit.bandits.policies import policy_named
from conduit.bandits.utility import Weights
from conduit.core.decisions import Decision
from conduit.core.events import Event
from conduit.core.ports import Encoder, Store
from conduit.engines.offline import offline_client
from conduit.engines.router import Router
from conduit.settings import Settings
from conduit.simple.providers.default_router import labelled_for
from conduit.simple.providers.family import Family
from conduit.simple.providers.routes import Route
from conduit.simple.traced import TracedRouter

BY_EXAMPLE = replace(
    policy_named("knn", models=()), weights=Weights(quality=1.0, cost=0.002, latency=0.0)
)
"""The model that does best on similar prompts; the cheapest where several do equally well.

Under a preset's weights, long answers of the premium model are soon found too dear and too slow for
the very prompts that need them.
"""


def family_router(
    family: Family,
    settings: Settings,
    *,
    encoder: Encoder,
    store: Store,
    heard: Callable[[Event], None],
) -> Router:
    """A router among a provider's models; slow where the default router has to be encoded first.

    Args:
        family: the models.
        settings: with the key and the prices that hold.
        encoder: embeds prompts.
        store: where decisions live.
        heard: is told of every event.

    Raises:
        StoreError: for a router file that cannot be used.
    """
    return TracedRouter(
        family.arms,
        policy=BY_EXAMPLE,
        neighbours=labelled_for(family, encoder, settings),
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
    assert chosen.price is not None, "every model of a family has a price"
    expected = decision.estimates[chosen.id]
    return Route(
        provider=family.name,
        model=chosen.id,
        tier=chosen.tier,
        cost=expected.cost,
        quality=expected.mean,
        reason=decision.reasoning,
        price=chosen.price,
        input_tokens=decision.features.token_count,
    )
