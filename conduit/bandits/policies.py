"""Policies by name: an estimator (contextual or not) and a selection rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.floor import Floor
from conduit.bandits.rules import (
    UCB1,
    ComplexityThreshold,
    DifficultyThreshold,
    EpsilonGreedy,
    Greedy,
    Rule,
    SquareCB,
    Thompson,
    Uniform,
    UpperConfidence,
)
from conduit.bandits.trial import NO_TRIAL, TRIAL, Trial
from conduit.bandits.utility import Weights
from conduit.core.errors import UnknownModelError, UnknownPolicyError
from conduit.core.statistics import Array

NO_FLOOR = Floor(epsilon=0.0)
FIXED = "fixed:"
FIRST_RATING = 0.5
"""Ratings that the evidence about an arm is worth from which on it was rated: less than one, for
those that fade, and more than what a question says that was asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How arms are chosen.

    Args:
        name: what users type.
        rule: from utilities to propensities.
        contextual: False sees every prompt alike.
        floor: least propensity per arm.
        weights: a trade-off that overrides the caller's; None keeps theirs.
        only: the one arm that may be chosen; None leaves all.
        neighbours: quality is that of the nearest labelled queries, not what was learned.
        unrated: what decides until an arm that may be chosen was rated; None is this one itself.
    """

    name: str
    rule: Rule
    contextual: bool = True
    floor: Floor = Floor()
    weights: Weights | None = None
    only: str | None = None
    neighbours: bool = False
    unrated: Policy | None = None

    @property
    def trial(self) -> Trial:
        """Tries for new arms: none where the policy has no floor, and chooses as it sees fit."""
        return TRIAL if self.floor.epsilon > 0 else NO_TRIAL

    def facing(self, ratings: Array, allowed: NDArray[np.bool_]) -> Policy:
        """The policy that decides among arms of which so much is known.

        Args:
            ratings: (K,) what the evidence about each arm is worth, in ratings.
            allowed: (K,) bool, arms that may be chosen.
        """
        if self.unrated is None or (ratings[allowed] >= FIRST_RATING).any():
            return self
        return self.unrated

    def allowed(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """(K,) which of these arms the policy chooses among."""
        return np.array([self.only in (None, name) for name in names])


_BY_DIFFICULTY = Policy(name="difficulty", rule=DifficultyThreshold(), floor=NO_FLOOR)
_NAMED = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            Policy(name="thompson", rule=Thompson()),
            Policy(name="rated_thompson", rule=Thompson(), unrated=_BY_DIFFICULTY),
            Policy(name="linucb", rule=UpperConfidence()),
            Policy(name="squarecb", rule=SquareCB(), floor=NO_FLOOR),
            Policy(name="epsilon_greedy", rule=EpsilonGreedy(), floor=NO_FLOOR),
            Policy(name="thompson_noncontextual", rule=Thompson(), contextual=False),
            Policy(name="ucb1", rule=UCB1(), contextual=False),
            Policy(name="complexity", rule=ComplexityThreshold(), floor=NO_FLOOR),
            Policy(name="knn", rule=Greedy(), floor=NO_FLOOR, neighbours=True),
            Policy(name="random", rule=Uniform(), floor=NO_FLOOR),
            Policy(
                name="cheapest",
                rule=Greedy(),
                floor=NO_FLOOR,
                weights=Weights(quality=0.0, cost=1.0, latency=0.0),
            ),
            Policy(
                name="best",
                rule=Greedy(),
                floor=NO_FLOOR,
                weights=Weights(quality=1.0, cost=0.0, latency=0.0),
            ),
        )
    }
)
_FIXED = Policy(name=FIXED, rule=Greedy(), floor=NO_FLOOR)


def policy_names() -> tuple[str, ...]:
    """Names that :func:`policy_named` answers to, ``fixed:<model>`` apart."""
    return tuple(_NAMED)


def policy_named(name: str, *, models: Sequence[str]) -> Policy:
    """The policy that a user means.

    Args:
        name: one of :func:`policy_names`, or ``fixed:<model>``.
        models: ids of the arms, for ``fixed:``.

    Raises:
        UnknownPolicyError: for another name.
        UnknownModelError: for ``fixed:`` with a model that is no arm.
    """
    if name.startswith(FIXED):
        model = name.removeprefix(FIXED)
        if model not in models:
            raise UnknownModelError(model, known=models)
        return replace(_FIXED, name=name, only=model)
    if name not in _NAMED:
        raise UnknownPolicyError(name, known=[*_NAMED, "fixed:<model>"])
    return _NAMED[name]
