"""The providers of one line: three models each, at the prices of a pinned table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from conduit.catalog.catalog import given_prices
from conduit.catalog.pricing import price_of
from conduit.catalog.registry import Registry, read_registry
from conduit.core.arms import Arm, Tier
from conduit.engines.callable_models import check_keys
from conduit.settings import Settings
from conduit.simple.providers.account import Account

PINNED = Path(__file__).parent / "data" / "providers.yaml"
"""The models, their tiers, and what they cost unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One provider's models.

    Args:
        name: of the provider.
        arms: priced, from cheap to strong, one per tier.
    """

    name: str
    arms: tuple[Arm, ...]

    @property
    def premium(self) -> Arm:
        """What savings are measured against."""
        return self.arms[-1]

    def find(self, model: str) -> Arm:
        """The arm of that id, which must be one."""
        return next(arm for arm in self.arms if arm.id == model)


@cache
def pinned() -> Registry:
    """The pinned table."""
    return read_registry(PINNED)


def families(settings: Settings) -> Mapping[str, Family]:
    """All of the pinned table by name, in its order, at the prices that hold.

    Raises:
        ConfigurationError: for a price of the user's that is missing or negative.
    """
    given = given_prices(folder=Path.cwd(), pricing=settings.pricing, prices=settings.pricing_json)
    found: dict[str, list[Arm]] = {}
    for arm in pinned().at(settings.base_urls).arms:
        found.setdefault(arm.provider, []).append(replace(arm, price=price_of(arm, given)))
    return {
        name: Family(name=name, arms=tuple(sorted(arms, key=lambda arm: arm.tier.rank)))
        for name, arms in found.items()
    }


def check_account(account: Account) -> None:
    """Make sure that a provider can be called, as the environment is now.

    Raises:
        ConfigurationError: without a key, naming the variables; or for a setting that cannot be used.
    """
    settings = account.settings(Settings.load())
    if not settings.offline:
        check_keys(families(settings)[account.provider].arms, settings)


def tier_names() -> tuple[str, ...]:
    """What a router file may call its columns, in the place of models."""
    return tuple(tier.value for tier in Tier)
