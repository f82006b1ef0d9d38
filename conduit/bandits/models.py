"""Everything learned about the arms: quality, cost, latency and availability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.estimates import Estimates
from conduit.bandits.evidence import PriorFamily
from conduit.bandits.head import LearnedHead
from conduit.core.arms import Arm, Price
from conduit.core.outcomes import Change, Head
from conduit.core.statistics import Array, SufficientStatistics

UPPER = 1.645
"""Standard normal quantile of the upper estimates of cost and latency: 95%."""
LOG_TOKENS_CAP = math.log(20.0)
"""Expected tokens or cost are at most this multiple of the arm's running mean, in logarithms."""
ANSWERED = 5.0
"""Imagined successful calls that every arm starts with."""

ORDINARY_INPUT, ORDINARY_OUTPUT = 100, 300
"""Tokens of an ordinary call, for a first guess of what it costs."""
UNPRICED = Price(input=1.0, output=1.0)
"""A first guess for recorded models that nobody priced, in USD per million tokens."""
CHEAPEST_CALL = 1e-9
"""Free calls enter the logarithm of cost as this many USD."""

FAMILIES = MappingProxyType(
    {
        Head.QUALITY: PriorFamily(level=0.99, noise=0.3),
        Head.LOG_TOKENS: PriorFamily(level=math.log(300.0), pooled=True, bias=0.1, noise=1.0),
        Head.LOG_COST: PriorFamily(level=0.0, pooled=True, bias=0.1, noise=1.0),
        Head.LOG_LATENCY: PriorFamily(level=math.log(3.0), pooled=True, bias=0.1, noise=0.7),
    }
)
"""Quality starts optimistic, worth one rating; the others start from what all arms have shown."""


