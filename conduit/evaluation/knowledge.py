"""What a rule would have seen at each logged decision, besides the means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rates:
    """What each of n decisions traded quality, money and time at; NaN where that is not on record.

    Args:
        unit_cost: (n,) USD per unit of the cost weight.
        unit_latency: (n,) seconds per unit of the latency weight.
        price_of_money: (n,) quality per USD, 0 without a budget.
        budget: (n,) USD per request; NaN also without one.
        quality_weight: (n,) of the trade-off that the query asked for.
        cost_weight: (n,) likewise, 0 where a goal priced money in its place.
        latency_weight: (n,) likewise.
    """

    unit_cost: Floats
    unit_latency: Floats
    price_of_money: Floats
    budget: Floats
    quality_weight: Floats
    cost_weight: Floats
    latency_weight: Floats

    @classmethod
    def unknown(cls, n: int) -> Rates:
        """Of n decisions from before rates were recorded."""
        return cls(**{name: np.full(n, np.nan) for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Knowledge:
    """What a rule would have seen at each of the n decisions, besides means.

    Args:
        known: (n, K) bool, arms that had an estimate.
        offered: (n, K) bool, arms that no constraint excluded.
        quality_std: (n, K) standard deviation of the estimate of quality.
        latency: (n, K) expected seconds; NaN while none was known.
        observations: (n, K) quality observations behind the estimate.
        ratings: (n, K) what these were worth; their number, where that is not on record.
        complexity: (n,) how much the prompt asked for, 0..1.
        probed: (n, K) share of requests that a goal had asked an arm whatever the prompt.
        rates: what the decisions were made at.
    """

    known: NDArray[np.bool_]
    offered: NDArray[np.bool_]
    quality_std: Floats
    latency: Floats
    observations: Floats
    ratings: Floats
    complexity: Floats
    probed: Floats
    rates: Rates
