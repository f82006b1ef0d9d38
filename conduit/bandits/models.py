"""Everything learned about the arms: quality, cost, latency and availability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.availability import Availability
from conduit.bandits.estimates import Estimates
from conduit.bandits.evidence import PriorFamily
from conduit.bandits.head import LearnedHead
from conduit.bandits.list_prices import log_list_price, log_price_change, ordinary_call, per_token
from conduit.bandits.lognormal import lognormal
from conduit.bandits.slowest_call import slowest_call
from conduit.bandits.vigilance import Contradiction, Vigilance
from conduit.core.arms import Arm, Price
from conduit.core.errors import UnknownModelError
from conduit.core.forgetting import Forgetting
from conduit.core.outcomes import Change, Head
from conduit.core.statistics import Array, SufficientStatistics

FAMILIES = MappingProxyType(
    {
        Head.QUALITY: PriorFamily(level=0.99, noise=0.3),
        Head.LOG_TOKENS: PriorFamily(level=math.log(300.0), pooled=True, bias=0.1, noise=1.0),
        Head.LOG_COST: PriorFamily(level=0.0, pooled=True, bias=0.1, noise=1.0),
        Head.LOG_LATENCY: PriorFamily(level=math.log(3.0), pooled=True, bias=0.1, noise=0.7),
    }
)
"""Quality starts optimistic, worth one rating; the others start from what all arms have shown."""
FEW = 4.0
"""Calls below which tokens say too little to price an arm by, where costs say more; fewer than what is
left of an arm that is learned anew."""


class ArmModels:
    """The heads of K arms on one context of d numbers.

    Args:
        arms: the arms, in index order. Those without a price learn their cost directly; the
            others learn output tokens, which the price table turns into money.
        dim: d, the length of the context.
        statistics: what was learned before, per (arm id, head name); arms not in it start fresh.
        contextual: False learns and scores from the bias alone.
        forgetting: how fast evidence fades.
        now: seconds since the epoch, or ticks of whichever clock dates decisions.
        vigilance: when an arm has changed.
        before: models whose heads are taken over where nothing else would come of building them;
            the others go on with what those of the same arms have seen of a change so far.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
        *,
        dim: int,
        statistics: Mapping[tuple[str, str], SufficientStatistics] | None = None,
        contextual: bool = True,
        forgetting: Forgetting = Forgetting(),
        now: float = 0.0,
        vigilance: Vigilance = Vigilance(),
        before: ArmModels | None = None,
    ) -> None:
        self.arms = tuple(arms)
        self._ids = tuple(arm.id for arm in self.arms)
        self._index = {arm.id: k for k, arm in enumerate(self.arms)}
        self._dim = dim if contextual else 1
        known = statistics or {}
        offsets = {Head.LOG_COST: np.array([log_list_price(arm.price) for arm in self.arms])}
        self._heads = {}
        for head, family in FAMILIES.items():
            sums = [self._stored(known, arm.id, head) for arm in self.arms]
            offset, tau = offsets.get(head), forgetting.time_constant(head)
            kept = None if before is None else before.head(head)
            if kept is None or not kept.is_of(sums, offsets=offset, time_constant=tau):
                kept = LearnedHead(
                    sums, family, offsets=offset, time_constant=tau, now=now, vigilance=vigilance
                )
                if before is not None:
                    kept.watch_on(before.head(head), places=self._places_in(before))
            self._heads[head] = kept
        self._quality, self._tokens = self._heads[Head.QUALITY], self._heads[Head.LOG_TOKENS]
        self._cost, self._latency = self._heads[Head.LOG_COST], self._heads[Head.LOG_LATENCY]
        self._availability = Availability(
            [known.get((arm.id, Head.AVAILABILITY.value)) for arm in self.arms],
            time_constant=forgetting.time_constant(Head.AVAILABILITY),
            now=now,
        )
        self._unpriced = np.array([arm.price is None for arm in self.arms])
        self._prices = np.array([per_token(arm.price) for arm in self.arms]).T  # (2, K)
        self._most_tokens = np.array([float(arm.max_output_tokens) for arm in self.arms])
        self._unknown = np.full(len(self.arms), np.nan)
        self.tiers = np.array([arm.tier.rank for arm in self.arms])

    def _stored(
        self, known: Mapping[tuple[str, str], SufficientStatistics], arm: str, head: Head
    ) -> SufficientStatistics:
        found = known.get((arm, head.value))
        if found is None:
            return SufficientStatistics.zero(self._dim)
        return found.leading(self._dim)

    def _places_in(self, before: ArmModels) -> dict[int, int]:
        """Index of every arm here that is one there, and its index there."""
        return {k: before._index[name] for name, k in self._index.items() if name in before._index}

    def head(self, head: Head) -> LearnedHead:
        """One of the contextual heads."""
        return self._heads[head]

    def advance(self, now: float) -> None:
        """Let time pass: estimates are as of now, and nothing that is learned later is younger."""
        self._availability.advance(now)
        for head in self._heads.values():
            head.advance(now)

    def learn(self, change: Change, context: Array, *, at: float | None = None) -> None:
        """Take in one change; observations of unknown arms are left out.

        Args:
            change: a new or revised observation.
            context: (d,) of the decision it belongs to.
            at: when that decision was made; now, when None or later than now.
        """
        observation = change.observation
        arm = self._index.get(observation.arm)
        if arm is None:
            return
        y, w = observation.value, observation.weight
        if observation.head is Head.AVAILABILITY:
            self._availability.observe(arm, y, previous=change.previous, weight=w, at=at)
        elif change.previous is None:
            self.observe(arm, observation.head, context, y, weight=w, at=at)
        else:
            x = context[: self._dim]
            self._heads[observation.head].revise(arm, x, y, change.previous, weight=w, at=at)

    def observe(
        self,
        arm: int,
        head: Head,
        context: Array,
        y: float,
        *,
        weight: float,
        at: float | None = None,
    ) -> None:
        """Take in a new value of a contextual head of the arm at that index."""
        self._heads[head].observe(arm, context[: self._dim], y, weight=weight, at=at)

    def contradictions(self) -> tuple[Contradiction, ...]:
        """What outcomes have contradicted, and was not discounted yet."""
        return tuple(
            Contradiction(arm=self.arms[arm].id, head=head, worth=worth)
            for head, learned in self._heads.items()
            if learned.is_contradicted
            for arm, worth in learned.contradicted.items()
        )

    def discount(self, said: Contradiction) -> None:
        """Let what was contradicted count little from now on."""
        self._heads[said.head].discount(self._index[said.arm], worth=said.worth)

    def reprice(self, name: str, price: Price) -> None:
        """Change the list price of an arm; what was paid before counts as if paid at the new one.

        Cost expected from tokens needs the price alone; where cost is learned directly, the
        logarithms learned move by that of the change.

        Raises:
            UnknownModelError: for a name that is no arm.
        """
        if name not in self._index:
            raise UnknownModelError(name, known=tuple(self._index))
        arm = self._index[name]
        old, new = self.arms[arm], replace(self.arms[arm], price=price)
        self.arms = (*self.arms[:arm], new, *self.arms[arm + 1 :])
        self._unpriced[arm] = False
        self._prices[:, arm] = per_token(price)
        by = log_price_change(old.price, price)
        self._heads[Head.LOG_COST].shift(arm, by, offset=log_list_price(price))

    def rebuild(self) -> None:
        """Choose every prior anew, as is done when the arms change."""
        for head in self._heads.values():
            head.rebuild()

    def absorb(self, statistics: Mapping[tuple[str, str], SufficientStatistics]) -> None:
        """Take in evidence from elsewhere, per (arm id, head name); unknown arms are left out."""
        for head, learned in self._heads.items():
            more = {
                arm: statistics[name, head.value].leading(self._dim)
                for name, arm in self._index.items()
                if (name, head.value) in statistics
            }
            if more:
                learned.merge(more)
        for name, arm in self._index.items():
            if (answered := statistics.get((name, Head.AVAILABILITY.value))) is not None:
                self._availability.merge(arm, answered)

    def estimate(
        self, context: Array, *, token_count: int, max_tokens: int | None = None
    ) -> Estimates:
        """Expectations for one prompt.

        Args:
            context: (d,).
            token_count: tokens of the prompt, priced at each arm's input price.
            max_tokens: longest answer asked for; the arm's own limit when None.
        """
        x = context[: self._dim]
        quality, std = self._quality.predict(x)
        cost, cost_high = self._costs(x, token_count=token_count, max_tokens=max_tokens)
        latency, latency_high = self._latencies(x)
        return Estimates(
            quality=quality,
            quality_std=std,
            availability=self._availability.estimate(),
            cost=cost,
            cost_high=cost_high,
            latency=latency,
            latency_high=latency_high,
            observations=self._quality.counts.copy(),
            ratings=self._quality.weights.copy(),
            arms=self._ids,
        )

    def ordinary_cost(self, arm: Arm) -> float:
        """USD of an ordinary call at an arm's list price, whatever arms have served so far.

        What is ordinary is learned from all arms together; an arm's own verbosity does not count,
        as it does not when the same tokens are priced at a baseline. ``arm`` need not be one of
        the arms here; if it is, its price as it is now counts. Without a price it must be one, and
        its own mean cost is taken.
        """
        here = self._index.get(arm.id)
        arm = arm if here is None else self.arms[here]
        cost, tokens = self._cost, self._tokens
        if arm.price is None:
            return float(cost.running_mean()[self._index[arm.id]])
        known = float(tokens.weights.sum())
        if known < FEW and known < cost.weights.sum():
            return float(np.exp(log_list_price(arm.price)) * cost.ordinary())
        return ordinary_call(arm.price, output_tokens=tokens.ordinary())

    def ordinary_latency(self) -> float:
        """Seconds of an ordinary call of the slowest arm seen; of any, while none was."""
        head = self._latency
        slowest = slowest_call(head.log_mean_seen.tolist(), head.weights.tolist())
        return head.ordinary() if slowest is None else slowest

    def _costs(self, x: Array, *, token_count: int, max_tokens: int | None) -> tuple[Array, Array]:
        direct = self._direct()
        learned_directly = np.count_nonzero(direct)
        price_in, price_out = self._prices
        given = price_in * token_count
        if learned_directly == len(direct):
            learned, learned_high = lognormal(self._cost, x)
            return np.maximum(learned, given), np.maximum(learned_high, given)
        limit = self._most_tokens
        if max_tokens is not None:
            limit = np.minimum(limit, max_tokens)
        tokens, tokens_high = lognormal(self._tokens, x)
        cost = given + price_out * np.minimum(tokens, limit)
        high = given + price_out * np.minimum(tokens_high, limit)
        if not learned_directly:
            return cost, high
        learned, learned_high = lognormal(self._cost, x)
        learned, learned_high = np.maximum(learned, given), np.maximum(learned_high, given)
        return np.where(direct, learned, cost), np.where(direct, learned_high, high)

    def _direct(self) -> NDArray[np.bool_]:
        """(K,) arms whose cost is learned as it is, not through tokens and prices.

        Learned cost follows neither the length of a prompt nor a limit on its answer: with a price,
        it stands in until tokens are known.
        """
        known = self._tokens.weights
        return self._unpriced | ((known < FEW) & (known < self._cost.weights))

    def _latencies(self, x: Array) -> tuple[Array, Array]:
        if not self._latency.count:
            return self._unknown, self._unknown
        return lognormal(self._latency, x)
