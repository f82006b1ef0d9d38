"""What is expected of every arm for one prompt, as arrays over the arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimates:
    """Expectations of K arms for one prompt.

    Args:
        quality: (K,) posterior mean of quality.
        quality_std: (K,) standard deviation of that mean.
        availability: (K,) probability that the arm answers, 0..1.
        cost: (K,) expected USD.
        cost_high: (K,) upper quantile of cost, USD.
        latency: (K,) expected seconds; NaN where no latency was ever observed for any arm.
        latency_high: (K,) upper quantile of latency, seconds; NaN likewise.
        observations: (K,) number of quality observations.
        ratings: (K,) what they are worth together; one explicit rating is 1.
        arms: ids, in index order; empty where they are the same for ever.
    """

    quality: Array
    quality_std: Array
    availability: Array
    cost: Array
    cost_high: Array
    latency: Array
    latency_high: Array
    observations: NDArray[np.int64]
    ratings: Array
    arms: tuple[str, ...] = ()
