"""The portfolio: which models a router chooses among at one moment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError, UnknownModelError


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

        Raises:
            UnknownModelError: when it is no arm.
            InvalidInputError: for a price that is no amount of money.
        """
        check_price(name, price)
        priced = replace(self.find(name), price=price)
        arms = tuple(priced if arm.id == name else arm for arm in self.arms)
        return Portfolio(arms=arms, baseline=priced if self.baseline.id == name else self.baseline)


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
