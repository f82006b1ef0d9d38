"""How a portfolio differs from the configured one: what replicas share of it, and keep over a restart."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from conduit.core.arms import Arm, Price, Tier
from conduit.core.sharing import Json
from conduit.engines.portfolio import Portfolio, worthy

_log = logging.getLogger(__name__)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioEdits:
    """Models that were added, removed or priced anew while routers were running.

    They are kept as differences, so that a changed configuration still has its say: an edit that
    has nothing to change any more is passed over.

    Args:
        added: arms by id.
        removed: ids.
        gone: the removed arms by id, at the prices they had last, which what was learned of their
            costs goes by; versions that recorded only ids have left none.
        prices: by id of the arm.
    """

    added: Mapping[str, Arm] = field(default_factory=lambda: MappingProxyType({}))
    removed: frozenset[str] = frozenset()
    gone: Mapping[str, Arm] = field(default_factory=lambda: MappingProxyType({}))
    prices: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))

    def adding(self, arm: Arm) -> PortfolioEdits:
        """With one more arm, at its own price."""
        return replace(
            self,
            added={**self.added, arm.id: arm},
            removed=self.removed - {arm.id},
            gone=_without(self.gone, arm.id),
            prices=_without(self.prices, arm.id),
        )

    def removing(self, arm: Arm) -> PortfolioEdits:
        """Without one arm, configured or added."""
        return replace(
            self,
            added=_without(self.added, arm.id),
            removed=self.removed | {arm.id},
            gone={**self.gone, arm.id: self._priced(arm)},
            prices=_without(self.prices, arm.id),
        )

    def repricing(self, name: str, price: Price) -> PortfolioEdits:
        """With another price of one arm."""
        return replace(self, prices={**self.prices, name: price})

    def applied(self, configured: Portfolio) -> Portfolio:
        """The portfolio that came of it."""
        arms = {arm.id: arm for arm in configured.arms if arm.id not in self.removed}
        for arm in self.added.values():
            arms[arm.id] = arm
        priced = tuple(self._priced(arm) for arm in arms.values())
        if not priced:
            _log.warning("every model of this configuration was removed earlier; all are kept")
            return configured
        return worthy(Portfolio(arms=priced, baseline=self._priced(configured.baseline)))

    def to_json(self) -> Json:
        """As a JSON object."""
        return {
            "added": [asdict(arm) for arm in self.added.values()],
            "removed": sorted(self.removed),
            "gone": [asdict(arm) for arm in self.gone.values()],
            "prices": {name: asdict(price) for name, price in self.prices.items()},
        }

    @classmethod
    def of_json(cls, value: Json) -> PortfolioEdits:
        """From what :meth:`to_json` gave."""
        return cls(
            added=_arms(value["added"]),
            removed=frozenset(value["removed"]),
            gone=_arms(value.get("gone", ())),
            prices={name: Price(**price) for name, price in value["prices"].items()},
        )

    def _priced(self, arm: Arm) -> Arm:
        return replace(arm, price=self.prices[arm.id]) if arm.id in self.prices else arm


def _arms(values: Iterable[Json]) -> dict[str, Arm]:
    arms = map(_arm, values)
    return {arm.id: arm for arm in arms}


def _arm(value: Json) -> Arm:
    price = value["price"]
    return Arm(
        **{
            **value,
            "tier": Tier(value["tier"]),
            "price": None if price is None else Price(**price),
        }
    )


def _without(values: Mapping[str, V], name: str) -> dict[str, V]:
    return {key: value for key, value in values.items() if key != name}
