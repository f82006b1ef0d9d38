"""A replay as the log it would have left, for questions whose answers are recorded."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.core.arms import Arm
from conduit.evaluation.logged import Log
from conduit.evaluation.replay import Replay


def log_of(replayed: Replay, arms: Sequence[Arm]) -> Log:
    """What a router would have on record of these steps, every answer rated and paid.

    Args:
        replayed: what happened.
        arms: K arms, in the order of its columns.
    """
    return Log(
        arms=tuple(arm.id for arm in arms),
        propensity=replayed.probabilities,
        chosen=replayed.arms,
        quality=replayed.quality,
        cost=replayed.cost,
        expected_quality=replayed.predicted,
        expected_cost=replayed.predicted_cost,
    )
