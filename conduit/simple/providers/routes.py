"""Where a prompt would go, and how one of several ways is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from types import MappingProxyType

from conduit.core.arms import Price, Tier
from conduit.core.errors import InvalidInputError

FREE = Price(input=0.0, output=0.0)


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
        price: list price of the model.
        input_tokens: of the prompt, estimated.
    """

    provider: str
    model: str
    tier: Tier
    cost: float
    quality: float
    reason: str = ""
    price: Price = FREE
    input_tokens: int = 0

    @property
    def output_tokens(self) -> float | None:
        """Expected length of the answer; None for a model whose answers are free."""
        if not self.price.output:
            return None
        return (self.cost * 1e6 - self.price.input * self.input_tokens) / self.price.output


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


def at_equal_length(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The same routes at the cost of an answer as long as they expect on average.

    What a provider has answered here tells how long its answers are, and only its own. Who was asked
    never would stay the dearest, whatever its price.
    """
    known = tuple(routes)
    lengths = [it.output_tokens for it in known if it.output_tokens is not None]
    if not lengths:
        return known
    length = fmean(lengths)
    return tuple(
        replace(it, cost=it.price.cost(input_tokens=it.input_tokens, output_tokens=length))
        for it in known
    )


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
