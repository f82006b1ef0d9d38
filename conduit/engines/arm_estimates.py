"""What was expected of every arm, as values that a decision keeps."""

from __future__ import annotations

import math

from conduit.bandits.estimates import Estimates
from conduit.core.decisions import ArmEstimate


def arm_estimates(estimates: Estimates) -> list[ArmEstimate]:
    """In index order. Whole arrays are taken apart at once: numpy's scalars are slow."""
    columns = zip(
        estimates.quality.tolist(),
        estimates.quality_std.tolist(),
        estimates.cost.tolist(),
        estimates.cost_high.tolist(),
        estimates.latency.tolist(),
        estimates.observations.tolist(),
        strict=True,
    )
    return [
        ArmEstimate(
            mean=mean,
            std=std,
            cost=cost,
            cost_high=cost_high,
            latency=None if math.isnan(latency) else latency,
            observations=observations,
        )
        for mean, std, cost, cost_high, latency, observations in columns
    ]
