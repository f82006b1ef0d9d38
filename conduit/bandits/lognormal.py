"""What a quantity costs or takes whose logarithm is learned: its mean, and its upper end."""

from __future__ import annotations

import math

import numpy as np

from conduit.bandits.head import LearnedHead
from conduit.core.statistics import Array

UPPER = 1.645
"""Standard normal quantile of the upper estimates of cost and latency: 95%."""
LOG_TOKENS_CAP = math.log(20.0)
"""Expected tokens or cost are at most this multiple of the arm's running mean, in logarithms."""


def lognormal(head: LearnedHead, x: Array) -> tuple[Array, Array]:
    """Mean and upper quantile of exp(target): ``exp(μ + ½(s² + σ̂²))``, capped.

    s counts up to σ̂ only: the exact mean of an arm about which little is known is astronomical,
    and would keep it unknown.
    """
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
