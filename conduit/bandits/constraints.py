"""Which arms may be chosen, and what gives way when none may."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.estimates import Estimates
from conduit.core.models import QueryConstraints
from conduit.core.statistics import Array

Mask = NDArray[np.bool_]

TRUSTED_AFTER = 20
"""Ratings after which ``min_quality`` looks at the lower confidence bound."""
RELAXATIONS = ((), ("min_quality",), ("max_latency",), ("min_quality", "max_latency"))
"""What is given up, tried in this order until an arm is left."""
LOWER_BOUND = 1.0
"""Posterior standard deviations of that bound."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feasibility:
    """The arms left to choose among.

    Args:
        mask: (K,) bool; empty only when ``max_cost`` excludes every arm.
        relaxed: what had to give way, in the order in which it did.
    """

    mask: Mask
    relaxed: tuple[str, ...] = ()


def feasible_arms(
    estimates: Estimates,
    constraints: QueryConstraints,
    *,
    allowed: Mask,
    headroom: float | Array = np.inf,
) -> Feasibility:
    """Arms that satisfy every constraint, relaxing where none does.

    ``min_quality`` gives way first, then ``max_latency``, then both; ``max_cost`` never does. The
    pacer's headroom (``budget``) removes what cannot be afforded; where it would remove all that is
    left, the cheapest of them stays.

    Args:
        estimates: of K arms.
        constraints: of the query.
        allowed: (K,) bool, arms that may be considered at all.
        headroom: USD that the budget leaves for this call; (K,) where it is another for every arm.
    """
    if constraints.max_cost is not None:
        allowed = allowed & (estimates.cost_high <= constraints.max_cost)
    if not np.count_nonzero(allowed):
        return Feasibility(mask=allowed)
    wished, relaxed = _relaxed(allowed, _limits(estimates, constraints))
    if not isinstance(headroom, np.ndarray) and headroom == np.inf:
        return Feasibility(mask=wished, relaxed=relaxed)
    affordable = estimates.cost_high <= headroom
    if (wished & affordable).any():
        return Feasibility(mask=wished & affordable, relaxed=relaxed)
    cheapest = estimates.cost_high == estimates.cost_high[wished].min()
    return Feasibility(mask=wished & cheapest, relaxed=("budget", *relaxed))


def _relaxed(allowed: Mask, limits: Mapping[str, Mask]) -> tuple[Mask, tuple[str, ...]]:
    """The arms within all limits but those that have to give way, and which these are."""
    if not limits:
        return allowed, ()
    return next(
        (mask, given_up)
        for given_up in RELAXATIONS
        if np.count_nonzero(mask := _satisfying(allowed, limits, but=given_up))
    )


def _satisfying(allowed: Mask, limits: Mapping[str, Mask], *, but: Collection[str]) -> Mask:
    for name, mask in limits.items():
        allowed = allowed if name in but else allowed & mask
    return allowed


def _limits(estimates: Estimates, constraints: QueryConstraints) -> dict[str, Mask]:
    limits = {}
    if constraints.min_quality is not None:
        limits["min_quality"] = _good_enough(estimates, constraints.min_quality)
    if constraints.max_latency is not None:
        limits["max_latency"] = _fast_enough(estimates, constraints.max_latency)
    return limits


def _fast_enough(estimates: Estimates, limit: float) -> Mask:
    known = np.isfinite(estimates.latency_high)
    return ~known | (estimates.latency_high <= limit)


def _good_enough(estimates: Estimates, limit: float) -> Mask:
    trusted = estimates.ratings >= TRUSTED_AFTER
    bound = estimates.quality - LOWER_BOUND * estimates.quality_std * trusted
    return np.asarray(bound >= limit)
