"""Under which conditions a policy is replayed, and how the world may change meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.models import ArmModels
from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.pacer import PacerGains
from conduit.bandits.policies import Policy
from conduit.bandits.rules import ComplexityThreshold
from conduit.bandits.steering import Steering
from conduit.bandits.utility import PRESETS, Weights
from conduit.bandits.vigilance import Vigilance
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError
from conduit.core.forgetting import Forgetting
from conduit.core.models import OptimizeFor
from conduit.core.statistics import Array, SufficientStatistics
from conduit.evaluation.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """How one step differs from what was recorded.

    Args:
        quality: (K,) factors on quality.
        cost: (K,) factors on cost.
        allowed: (K,) bool, arms that exist at this step; None allows all. An arm that appears
            is met as one that is added to a running router.
    """

    quality: Array | float = 1.0
    cost: Array | float = 1.0
    allowed: NDArray[np.bool_] | None = None

    def of(self, arm: int) -> tuple[float, float]:
        """The factors on quality and on cost of one arm."""
        quality, cost = np.asarray(self.quality), np.asarray(self.cost)
        return (
            float(quality[arm] if quality.ndim else quality),
            float(cost[arm] if cost.ndim else cost),
        )


class World(Protocol):
    """What changes while a replay runs."""

    def __call__(self, step: int, models: ArmModels) -> Moment:
        """The moment of that step, counted from 0.

        It may tell the models what became known: a new list price by ``models.reprice``, as a
        router is told. What calls then cost is said by :class:`Moment`, told or not.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """Under which conditions a policy is replayed.

    Args:
        policy: how arms are chosen.
        budget: USD per request; None without a pacer.
        gains: of the pacer.
        steering: another goal, in the place of a budget.
        weights: the trade-off, unless the policy has its own.
        baseline: the arm whose ordinary call is the unit of cost; None takes the one with the
            highest mean cost as recorded.
        unit_cost: USD that the cost weight pays, in the place of the baseline's ordinary call.
        statistics: what was learned before, per (arm id, head name).
        learning: whether the policy learns from what it sees.
        world: what changes on the way; None changes nothing.
        forgetting: how fast evidence fades; the clock ticks once per request, so that a half-life
            is a number of requests.
        vigilance: when an arm has changed.
        neighbours: labelled queries, which the policy ``knn`` needs and the others leave alone.
    """

    policy: Policy
    budget: float | None = None
    gains: PacerGains = PacerGains()
    steering: Steering | None = None
    weights: Weights = PRESETS[OptimizeFor.BALANCED]
    baseline: Arm | None = None
    unit_cost: float | None = None
    statistics: Mapping[tuple[str, str], SufficientStatistics] = field(default_factory=dict)
    learning: bool = True
    world: World | None = None
    forgetting: Forgetting = Forgetting()
    vigilance: Vigilance = Vigilance()
    neighbours: NearestNeighbours | None = None

    def neighbours_for(self, stream: Stream) -> NearestNeighbours | None:
        """The labelled queries of this stream's arms; None where the policy learns quality.

        Raises:
            InvalidInputError: for a policy that judges by what was not given: labelled queries and
                embeddings, or the prompts' complexity or difficulty.
        """
        name = self.policy.name
        if isinstance(self.policy.rule, ComplexityThreshold) and stream.complexity is None:
            raise _unjudged(name, "complexity")
        if self.policy.unrated is not None and stream.difficulty is None:
            raise _unjudged(name, "difficulty")
        if not self.policy.neighbours:
            return None
        if self.neighbours is None or stream.embeddings is None:
            missing = "labelled queries" if self.neighbours is None else "the prompts' embeddings"
            raise InvalidInputError(
                f"policy {name!r} needs {missing}",
                remedy="give Setting neighbours= and Stream embeddings=, or choose another policy",
            )
        return self.neighbours.of([arm.id for arm in stream.arms])


def _unjudged(policy: str, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"policy {policy!r} needs the {what} of every prompt",
        remedy=f"give Stream {what}=, or choose another policy",
    )
