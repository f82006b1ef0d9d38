"""The decider: a query's features to a decision, synchronously and without I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import replace
from uuid import uuid4

import numpy as np

from conduit.bandits.chooser import Chooser, Step, Wish
from conduit.bandits.estimates import Estimates
from conduit.bandits.ledger import Ledger
from conduit.bandits.means import UNLIMITED, Means
from conduit.bandits.models import ArmModels
from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.rules import DifficultyThreshold
from conduit.bandits.selection import Ask, Selection
from conduit.bandits.steering import Steering
from conduit.bandits.utility import Weights
from conduit.core.arms import Arm
from conduit.core.decisions import Decision, ExchangeRates, QueryFeatures
from conduit.core.errors import ConduitError, InvalidInputError
from conduit.core.models import Query
from conduit.core.ports import Clock
from conduit.engines.arm_estimates import arm_estimates
from conduit.engines.reasoning import explain
from conduit.engines.warmth import Warm
from conduit.engines.wishing import DecisionRules, lost_discount, narrowed, too_dear


class Decider:
    """Decides; keeps the steering and the random generator, and nothing else that changes.

    Args:
        rules: what stays the same.
        steering: keeps a budget or a target of quality; None without one.
        clock: dates decisions.
        rng: draws arms.
    """

    def __init__(
        self,
        rules: DecisionRules,
        *,
        steering: Steering | None,
        clock: Clock,
        rng: np.random.Generator,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._chooser = Chooser(rules.policy, baseline=rules.baseline, steering=steering, rng=rng)

    @property
    def rules(self) -> DecisionRules:
        """What stays the same from one decision to the next."""
        return self._rules

    def follow(self, *, baseline: Arm, neighbours: NearestNeighbours | None) -> None:
        """Go on with what other arms bring along; steering and random generator stay as they are."""
        self._rules = replace(self._rules, baseline=baseline, neighbours=neighbours)
        self._chooser.baseline = baseline

    @property
    def steering(self) -> Steering | None:
        """What keeps the budget or the target of quality, as it stands; None without one."""
        return self._chooser.steering

    def adopt(self, ledger: Ledger) -> None:
        """Go on with the figures of all processes that keep the same goal."""
        if self._chooser.steering is not None:
            self._chooser.steering = self._chooser.steering.adopting(ledger)

    def twin(self) -> Decider:
        """One that decides the same from here on, and whose decisions this one never hears of."""
        twin = copy(self)
        twin._chooser = self._chooser.twin()
        return twin

    def decide(
        self,
        query: Query,
        features: QueryFeatures,
        models: ArmModels,
        *,
        only: Collection[str] | None = None,
        strict: bool = False,
        without: Collection[str] = (),
        attempt: int = 1,
        warm: Warm | None = None,
        means: Means = UNLIMITED,
    ) -> Decision:
        """Choose an arm.

        Args:
            query: what is asked, with its limits.
            features: of its text.
            models: the arms, and what has been learned of them.
            only: ids of the arms the caller allows; None allows all.
            strict: raise instead of relaxing a constraint. A budget is none: who has too little
                money for the cheapest arm is told so by the till.
            without: ids of arms to be left out this time, unless nothing is left then.
            attempt: which decision for the same query this is.
            warm: which arm has read the beginning of this prompt a moment ago.
            means: what hard budgets leave.

        Raises:
            NoAffordableModelError: when no arm fits ``max_cost``.
            InvalidInputError: with ``strict``, when a constraint would have to give way.
        """
        models.advance(self._clock.now())
        context = features.context.astype(np.float64)
        estimates = models.estimate(
            context, token_count=features.token_count, max_tokens=query.max_tokens
        )
        if self.rules.neighbours is not None:
            estimates = self.rules.neighbours.refine(estimates, features.embedding)
        now = self._clock.now()
        wish = self.rules.wish(query, features, models.arms, only=only, means=means)
        before = self.steering
        self._chooser.arrive(now)
        fewer = narrowed(wish, models.arms, without=without)
        if warm is not None:
            charges = lost_discount(estimates, models.arms, warm, allowed=fewer.allowed)
            bonus = wish.bonus - self._chooser.worth_of_money(models, wish) * charges
            wish, fewer = replace(wish, bonus=bonus), replace(fewer, bonus=bonus)
        try:
            chosen = self._chosen(estimates, models, fewer, wish, strict=strict)
        except ConduitError:
            self._chooser.steering = before  # nobody is served: the request counts as none
            raise
        self._chooser.account(estimates, chosen)
        return self._decision(
            query,
            features,
            estimates,
            chosen,
            names=[arm.id for arm in models.arms],
            now=now,
            weights=self._chooser.weights(wish),
            forced=_is_forced(only),
            attempt=attempt,
        )

    def settle(self, *, expected: float, actual: float) -> None:
        """Tell the steering what a call really cost, in USD, against what was expected."""
        self._chooser.settle(expected=expected, actual=actual)

    def since(self, before: Steering | None) -> Step | None:
        """What was made of the steering since it was ``before``; None without one."""
        return self._chooser.since(before)

    def withdraw(self, step: Step | None) -> None:
        """Tell the steering that a decision came to nothing: no call was made for it."""
        self._chooser.withdraw(step)

    def _chosen(
        self,
        estimates: Estimates,
        models: ArmModels,
        fewer: Wish,
        wish: Wish,
        *,
        strict: bool,
    ) -> Selection:
        """By the narrower wish, else by the other; raises where neither leaves an arm."""
        chosen = self._chooser.choose(estimates, models, fewer)
        if chosen is None:
            chosen = self._chooser.choose(estimates, models, wish)
        if chosen is None:
            raise too_dear(models.arms, estimates, wish)
        if strict:
            _refuse_given_up(chosen, wish.means)
        return chosen

    def _decision(
        self,
        query: Query,
        features: QueryFeatures,
        estimates: Estimates,
        chosen: Selection,
        *,
        now: float,
        names: Sequence[str],
        weights: Weights,
        forced: bool,
        attempt: int,
    ) -> Decision:
        per_arm = dict(zip(names, arm_estimates(estimates), strict=True))
        probabilities = chosen.probabilities.tolist()
        selected = names[chosen.arm]
        return Decision(
            id=uuid4().hex,
            query_id=query.id,
            user_id=query.user_id,
            selected_model=selected,
            confidence=chosen.confidence,
            probabilities=dict(zip(names, probabilities, strict=True)),
            estimates=per_arm,
            features=features,
            reasoning=explain(
                selected,
                per_arm[selected],
                propensity=probabilities[chosen.arm],
                candidates=int(chosen.feasible.sum()),
                relaxed=chosen.relaxed,
                forced=forced,
                hard=_hard(chosen),
            ),
            fallback_chain=tuple(names[k] for k in _best_first(chosen) if k != chosen.arm),
            constraints_relaxed=chosen.relaxed,
            policy=self.rules.policy.name,
            layout=self.rules.layout,
            created_at=now,
            attempt=attempt,
            forced=forced,
            rates=_rates(chosen.ask, weights),
            ratings=dict(zip(names, estimates.ratings.tolist(), strict=True)),
            probes=_probes(names, chosen),
        )


def _rates(ask: Ask, weights: Weights) -> ExchangeRates:
    valuation = ask.valuation
    return ExchangeRates(
        unit_cost=valuation.unit_cost,
        unit_latency=valuation.unit_latency,
        price_of_money=valuation.price_of_money,
        budget=ask.budget,
        quality_weight=weights.quality,
        cost_weight=weights.cost,
        latency_weight=weights.latency,
    )


def _probes(names: Sequence[str], chosen: Selection) -> dict[str, float]:
    """What a goal asked beside the rule, of the arms that could have been drawn."""
    explore = chosen.ask.explore
    if explore is None:
        return {}
    return dict(zip(names, (explore * chosen.feasible).tolist(), strict=True))


def _hard(chosen: Selection) -> bool | None:
    """How the prompt was judged, where nothing else decided."""
    rule = chosen.rule
    return rule.is_hard(chosen.ask.difficulty) if isinstance(rule, DifficultyThreshold) else None


def _refuse_given_up(chosen: Selection, means: Means) -> None:
    """Raise where a constraint gave way; a hard budget is none."""
    given_up = [it for it in chosen.relaxed if it != "budget" or not means.limited]
    if given_up:
        raise InvalidInputError(
            f"no model satisfies {' and '.join(given_up)}",
            remedy="loosen the constraint, or leave strict off",
        )


def _is_forced(only: Collection[str] | None) -> bool:
    return only is not None and len(set(only)) == 1


def _best_first(chosen: Selection) -> list[int]:
    """Indices of the feasible arms, from the highest expected utility down."""
    utility = chosen.utility.tolist()
    feasible = [k for k, may in enumerate(chosen.feasible.tolist()) if may]
    return sorted(feasible, key=utility.__getitem__, reverse=True)
