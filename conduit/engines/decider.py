"""The decider: a query's features to a decision, synchronously and without I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

from conduit.bandits.estimates import Estimates
from conduit.bandits.models import ArmModels
from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.pacer import Pacer
from conduit.bandits.policies import Policy
from conduit.bandits.selection import Ask, Selection, select
from conduit.bandits.utility import PRESETS, Valuation, Weights
from conduit.core.arms import Arm
from conduit.core.decisions import ArmEstimate, Decision, QueryFeatures
from conduit.core.errors import InvalidInputError, NoAffordableModelError, UnknownModelError
from conduit.core.models import OptimizeFor, Query
from conduit.core.ports import Clock
from conduit.core.statistics import Array
from conduit.engines.reasoning import explain

TIE_BREAK = 1e-9
"""Utility per tier: decides exact ties, nothing else."""
PREFERRED_BONUS = 0.05
"""Utility added to the arms of a preferred provider: five points of quality, no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRules:
    """What stays the same from one decision to the next.

    Args:
        arms: in index order.
        baseline: the model whose ordinary call is the unit of cost; need not be an arm.
        policy: how arms are chosen.
        optimize_for: the trade-off for queries that bring none.
        layout: identity of the context layout.
        neighbours: labelled queries of these arms that estimate quality; None learns it.
    """

    arms: Sequence[Arm]
    baseline: Arm
    policy: Policy
    optimize_for: OptimizeFor
    layout: str
    neighbours: NearestNeighbours | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the arms, in index order."""
        return tuple(arm.id for arm in self.arms)


class Decider:
    """Decides; keeps the pacer and the random generator, and nothing else that changes.

    Args:
        rules: what stays the same.
        pacer: keeps a budget per request; None without one.
        clock: dates decisions.
        rng: draws arms.
    """

    def __init__(
        self,
        rules: DecisionRules,
        *,
        pacer: Pacer | None,
        clock: Clock,
        rng: np.random.Generator,
    ) -> None:
        self.rules = rules
        self.pacer = pacer
        self._clock = clock
        self._rng = rng
        self._tier = np.array([arm.tier.rank for arm in rules.arms])

    def decide(
        self,
        query: Query,
        features: QueryFeatures,
        models: ArmModels,
        *,
        only: Collection[str] | None = None,
        strict: bool = False,
    ) -> Decision:
        """Choose an arm.

        Args:
            query: what is asked, with its limits.
            features: of its text.
            models: what has been learned.
            only: ids of the arms the caller allows; None allows all.
            strict: raise instead of relaxing a constraint.

        Raises:
            NoAffordableModelError: when no arm fits ``max_cost``.
            InvalidInputError: with ``strict``, when a constraint would have to give way.
        """
        context = features.context.astype(np.float64)
        estimates = models.estimate(
            context, token_count=features.token_count, max_tokens=query.max_tokens
        )
        if self.rules.neighbours is not None:
            estimates = self.rules.neighbours.refine(estimates, features.embedding)
        ask = self._ask(query, features, models, only)
        policy = self.rules.policy
        chosen = select(estimates, ask, rule=policy.rule, floor=policy.floor, rng=self._rng)
        if chosen is None:
            raise self._too_dear(query, estimates, ask)
        if strict and chosen.relaxed:
            raise InvalidInputError(
                f"no model satisfies {' and '.join(chosen.relaxed)}",
                remedy="loosen the constraint, or leave strict off",
            )
        self._pace(estimates, chosen)
        return self._decision(query, features, estimates, chosen, forced=_is_forced(only))

    def settle(self, *, expected: float, actual: float) -> None:
        """Tell the pacer what a call really cost, in USD, against what was expected."""
        if self.pacer is not None:
            self.pacer = self.pacer.spend(actual - expected)

    def _ask(
        self,
        query: Query,
        features: QueryFeatures,
        models: ArmModels,
        only: Collection[str] | None,
    ) -> Ask:
        rules, pacer = self.rules, self.pacer
        return Ask(
            constraints=query.constraints,
            valuation=Valuation(
                weights=self._weights(query),
                unit_cost=models.ordinary_cost(rules.baseline),
                unit_latency=models.ordinary_latency(),
                price_of_money=0.0 if pacer is None else pacer.price_of_money,
                bonus=self._bonus(query.constraints.preferred_provider),
            ),
            allowed=self._allowed(only),
            budget=None if pacer is None else pacer.budget,
            headroom=np.inf if pacer is None else pacer.headroom,
            tier=self._tier,
            complexity=features.complexity_score,
        )

    def _weights(self, query: Query) -> Weights:
        """A policy's own weights, else the caller's; under a budget the pacer prices money."""
        own = self.rules.policy.weights
        if own is not None:
            return own
        wished = query.preferences.optimize_for if query.preferences else self.rules.optimize_for
        return PRESETS[wished] if self.pacer is None else PRESETS[wished].paced()

    def _bonus(self, preferred: str | None) -> Array:
        """Soft preferences: of a provider, and, where all else is equal, of a higher tier."""
        own = self.rules.policy.weights is not None
        liked = [
            0.0 if own else PREFERRED_BONUS * (a.provider == preferred) for a in self.rules.arms
        ]
        return np.array(liked) + TIE_BREAK * self._tier

    def _allowed(self, only: Collection[str] | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        names = self.rules.names
        if only is None:
            only = names if self.rules.policy.only is None else (self.rules.policy.only,)
        if not only:
            raise InvalidInputError("models=[] allows none", remedy="name a model, or leave it out")
        for name in only:
            if name not in names:
                raise UnknownModelError(name, known=names)
        return np.array([name in only for name in names])

    def _too_dear(self, query: Query, estimates: Estimates, ask: Ask) -> NoAffordableModelError:
        costs = np.where(ask.allowed, estimates.cost_high, np.inf)
        cheapest = int(costs.argmin())
        return NoAffordableModelError(
            query.constraints.max_cost or 0.0,
            cheapest=self.rules.arms[cheapest].id,
            cost=float(costs[cheapest]),
        )

    def _pace(self, estimates: Estimates, chosen: Selection) -> None:
        if self.pacer is not None:
            expected = float(chosen.probabilities @ estimates.cost)
            self.pacer = self.pacer.decided(expected).spend(float(estimates.cost[chosen.arm]))

    def _decision(
        self,
        query: Query,
        features: QueryFeatures,
        estimates: Estimates,
        chosen: Selection,
        *,
        forced: bool,
    ) -> Decision:
        names = self.rules.names
        per_arm = {name: _arm_estimate(estimates, k) for k, name in enumerate(names)}
        others = [k for k in np.argsort(-chosen.utility) if chosen.feasible[k] and k != chosen.arm]
        selected = names[chosen.arm]
        return Decision(
            id=uuid4().hex,
            query_id=query.id,
            user_id=query.user_id,
            selected_model=selected,
            confidence=chosen.confidence,
            probabilities=dict(zip(names, chosen.probabilities.tolist(), strict=True)),
            estimates=per_arm,
            features=features,
            reasoning=explain(
                selected,
                per_arm[selected],
                propensity=float(chosen.probabilities[chosen.arm]),
                candidates=int(chosen.feasible.sum()),
                relaxed=chosen.relaxed,
                forced=forced,
            ),
            fallback_chain=tuple(names[k] for k in others),
            constraints_relaxed=chosen.relaxed,
            policy=self.rules.policy.name,
            layout=self.rules.layout,
            created_at=self._clock.now(),
            forced=forced,
        )


def _is_forced(only: Collection[str] | None) -> bool:
    return only is not None and len(set(only)) == 1


def _arm_estimate(estimates: Estimates, arm: int) -> ArmEstimate:
    latency = float(estimates.latency[arm])
    return ArmEstimate(
        mean=float(estimates.quality[arm]),
        std=float(estimates.quality_std[arm]),
        cost=float(estimates.cost[arm]),
        cost_high=float(estimates.cost_high[arm]),
        latency=None if np.isnan(latency) else latency,
        observations=int(estimates.observations[arm]),
    )
