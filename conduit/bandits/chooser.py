"""Choosing under one policy, with or without a budget: what deciders and replays have in common."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.estimates import Estimates
from conduit.bandits.means import UNLIMITED, Means
from conduit.bandits.models import ArmModels
from conduit.bandits.policies import Policy
from conduit.bandits.selection import Ask, Selection, select
from conduit.bandits.steering import Steering
from conduit.bandits.utility import Valuation, Weights
from conduit.core.arms import Arm
from conduit.core.models import QueryConstraints
from conduit.core.statistics import Array

TIE_BREAK = 1e-9
"""Utility per tier: decides exact ties, nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wish:
    """What one caller asks for.

    Args:
        constraints: hard limits.
        weights: the trade-off, unless the policy has its own.
        allowed: (K,) bool, arms that may be considered at all.
        bonus: (K,) utility added for soft preferences, unless the policy has its own weights.
        complexity: of the prompt, 0..1.
        difficulty: of the prompt, 0..1.
        unit_cost: USD that one unit of the cost weight pays; None takes an ordinary call of the
            baseline.
        means: what hard budgets leave.
    """

    constraints: QueryConstraints
    weights: Weights
    allowed: NDArray[np.bool_]
    bonus: Array | float = 0.0
    complexity: float = 0.0
    difficulty: float = 0.0
    unit_cost: float | None = None
    means: Means = UNLIMITED


@dataclass(frozen=True, slots=True)
class Step:
    """What one decision has made of the steering.

    Args:
        before: as it was when the request arrived.
        after: as it was when the decision stood.
    """

    before: Steering
    after: Steering


class Chooser:
    """Chooses arms; keeps the steering and the random generator, whichever arms come and go.

    Args:
        policy: how arms are chosen.
        baseline: the model whose ordinary call is the unit of cost; need not be an arm.
        steering: keeps a budget or a target of quality; None where the weights alone decide.
        rng: draws arms.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        baseline: Arm,
        steering: Steering | None,
        rng: np.random.Generator,
    ) -> None:
        self.steering = steering
        self._policy = policy
        self.baseline = baseline
        self._rng = rng

    def twin(self) -> Chooser:
        """One that chooses the same from here on, and whose choices this one never hears of."""
        twin = copy(self)
        twin._rng = deepcopy(self._rng)
        return twin

    def arrive(self, now: float) -> None:
        """Tell the steering of a request, once, before whatever is asked and chosen for it.

        Args:
            now: seconds since the epoch; matters to budgets per day or month alone.
        """
        if self.steering is not None:
            self.steering = self.steering.at(now)

    def choose(self, estimates: Estimates, models: ArmModels, wish: Wish) -> Selection | None:
        """Draw an arm; None when ``max_cost`` excludes every one. The steering is not told yet."""
        steering = self.steering
        policy = self._policy.facing(estimates.ratings, wish.allowed)
        ask = Ask(
            constraints=wish.constraints,
            valuation=self._valuation(models, wish),
            allowed=wish.allowed,
            budget=None if steering is None else steering.budget,
            headroom=self._headroom(wish.means),
            tier=models.tiers,
            complexity=wish.complexity,
            difficulty=wish.difficulty,
            explore=self._explore(estimates, policy),
        )
        return select(
            estimates,
            ask,
            rule=policy.rule,
            floor=policy.floor,
            trial=policy.trial,
            rng=self._rng,
        )

    def worth_of_money(self, models: ArmModels, wish: Wish) -> float:
        """Utility that a choice gives up per USD."""
        return self._valuation(models, wish).money

    def weights(self, wish: Wish) -> Weights:
        """The caller's trade-off; under a goal its steering prices money in place of a weight."""
        return wish.weights if self.steering is None else wish.weights.paced()

    def account(self, estimates: Estimates, chosen: Selection) -> None:
        """Tell the steering that this choice stands, at its expected cost."""
        if self.steering is not None:
            expected = float(estimates.cost[chosen.arm])
            self.steering = self.steering.decided(estimates, chosen).spend(expected)

    def settle(self, *, expected: float, actual: float) -> None:
        """Tell the steering what a call really cost, in USD, against what was expected."""
        if self.steering is not None:
            self.steering = self.steering.spend(actual - expected)

    def since(self, before: Steering | None) -> Step | None:
        """What was made of the steering since it was ``before``; None without one."""
        after = self.steering
        return None if before is None or after is None else Step(before, after)

    def withdraw(self, step: Step | None) -> None:
        """Tell the steering that a decision came to nothing: no call was made for it."""
        if self.steering is not None and step is not None:
            self.steering = self.steering.withdrawn(before=step.before, after=step.after)

    def _explore(self, estimates: Estimates, policy: Policy) -> Array | None:
        """What the steering wants to know; a policy without a floor explores as it does itself."""
        if self.steering is None or policy.floor.epsilon <= 0:
            return None
        return self.steering.explore(estimates)

    def _valuation(self, models: ArmModels, wish: Wish) -> Valuation:
        """A policy's own weights, else the caller's."""
        own, unit = self._policy.weights, wish.unit_cost
        return Valuation(
            weights=self.weights(wish) if own is None else own,
            unit_cost=models.ordinary_cost(self.baseline) if unit is None else unit,
            unit_latency=models.ordinary_latency(),
            price_of_money=self._price(models, wish.means),
            bonus=TIE_BREAK * models.tiers + (wish.bonus if own is None else 0.0),
        )

    def _headroom(self, means: Means) -> float | Array:
        """USD that one call may cost: what the steering and hard budgets both allow."""
        steered = np.inf if self.steering is None else self.steering.headroom
        return np.minimum(means.headroom, steered) if means.limited else steered

    def _price(self, models: ArmModels, means: Means) -> float:
        """Quality given up per USD: the steering's price, and what hard budgets add.

        At a pressure of 1 an ordinary call of the dearest model has to be better than a free one
        by a whole unit of quality. That call is the unit, not the baseline's: a baseline may be
        free or cheap, and a little pressure would then exclude all else.
        """
        price = 0.0 if self.steering is None else self.steering.price_of_money
        if means.pressure > 0.0:
            dearest = max(models.ordinary_cost(arm) for arm in models.arms)
            price += means.pressure / dearest if dearest > 0.0 else 0.0
        return price
