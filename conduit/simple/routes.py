"""Where a prompt would go, and how one of several ways is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conduit.core.arms import Tier
from conduit.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The model that one provider's router chooses for a prompt, before it is called.

    Args:
        provider: its name.
        model: id of the chosen model.
        tier: of that model.
        cost: expected USD: the list price of the prompt's tokens and of those of an expected answer.
        quality: expected, 0..1.
        reason: one readable sentence.
    """

    provider: str
    model: str
    tier: Tier
    cost: float
    quality: float
    reason: str = ""


def _from_middle(route: Route) -> int:
    return abs(route.tier.rank - Tier.BALANCED.rank)


STRATEGIES: Mapping[str, Callable[[Route], tuple[float, ...]]] = MappingProxyType(
    {
        "cheapest": lambda route: (route.cost,),
        "smartest": lambda route: (-route.tier.rank, -route.quality, route.cost),
        "balanced": lambda route: (_from_middle(route), route.cost),
    }
)
"""Per strategy what the smallest of is best, compared in order; the first given wins a tie."""


def check_strategy(strategy: str) -> None:
    """Refuse an unknown one.

    Raises:
        InvalidInputError: listing those there are.
    """
    if strategy not in STRATEGIES:
        raise InvalidInputError(
            f"strategy={strategy!r} is unknown", remedy=f"choose one of: {', '.join(STRATEGIES)}"
        )


def ranked(routes: Iterable[Route], strategy: str) -> tuple[Route, ...]:
    """The routes, best first.

    Args:
        routes: one per provider, in the order given.
        strategy: ``cheapest`` by expected cost; ``smartest`` by tier, then expected quality, then
            cost; ``balanced`` by distance to the middle tier, then cost.

    Raises:
        InvalidInputError: for another strategy.
    """
    check_strategy(strategy)
    return tuple(sorted(routes, key=STRATEGIES[strategy]))
