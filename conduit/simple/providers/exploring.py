"""What the providers have, which model each would take, and what that costs: nothing is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from conduit.core.arms import Arm
from conduit.core.clocks import SystemClock
from conduit.core.ports import Encoder
from conduit.engines.configured import encoder_of
from conduit.settings import Settings
from conduit.simple.providers.family import Family, families
from conduit.simple.providers.router import family_router, route_of
from conduit.simple.providers.routes import STRATEGIES, Route, ranked
from conduit.stores.memory import MemoryStore

INPUT_TOKENS, OUTPUT_TOKENS = 500, 1000
"""Of the calls that are simulated."""
PROMPTS: Mapping[str, str] = MappingProxyType(
    {
        "Simple": "What is the capital of Japan?",
        "Moderate": "Explain how a hash table works with collision handling",
        "Complex": "Implement a B-tree with insert and search in Python. Handle node splits, keep "
        "every node at least half full, and test it.",
    }
)
"""Looked at where nobody gave any, by label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One provider's route, at the tokens of the simulation.

    Args:
        route: its cost is that of the simulated call, USD.
        premium: the model that savings are measured against.
        premium_cost: USD of the same call there.
    """

    route: Route
    premium: Arm
    premium_cost: float

    @property
    def savings(self) -> float:
        """USD saved."""
        return self.premium_cost - self.route.cost

    @property
    def savings_percent(self) -> float:
        """Saving in percent of the premium model's cost; 0 where that is free."""
        return 100 * self.savings / self.premium_cost if self.premium_cost else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """One prompt.

    Args:
        label: of the prompt.
        prompt: its text.
        simulated: what each provider would do, in the order of the table.
    """

    label: str
    prompt: str
    simulated: tuple[Simulated, ...]

    @property
    def choices(self) -> Mapping[str, Route]:
        """Which provider's route each strategy takes."""
        routes = [it.route for it in self.simulated]
        return {strategy: ranked(routes, strategy)[0] for strategy in STRATEGIES}


async def explored(
    prompts: Mapping[str, str], settings: Settings
) -> tuple[tuple[Family, ...], tuple[Explored, ...]]:
    """The catalogue, and what would become of some prompts.

    Args:
        prompts: by label.
        settings: with the prices that hold; no key is needed.

    Raises:
        InvalidInputError: for an empty prompt.
        StoreError: for a router file that cannot be used.
    """
    settings = replace(settings, offline=True)
    known = tuple(families(settings).values())
    texts, encoder = list(prompts.values()), encoder_of(settings)
    per_family = [await _routes(family, texts, settings, encoder) for family in known]
    found = [
        Explored(
            label=label,
            prompt=text,
            simulated=tuple(
                _simulated(routes[row], family)
                for routes, family in zip(per_family, known, strict=True)
            ),
        )
        for row, (label, text) in enumerate(prompts.items())
    ]
    return known, tuple(found)


async def _routes(
    family: Family, prompts: Sequence[str], settings: Settings, encoder: Encoder
) -> list[Route]:
    """Decided by a router of its own, which remembers nothing."""
    store = MemoryStore(clock=SystemClock())
    router = family_router(family, settings, encoder=encoder, store=store, heard=lambda _: None)
    async with router:
        return [route_of(await router.preview(prompt), family) for prompt in prompts]


def _simulated(route: Route, family: Family) -> Simulated:
    return Simulated(
        route=replace(route, cost=_cost(family.find(route.model))),
        premium=family.premium,
        premium_cost=_cost(family.premium),
    )


def _cost(arm: Arm) -> float:
    assert arm.price is not None, "every model of the table has a price"
    return arm.price.cost(input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS)
