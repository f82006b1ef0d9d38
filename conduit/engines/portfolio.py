"""The portfolio: which models a router chooses among at one moment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conduit.catalog.baseline import dearest
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError, UnknownModelError, UnknownPriceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """The models to choose among, and the one that savings are measured against.

    A frozen value: every change gives another portfolio, or an error and none.

    Args:
        arms: in index order; at least one, every id once.
        baseline: need not be an arm.
    """

    arms: tuple[Arm, ...]
    baseline: Arm

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the arms, in index order."""
        return tuple(arm.id for arm in self.arms)

    def find(self, name: str) -> Arm:
        """The arm of that id.

        Raises:
            UnknownModelError: when there is none.
        """
        return arm_named(name, self.arms)

    def adding(self, arm: Arm) -> Portfolio:
        """With one more arm, the last in index order.

        Raises:
            InvalidInputError: when its id is taken.
        """
        if arm.id in self.names:
            raise InvalidInputError(
                f"model {arm.id!r} is there already",
                remedy="change its price with set_price, or remove it first",
            )
        return replace(self, arms=(*self.arms, arm))

    def removing(self, name: str) -> Portfolio:
        """Without one arm; the baseline stays what it is, arm or not.

        Raises:
            UnknownModelError: when it is no arm.
            InvalidInputError: when no other would be left.
        """
        gone = self.find(name)
        if len(self.arms) == 1:
            raise InvalidInputError(
                f"model {name!r} is the only one", remedy="add another before removing it"
            )
        return replace(self, arms=tuple(arm for arm in self.arms if arm is not gone))

    def repricing(self, name: str, price: Price) -> Portfolio:
        """With another price of one arm, which is then also its price as the baseline.

        A baseline that becomes free gives way to the dearest arm.

        Raises:
            UnknownModelError: when it is no arm.
            InvalidInputError: for a price that is no amount of money.
        """
        check_price(name, price)
        priced = replace(self.find(name), price=price)
        arms = tuple(priced if arm.id == name else arm for arm in self.arms)
        reference = priced if self.baseline.id == name else self.baseline
        return worthy(Portfolio(arms=arms, baseline=reference))


def portfolio_of(arms: Sequence[Arm], *, baseline: str | None) -> Portfolio:
    """These arms, measured against the one of that id, or against the dearest.

    Raises:
        InvalidInputError: for an id that is given twice.
        UnknownModelError: for a baseline that is none of them.
    """
    twice = [name for name, n in Counter(arm.id for arm in arms).items() if n > 1]
    if twice:
        raise InvalidInputError(
            f"model {twice[0]!r} is given twice", remedy="give every model an id of its own"
        )
    reference = dearest(arms) if baseline is None else arm_named(baseline, arms)
    return worthy(Portfolio(arms=tuple(arms), baseline=reference))


def worthy(portfolio: Portfolio) -> Portfolio:
    """Measured against the dearest arm where the baseline is free: savings and units need a price."""
    price = portfolio.baseline.price
    free = price is not None and price.input + price.output == 0
    return replace(portfolio, baseline=dearest(portfolio.arms)) if free else portfolio


def check_priced(arms: Sequence[Arm]) -> None:
    """Providers report tokens, not money; only recorded outcomes know their cost themselves.

    Raises:
        UnknownPriceError: for an arm without a price.
    """
    for arm in arms:
        if arm.price is None:
            raise UnknownPriceError(arm.id)


def arm_named(name: str, arms: Sequence[Arm]) -> Arm:
    """The arm of that id.

    Raises:
        UnknownModelError: when there is none.
    """
    found = next((arm for arm in arms if arm.id == name), None)
    if found is None:
        raise UnknownModelError(name, known=[arm.id for arm in arms])
    return found


def check_price(name: str, price: Price) -> None:
    """Refuse what nobody can pay.

    Raises:
        InvalidInputError: unless both prices are finite and at least 0.
    """
    for side, value in (("input", price.input), ("output", price.output)):
        if not (math.isfinite(value) and value >= 0):
            raise InvalidInputError(
                f"the {side} price of {name!r} is {value}",
                remedy="give USD per million tokens, at least 0",
            )
