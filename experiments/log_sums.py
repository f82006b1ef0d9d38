"""Learned state against sums made anew from the log: what any crash and any crowd must leave equal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conduit.core.outcomes import Head, Signal
from conduit.core.ports import Store
from conduit.core.statistics import SufficientStatistics
from experiments.report import Check

EQUAL = 1e-9
"""Difference of learned state and the log's sums, relative to the largest sum."""
Sums = Mapping[str, SufficientStatistics]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The ratings that a store holds.

    Args:
        rated: ids of the decisions, one for each rating.
        logged: sums of them, made anew; per arm.
        learned: the store's own.
    """

    rated: list[str]
    logged: Sums
    learned: Sums

    @property
    def error(self) -> float:
        """Largest difference of the two, relative to the largest sum."""
        return difference(self.learned, self.logged)


async def kept_by(store: Store) -> Kept:
    """Read the log and the learned state of an open store."""
    rated: list[str] = []
    logged: dict[str, SufficientStatistics] = {}
    async for entry in store.log():
        context = entry.decision.features.context.astype(np.float64)
        for seen in entry.observations:
            if seen.signal is Signal.RATING:
                rated.append(seen.decision_id)
                before = logged.get(seen.arm) or SufficientStatistics.zero(len(context))
                logged[seen.arm] = before.observe(context, seen.value, weight=seen.weight)
    state = (await store.load()).statistics
    learned = {arm: sums for (arm, head), sums in state.items() if head == Head.QUALITY.value}
    return Kept(rated=rated, logged=logged, learned=learned)


def difference(one: Sums, other: Sums) -> float:
    """Largest difference of two states; infinite where they are not of the same arms."""
    if one.keys() != other.keys():
        return math.inf
    return max((_difference(one[arm], other[arm]) for arm in one), default=0.0)


def equality(name: str, error: float) -> Check:
    """Whether an error is within the bound, counted in bounds so that it can be read."""
    return Check(name=f"{name}: error / {EQUAL:g}", value=error / EQUAL, bound=1.0, most=True)


def _difference(one: SufficientStatistics, other: SufficientStatistics) -> float:
    rest = [np.array([it.yy, it.weight, float(it.count)]) for it in (one, other)]
    pairs = ((one.A, other.A), (one.b, other.b), (rest[0], rest[1]))
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1.0)) for a, b in pairs)
