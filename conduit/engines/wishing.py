"""From a query to a wish: which arms may answer, and what is added to their utility."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.chooser import Wish
from conduit.bandits.estimates import Estimates
from conduit.bandits.means import Means
from conduit.bandits.neighbours import NearestNeighbours
from conduit.bandits.policies import Policy
from conduit.bandits.utility import PRESETS
from conduit.core.arms import Arm
from conduit.core.decisions import QueryFeatures
from conduit.core.errors import InvalidInputError, NoAffordableModelError, UnknownModelError
from conduit.core.models import OptimizeFor, Query
from conduit.core.statistics import Array
from conduit.engines.warmth import Warm

PREFERRED_BONUS = 0.05
"""Utility added to the arms of a preferred provider: five points of quality, no more."""
DISCOUNT = 0.5
"""Share of the input price that providers let go for a prompt they have just read, at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRules:
    """What stays the same from one decision to the next, while the arms stay the same.

    Args:
        baseline: the model whose ordinary call is the unit of cost; need not be an arm.
        policy: how arms are chosen.
        optimize_for: the trade-off for queries that bring none.
        layout: identity of the context layout.
        neighbours: labelled queries of the arms that estimate quality; None learns it.
    """

    baseline: Arm
    policy: Policy
    optimize_for: OptimizeFor
    layout: str
    neighbours: NearestNeighbours | None = None

    def wish(
        self,
        query: Query,
        features: QueryFeatures,
        arms: Sequence[Arm],
        *,
        only: Collection[str] | None,
        means: Means,
    ) -> Wish:
        """What a query asks for, and what hard budgets leave for it.

        Raises:
            InvalidInputError: where ``only`` allows none.
            UnknownModelError: where it allows one that is no arm.
        """
        preferences, preferred = query.preferences, query.constraints.preferred_provider
        wished = preferences.optimize_for if preferences else self.optimize_for
        liked = [PREFERRED_BONUS * (arm.provider == preferred) for arm in arms]
        return Wish(
            constraints=query.constraints,
            weights=PRESETS[wished],
            allowed=self._allowed([arm.id for arm in arms], only),
            bonus=np.array(liked),
            complexity=features.complexity_score,
            difficulty=features.difficulty,
            means=means,
        )

    def _allowed(self, names: Sequence[str], only: Collection[str] | None) -> NDArray[np.bool_]:
        if only is None:
            return self.policy.allowed(names)
        if not only:
            raise InvalidInputError("models=[] allows none", remedy="name a model, or leave it out")
        for name in only:
            if name not in names:
                raise UnknownModelError(name, known=names)
        return np.array([name in only for name in names])


def narrowed(wish: Wish, arms: Sequence[Arm], *, without: Collection[str]) -> Wish:
    """The wish for any arm but these; the wish itself where that leaves all, or none."""
    if not without:
        return wish
    allowed = wish.allowed & np.array([arm.id not in without for arm in arms])
    return replace(wish, allowed=allowed) if allowed.any() else wish


def lost_discount(
    estimates: Estimates, arms: Sequence[Arm], warm: Warm, *, allowed: NDArray[np.bool_]
) -> Array:
    """(K,) USD that leaving a model costs which has just read the beginning of this prompt.

    It is charged to arms that are expected to answer no better than that model: whoever moves to
    them moves for the money, of which this is a part. It is never charged to better ones, and to
    nobody where there is no staying.

    Args:
        estimates: of the arms for this prompt.
        arms: in index order.
        warm: which model, and how much of it.
        allowed: (K,) arms that may be chosen.
    """
    charges = np.zeros(len(arms))
    here = next((k for k, arm in enumerate(arms) if arm.id == warm.arm), None)
    if here is None or not allowed[here]:
        return charges
    price = arms[here].price
    if price is None:
        return charges
    charges[estimates.quality <= estimates.quality[here]] = DISCOUNT * price.cost(
        input_tokens=warm.tokens, output_tokens=0
    )
    charges[here] = 0.0
    return charges


def too_dear(arms: Sequence[Arm], estimates: Estimates, wish: Wish) -> NoAffordableModelError:
    """The error that no arm fits ``max_cost``; it names the cheapest."""
    costs = np.where(wish.allowed, estimates.cost_high, np.inf)
    cheapest = int(costs.argmin())
    return NoAffordableModelError(
        wish.constraints.max_cost or 0.0,
        cheapest=arms[cheapest].id,
        cost=float(costs[cheapest]),
    )