class ArmModels:
    """The heads of K arms on one context of d numbers.

    Args:
        arms: the arms, in index order. Those without a price learn their cost directly; the
            others learn output tokens, which the price table turns into money.
        dim: d, the length of the context.
        statistics: what was learned before, per (arm id, head name); arms not in it start fresh.
        contextual: False learns and scores from the bias alone.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
        *,
        dim: int,
        statistics: Mapping[tuple[str, str], SufficientStatistics] | None = None,
        contextual: bool = True,
    ) -> None:
        self.arms = tuple(arms)
        self._index = {arm.id: k for k, arm in enumerate(self.arms)}
        self._dim = dim if contextual else 1
        known = statistics or {}
        offsets = {Head.LOG_COST: np.array([_log_list_price(arm) for arm in self.arms])}
        self._heads = {
            head: LearnedHead(
                [self._stored(known, arm.id, head) for arm in self.arms],
                family,
                offsets=offsets.get(head),
            )
            for head, family in FAMILIES.items()
        }
        self._answers = np.array([self._availability(known, arm.id) for arm in self.arms])
        self._unpriced = np.array([arm.price is None for arm in self.arms])
        prices = [(a.price.input, a.price.output) if a.price else (0.0, 0.0) for a in self.arms]
        self._prices = np.array(prices).T / 1e6  # (2, K) USD per token
        self._most_tokens = np.array([float(arm.max_output_tokens) for arm in self.arms])
        self._unknown = np.full(len(self.arms), np.nan)

    def _stored(
        self, known: Mapping[tuple[str, str], SufficientStatistics], arm: str, head: Head
    ) -> SufficientStatistics:
        found = known.get((arm, head.value))
        if found is None:
            return SufficientStatistics.zero(self._dim)
        return found.leading(self._dim)

    @staticmethod
    def _availability(
        known: Mapping[tuple[str, str], SufficientStatistics], arm: str
    ) -> tuple[float, float]:
        found = known.get((arm, Head.AVAILABILITY.value))
        return (float(found.b[0]), found.weight) if found else (0.0, 0.0)

    def head(self, head: Head) -> LearnedHead:
        """One of the contextual heads."""
        return self._heads[head]

    def learn(self, change: Change, context: Array) -> None:
        """Take in one change; observations of unknown arms are left out.

        Args:
            change: a new or revised observation.
            context: (d,) of the decision it belongs to.
        """
        observation = change.observation
        arm = self._index.get(observation.arm)
        if arm is None:
            return
        y, w = observation.value, observation.weight
        if observation.head is Head.AVAILABILITY:
            known = 0.0 if change.previous is None else w
            self._answers[arm] += (w * (y - (change.previous or 0.0)), w - known)
            return
        if change.previous is None:
            self.observe(arm, observation.head, context, y, weight=w)
        else:
            x = context[: self._dim]
            self._heads[observation.head].revise(arm, x, y, change.previous, weight=w)

    def observe(self, arm: int, head: Head, context: Array, y: float, *, weight: float) -> None:
        """Take in a new value of a contextual head of the arm at that index."""
        self._heads[head].observe(arm, context[: self._dim], y, weight=weight)

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
            self._answers[arm] += self._availability(statistics, name)

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
        quality, std = self._heads[Head.QUALITY].predict(x)
        cost, cost_high = self._costs(x, token_count=token_count, max_tokens=max_tokens)
        latency, latency_high = self._latencies(x)
        answered, calls = (self._answers + ANSWERED).T
        return Estimates(
            quality=quality,
            quality_std=std,
            availability=answered / calls,
            cost=cost,
            cost_high=cost_high,
            latency=latency,
            latency_high=latency_high,
            observations=self._heads[Head.QUALITY].counts.copy(),
            ratings=self._heads[Head.QUALITY].weights.copy(),
        )

    def ordinary_cost(self, arm: Arm) -> float:
        """USD of an ordinary call at an arm's list price, whatever arms have served so far.

        What is ordinary is learned from all arms together; an arm's own verbosity does not count,
        as it does not when the same tokens are priced at a baseline. ``arm`` need not be one of
        the arms here; without a price it must be, and its own mean cost is taken.
        """
        cost, tokens = self._heads[Head.LOG_COST], self._heads[Head.LOG_TOKENS]
        if arm.price is None:
            return float(cost.running_mean()[self._index[arm.id]])
        if cost.weights.sum() > tokens.weights.sum():
            return float(np.exp(_log_list_price(arm)) * cost.ordinary())
        return arm.price.cost(input_tokens=ORDINARY_INPUT, output_tokens=tokens.ordinary())

    def ordinary_latency(self) -> float:
        """Seconds of an ordinary call, over all arms."""
        return self._heads[Head.LOG_LATENCY].ordinary()

    def _costs(self, x: Array, *, token_count: int, max_tokens: int | None) -> tuple[Array, Array]:
        direct = self._direct()
        learned_directly = np.count_nonzero(direct)
        if learned_directly == len(direct):
            return self._lognormal(Head.LOG_COST, x)
        limit = self._most_tokens
        if max_tokens is not None:
            limit = np.minimum(limit, max_tokens)
        tokens, tokens_high = self._lognormal(Head.LOG_TOKENS, x)
        price_in, price_out = self._prices
        given = price_in * token_count
        cost = given + price_out * np.minimum(tokens, limit)
        high = given + price_out * np.minimum(tokens_high, limit)
        if not learned_directly:
            return cost, high
        learned, learned_high = self._lognormal(Head.LOG_COST, x)
        return np.where(direct, learned, cost), np.where(direct, learned_high, high)

    def _direct(self) -> NDArray[np.bool_]:
        """(K,) arms whose cost is learned as it is, not through tokens and prices."""
        return self._unpriced | (
            self._heads[Head.LOG_COST].weights > self._heads[Head.LOG_TOKENS].weights
        )

    def _latencies(self, x: Array) -> tuple[Array, Array]:
        if not self._heads[Head.LOG_LATENCY].count:
            return self._unknown, self._unknown
        return self._lognormal(Head.LOG_LATENCY, x)

    def _lognormal(self, name: Head, x: Array) -> tuple[Array, Array]:
        """Mean and upper quantile of exp(target): ``exp(μ + ½(s² + σ̂²))``, capped.

        s counts up to σ̂ only: the exact mean of an arm about which little is known is
        astronomical, and would keep it unknown.
        """
        head = self._heads[name]
        mean, leverage = head.leverage(x)
        half, upper = 0.5 * head.noise**2, UPPER * head.noise
        expected, high = [], []
        for m, unsure, seen in zip(  # few arms: floats beat arrays
            mean.tolist(), leverage.tolist(), head.log_mean_seen.tolist(), strict=True
        ):
            spread = 1.0 + (unsure if unsure < 1.0 else 1.0)
            centre, far = m + half * spread, m + upper * math.sqrt(spread)
            top = seen + LOG_TOKENS_CAP
            expected.append(centre if centre < top else top)
            high.append(max(expected[-1], far if far < top else top))
        return np.exp(expected), np.exp(high)


def _log_list_price(arm: Arm) -> float:
    """Logarithm of what an ordinary call costs by the list price."""
    price = arm.price or UNPRICED
    nominal = price.cost(input_tokens=ORDINARY_INPUT, output_tokens=ORDINARY_OUTPUT)
    return float(np.log(max(nominal, CHEAPEST_CALL)))
