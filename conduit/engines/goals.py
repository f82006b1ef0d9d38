"""What a router keeps to over many requests: a budget, or a share of the best model's quality."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields

from conduit.bandits.list_prices import ORDINARY_INPUT, ORDINARY_OUTPUT
from conduit.bandits.pacer import Pacer
from conduit.bandits.quality_target import QualityTarget
from conduit.bandits.steering import BudgetPerRequest, Steering
from conduit.bandits.window import BudgetPerWindow, Period
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError

SHORT_INPUT, SHORT_OUTPUT = 10, 10
"""Tokens of a call so short that none worth routing is shorter."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """At most one of these.

    Args:
        budget: USD per request to be kept on average, above zero.
        budget_per_day: USD per calendar day, UTC, above zero.
        budget_per_month: USD per calendar month, UTC, above zero.
        quality_target: share of the best model's quality to be kept at least spend, in (0, 1].

    Raises:
        InvalidInputError: for a value out of range, or two goals.
    """

    budget: float | None = None
    budget_per_day: float | None = None
    budget_per_month: float | None = None
    quality_target: float | None = None

    def __post_init__(self) -> None:
        given = self.given
        if len(given) > 1:
            both = " and ".join(f"{name}={value}" for name, value in given.items())
            raise InvalidInputError(
                f"{both} are two goals, and spending can follow one", remedy="give one of them"
            )
        for name, value in given.items():
            if name != "quality_target" and not 0 < value < float("inf"):
                raise InvalidInputError(
                    f"{name}={value} is not above zero", remedy="give a positive number"
                )
        if self.quality_target is not None:
            QualityTarget(target=self.quality_target)

    @classmethod
    def of(cls, settings: object) -> Goal:
        """The goal in attributes of these names."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self.given)

    @property
    def given(self) -> dict[str, float]:
        """The goal by its name; empty without one."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def checked(self, arms: Sequence[Arm]) -> Goal:
        """The goal itself; a budget that not even short calls of the cheapest model keep is refused.

        What calls will really cost is not known here. Where an *ordinary* call of the cheapest
        model is beyond the budget, prompts may be short, so that is said in the log and no more.

        Raises:
            InvalidInputError: for a budget below the cheapest model.
        """
        budgets = {name: usd for name, usd in self.given.items() if name != "quality_target"}
        for name, usd in budgets.items():
            arm, least = _cheapest(arms, input_tokens=SHORT_INPUT, output_tokens=SHORT_OUTPUT)
            if usd < least:
                raise InvalidInputError(
                    f"{name}=${usd:g} is below the cheapest model: even a short call of {arm!r} "
                    f"costs ${least:.3g}",
                    remedy=f"give more than ${least:.3g}, or a cheaper model",
                )
            arm, least = _cheapest(arms, input_tokens=ORDINARY_INPUT, output_tokens=ORDINARY_OUTPUT)
            if usd < least:
                _log.warning(
                    "%s=$%g is below $%.3g, an ordinary call of the cheapest model %r: it will be "
                    "exceeded unless prompts and answers are short",
                    *(name, usd, least, arm),
                )
        return self

    def steering(self, *, now: float) -> Steering | None:
        """What keeps this goal from ``now`` on, in seconds since the epoch; None without one."""
        if self.budget is not None:
            return BudgetPerRequest(pacer=Pacer.start(self.budget))
        if self.budget_per_day is not None:
            return BudgetPerWindow.begin(self.budget_per_day, Period.DAY, now=now)
        if self.budget_per_month is not None:
            return BudgetPerWindow.begin(self.budget_per_month, Period.MONTH, now=now)
        if self.quality_target is not None:
            return QualityTarget(target=self.quality_target)
        return None


def _cheapest(
    arms: Sequence[Arm], *, input_tokens: float, output_tokens: float
) -> tuple[str, float]:
    """Name and USD of the cheapest call; an arm without a price may cost nothing."""
    costs = {
        arm.id: (
            0.0
            if arm.price is None
            else arm.price.cost(input_tokens=input_tokens, output_tokens=output_tokens)
        )
        for arm in arms
    }
    name = min(costs, key=costs.__getitem__)
    return name, costs[name]
