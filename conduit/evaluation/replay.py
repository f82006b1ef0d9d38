"""Replay of a policy on recorded outcomes: the engine's decisions without the engine.

Estimates, selection, pacing and learning are those of a running router, step by step; there is no
store, no encoder and no event loop, so thousands of prompts a second can be replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from conduit.bandits.chooser import Chooser, Wish
from conduit.bandits.estimates import Estimates
from conduit.bandits.models import ArmModels
from conduit.bandits.pacer import Pacer
from conduit.bandits.steering import BudgetPerRequest, Steering
from conduit.bandits.targets import COST_FLOOR
from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError
from conduit.core.models import QueryConstraints
from conduit.core.outcomes import Head
from conduit.core.statistics import Array
from conduit.evaluation.setting import Moment, Setting
from conduit.evaluation.stream import Stream

_UNLIMITED = QueryConstraints()
_LOG_CHEAPEST = math.log(COST_FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """What happened at each of n steps.

    Args:
        rows: (n,) position of the prompt in the stream.
        arms: (n,) index of the arm that was drawn.
        quality: (n,) obtained, 0..1.
        cost: (n,) USD spent.
        probabilities: (n, K) propensities it was drawn with.
        predicted: (n, K) quality expected before the call.
        predicted_cost: (n, K) USD expected before the call.
        price: (n,) the steering's λ after the step; 0 without one.
    """

    rows: NDArray[np.intp]
    arms: NDArray[np.intp]
    quality: Array
    cost: Array
    probabilities: Array
    predicted: Array
    predicted_cost: Array
    price: Array

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.rows)

    def since(self, step: int) -> Replay:
        """The steps from that one on."""
        return Replay(**{name: getattr(self, name)[step:] for name in Replay.__slots__})


def replay(
    stream: Stream,
    setting: Setting,
    *,
    rng: np.random.Generator,
    order: ArrayLike | None = None,
) -> Replay:
    """Let a policy decide prompt by prompt, and learn from what it chose.

    Args:
        stream: the prompts, and what every arm would have given.
        setting: the policy and its conditions.
        rng: draws arms, once per step.
        order: positions in the stream, in the order to be replayed; None keeps the stream's.

    Raises:
        InvalidInputError: for a baseline without a price that is no arm, and for a policy that
            judges by what was not given: labelled queries, embeddings, complexity, difficulty.
    """
    rows = np.arange(len(stream)) if order is None else np.asarray(order, dtype=np.intp)
    loop = _Loop(stream, setting, rng)
    steps, arms = len(rows), len(stream.arms)
    record = Replay(
        rows=rows,
        arms=np.empty(steps, np.intp),
        quality=np.empty(steps),
        cost=np.empty(steps),
        probabilities=np.empty((steps, arms)),
        predicted=np.empty((steps, arms)),
        predicted_cost=np.empty((steps, arms)),
        price=np.zeros(steps),
    )
    for step, row in enumerate(rows):
        loop.advance(step, int(row), record)
    return record


class _Loop:
    def __init__(self, stream: Stream, setting: Setting, rng: np.random.Generator) -> None:
        self._stream, self._setting = stream, setting
        self._neighbours = setting.neighbours_for(stream)
        policy, arms = setting.policy, stream.arms
        self._models = ArmModels(
            arms,
            dim=stream.dim,
            statistics=setting.statistics,
            contextual=policy.contextual,
            forgetting=setting.forgetting,
            vigilance=setting.vigilance,
        )
        self._chooser = Chooser(
            policy,
            baseline=_baseline(stream, setting.baseline),
            steering=_steering(setting),
            rng=rng,
        )
        self._targets = stream.targets()
        self._allowed = policy.allowed([arm.id for arm in arms])
        self._present = self._allowed
        self._complexity = None if stream.complexity is None else stream.complexity.tolist()
        self._difficulty = None if stream.difficulty is None else stream.difficulty.tolist()
        self._tokens = stream.prompt_tokens.tolist()

    def advance(self, step: int, row: int, record: Replay) -> None:
        stream, models, chooser = self._stream, self._models, self._chooser
        models.advance(step)
        moment = None if self._setting.world is None else self._setting.world(step, models)
        self._notice(moment)
        estimates = self._estimates(row)
        chooser.arrive(float(step))
        chosen = chooser.choose(estimates, models, self._wish(row))
        assert chosen is not None  # without max_cost, an arm is always left
        chooser.account(estimates, chosen)
        arm = chosen.arm
        better, dearer = (1.0, 1.0) if moment is None else moment.of(arm)
        quality = float(stream.quality[row, arm]) * better
        cost = float(stream.cost[row, arm]) * dearer
        chooser.settle(expected=float(estimates.cost[arm]), actual=cost)
        if self._setting.learning:
            self._learn(row, arm, quality=quality, dearer=dearer)
        record.arms[step], record.quality[step], record.cost[step] = arm, quality, cost
        record.probabilities[step] = chosen.probabilities
        record.predicted[step] = estimates.quality
        record.predicted_cost[step] = estimates.cost
        if chooser.steering is not None:
            record.price[step] = chooser.steering.price

    def _learn(self, row: int, arm: int, *, quality: float, dearer: float) -> None:
        context = self._stream.contexts[row]
        for head, targets in self._targets.items():
            value = float(targets[row, arm])
            if head is Head.QUALITY:
                value = quality
            elif head is Head.LOG_COST:
                value = max(value + math.log(dearer), _LOG_CHEAPEST)
            if not math.isnan(value):
                self._models.observe(arm, head, context, value, weight=1.0)
        for said in self._models.contradictions():
            self._models.discount(said)

    def _notice(self, moment: Moment | None) -> None:
        """Arms that come or go are met as by a router: priors are chosen anew when they do."""
        present = self._allowed
        if moment is not None and moment.allowed is not None:
            present = present & moment.allowed
        if (present == self._present).all():
            return
        self._present = present
        self._models.rebuild()

    def _estimates(self, row: int) -> Estimates:
        stream, neighbours = self._stream, self._neighbours
        found = self._models.estimate(stream.contexts[row], token_count=self._tokens[row])
        if neighbours is None or stream.embeddings is None:
            return found
        return neighbours.refine(found, stream.embeddings[row])

    def _wish(self, row: int) -> Wish:
        return Wish(
            constraints=_UNLIMITED,
            weights=self._setting.weights,
            allowed=self._present,
            complexity=0.0 if self._complexity is None else self._complexity[row],
            difficulty=0.0 if self._difficulty is None else self._difficulty[row],
            unit_cost=self._setting.unit_cost,
        )


def _steering(setting: Setting) -> Steering | None:
    if setting.budget is None:
        return setting.steering
    return BudgetPerRequest(pacer=Pacer.start(setting.budget, setting.gains))


def _baseline(stream: Stream, given: Arm | None) -> Arm:
    if given is None:
        return stream.arms[int(stream.cost.mean(axis=0).argmax())]
    if given.price is None and given not in stream.arms:
        raise InvalidInputError(
            f"baseline {given.id!r} is no arm and has no price", remedy="give one of the arms"
        )
    return given
