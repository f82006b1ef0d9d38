"""What changes in ``drift``: three phases, and who is told of what.

Each scenario changes one arm in the second of three phases and puts it back for the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conduit.bandits.models import ArmModels
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError
from conduit.evaluation.setting import Moment
from conduit.evaluation.stream import Stream

PHASE = 608
"""Prompts of a phase: a third of ParetoBandit's test split, as in its own experiments."""
PHASES = 3
BUDGETS = (3.0e-4, 6.62e-4, 1.87e-3)
"""USD per request: tight, moderate and loose in ParetoBandit's own experiments with drift."""
DEAREST = "google/gemini-2.5-pro"
FAILING = "mistralai/mistral-large-2512"
"""The arm that fails in ParetoBandit's own experiments."""
PRICE_FACTOR = 0.01
FAILED_QUALITY = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One arm changes in the second phase.

    Args:
        name: of the scenario.
        arm: id of the arm.
        quality: factor on its quality in the second phase.
        cost: factor on its cost in the second phase.
        told: whether routers are told of its new price.
    """

    name: str
    arm: str
    quality: float = 1.0
    cost: float = 1.0
    told: bool = False

    def factors(self, phase: int) -> tuple[float, float]:
        """On the arm's quality and cost in a phase, counted from 0."""
        return (self.quality, self.cost) if phase == 1 else (1.0, 1.0)

    def moment(self, phase: int, arms: Sequence[Arm]) -> Moment:
        """Factors on every arm in a phase, counted from 0."""
        changed = np.array([arm.id == self.arm for arm in arms])
        quality, cost = self.factors(phase)
        return Moment(quality=np.where(changed, quality, 1.0), cost=np.where(changed, cost, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A scenario as the world of a replay, one phase after the other.

    Args:
        scenario: what changes.
        arms: of the replay; a scenario whose price is told needs one of them priced.
    """

    scenario: Scenario
    arms: Sequence[Arm]

    def __call__(self, step: int, models: ArmModels) -> Moment:
        """The moment of that step; at the start of a phase the models may hear of a price."""
        phase, place = divmod(step, PHASE)
        if self.scenario.told and phase and not place:
            models.reprice(self.scenario.arm, self._price(phase))
        return self.scenario.moment(phase, self.arms)

    def _price(self, phase: int) -> Price:
        listed = next(arm.price for arm in self.arms if arm.id == self.scenario.arm)
        assert listed is not None  # recorded arms have list prices, or there is nothing to tell
        _, factor = self.scenario.factors(phase)
        return Price(input=factor * listed.input, output=factor * listed.output)


def scenarios(measure: Stream) -> tuple[Scenario, ...]:
    """The scenarios on these prompts: a price that falls, told or in silence, and a failing arm."""
    column = [arm.id for arm in measure.arms].index(FAILING)
    quality = FAILED_QUALITY / float(measure.quality[:, column].mean())
    return (
        Scenario(name="price told", arm=DEAREST, cost=PRICE_FACTOR, told=True),
        Scenario(name="price silent", arm=DEAREST, cost=PRICE_FACTOR),
        Scenario(name="quality", arm=FAILING, quality=quality),
    )


def draw_phases(prompts: int, seed: int) -> NDArray[np.intp]:
    """(3 · 608,) positions, no prompt twice in a phase.

    Where there are enough prompts, none is seen twice at all: a shuffle, cut into phases. With
    fewer each phase is a draw of its own, and prompts come again in other phases.

    Raises:
        InvalidInputError: when they do not fill one phase.
    """
    if prompts < PHASE:
        raise InvalidInputError(
            f"{prompts} prompts do not fill a phase of {PHASE}", remedy="give more prompts"
        )
    rng = np.random.default_rng(seed)
    if prompts >= PHASES * PHASE:
        return rng.permutation(prompts)[: PHASES * PHASE]
    return np.concatenate([rng.permutation(prompts)[:PHASE] for _ in range(PHASES)])
