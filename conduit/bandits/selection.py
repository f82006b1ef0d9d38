"""One decision: constrain, value, select, lift, sample."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.constraints import feasible_arms
from conduit.bandits.estimates import Estimates
from conduit.bandits.floor import Floor
from conduit.bandits.propensity import largest_gaussian
from conduit.bandits.rules import Rule, Situation
from conduit.bandits.trial import NO_TRIAL, Trial
from conduit.bandits.utility import Valuation
from conduit.core.models import QueryConstraints
from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ask:
    """Everything about one decision that is not an estimate.

    Args:
        constraints: the query's limits.
        valuation: the exchange rates.
        allowed: (K,) bool, arms that may be considered at all.
        budget: USD per request, None without a pacer.
        headroom: USD that budgets leave for this call; (K,) where it is another for every arm.
        tier: (K,) rank of the class each arm is sold in; one class for all when left out.
        complexity: how much the prompt asks for, 0..1.
        difficulty: how hard it is taken to be for a cheap model, 0..1.
        explore: (K,) share of requests that each arm is to get whatever the prompt, less than 1
            in all; None adds nothing to rule and floor.
    """

    constraints: QueryConstraints
    valuation: Valuation
    allowed: NDArray[np.bool_]
    budget: float | None = None
    headroom: float | Array = np.inf
    tier: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    complexity: float = 0.0
    difficulty: float = 0.0
    explore: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """The outcome of one decision over K arms.

    Args:
        arm: index of the arm drawn.
        probabilities: (K,) propensities it was drawn with.
        utility: (K,) expected utility.
        utility_std: (K,) standard deviation of that expectation.
        feasible: (K,) bool, the arms that could have been drawn.
        relaxed: constraints that gave way.
        ask: what was asked, its exchange rates among it.
        rule: that chose.
    """

    arm: int
    probabilities: Array
    utility: Array
    utility_std: Array
    feasible: NDArray[np.bool_]
    relaxed: tuple[str, ...]
    ask: Ask
    rule: Rule

    @property
    def confidence(self) -> float:
        """Probability that the arm drawn has the highest utility, before the floor."""
        mask = self.feasible
        highest = largest_gaussian(self.utility[mask], self.utility_std[mask])
        return float(highest[int(mask[: self.arm].sum())])


def select(
    estimates: Estimates,
    ask: Ask,
    *,
    rule: Rule,
    floor: Floor,
    trial: Trial = NO_TRIAL,
    rng: np.random.Generator,
) -> Selection | None:
    """Draw an arm from the propensities; None when ``max_cost`` excludes every arm.

    The arm is sampled from the very probabilities that are returned, so the logged propensity is
    exact, whatever the rule.
    """
    feasibility = feasible_arms(
        estimates, ask.constraints, headroom=ask.headroom, allowed=ask.allowed
    )
    mask = feasibility.mask
    if not np.count_nonzero(mask):
        return None
    mean, std = ask.valuation.utility(estimates)
    situation = Situation(
        mean=mean,
        std=std,
        ratings=estimates.ratings,
        feasible=mask,
        unit=ask.valuation.unit(estimates),
        cost=estimates.cost,
        tier=ask.tier,
        complexity=ask.complexity,
        difficulty=ask.difficulty,
    )
    probabilities = lifted(
        rule.probabilities(situation),
        situation,
        floor=floor,
        trial=trial,
        budget=ask.budget,
        explore=ask.explore,
    )
    return Selection(
        arm=_draw(probabilities, rng),
        probabilities=probabilities,
        utility=mean,
        utility_std=std,
        feasible=mask,
        relaxed=feasibility.relaxed,
        ask=ask,
        rule=rule,
    )


def lifted(
    probabilities: Array,
    situation: Situation,
    *,
    floor: Floor,
    trial: Trial,
    budget: float | None,
    explore: Array | None = None,
) -> Array:
    """What a rule wants (K,), lifted by the floor, by trials of new arms and by a goal's probes.

    Args:
        probabilities: of the rule.
        situation: that it saw.
        floor: least propensity per arm.
        trial: tries for new arms.
        budget: USD per request, None without a pacer.
        explore: (K,) share of requests that each arm is to get; None adds nothing.
    """
    cost, feasible = situation.cost, situation.feasible
    found = floor.apply(probabilities, cost=cost, feasible=feasible, budget=budget)
    found = trial.apply(
        found, cost=cost, ratings=situation.ratings, feasible=feasible, budget=budget
    )
    if explore is None:
        return found
    share = explore * feasible
    return np.asarray((1.0 - share.sum()) * found + share)


def _draw(probabilities: Array, rng: np.random.Generator) -> int:
    """An index; rounding of the cumulated sum never lands on a probability of zero."""
    cumulated = list(accumulate(probabilities.tolist()))
    arm = bisect_right(cumulated, rng.random())
    return min(arm, bisect_left(cumulated, cumulated[-1]))
