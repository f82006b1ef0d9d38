"""Decisions read from a store to arrays; what teaches nothing is left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from conduit.bandits.policies import FIXED
from conduit.core.decisions import Decision
from conduit.core.errors import InvalidInputError
from conduit.core.log import LoggedDecision
from conduit.evaluation.knowledge import Knowledge, Rates
from conduit.evaluation.logged import Log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BLOCK = 2048
_CELLS = 9
_PROPENSITY, _MEAN, _STD, _COST, _LATENCY, _COUNT, _OFFERED, _RATINGS, _PROBED = range(_CELLS)


class Exclusion(StrEnum):
    """Why a decision is left out."""

    FORCED = "forced"
    FAILED = "failed"
    FALLBACK = "fallback"
    NO_ESTIMATE = "no_estimate"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogFrame:
    """A store's log, ready to be asked.

    Args:
        log: the decisions that count.
        knowledge: what was known at each of them.
        decisions: number read, the excluded ones among them.
        excluded: how many were left out, and why.
        policies: how many of those that count each policy made.
    """

    log: Log
    knowledge: Knowledge
    decisions: int
    excluded: Mapping[Exclusion, int]
    policies: Mapping[str, int]


def exclusion_of(logged: LoggedDecision) -> Exclusion | None:
    """Why a decision says nothing about choosing; None where it counts.

    A forced choice has no propensity; of an answer by another model than the one drawn, or none
    at all, nothing is learned about the one drawn.
    """
    decision, served = logged.decision, logged.served_arm
    if decision.forced:
        return Exclusion.FORCED
    if served is None:
        return Exclusion.FAILED
    if served != decision.selected_model:
        return Exclusion.FALLBACK
    drawn = decision.probabilities.get(served, 0.0) > 0
    return None if drawn and served in decision.estimates else Exclusion.NO_ESTIMATE


class FrameBuilder:
    """Collects decisions into arrays: a few hundred bytes for each, whatever its record takes.

    Arms may come and go along the log: the frame has every arm that ever had an estimate.
    """

    def __init__(self) -> None:
        self._arms: dict[str, int] = {}
        self._excluded: Counter[Exclusion] = Counter()
        self._policies: Counter[str] = Counter()
        self._blocks: list[Floats] = []
        self._block: list[dict[int, tuple[float, ...]]] = []
        self._outcomes: list[tuple[int, float, float]] = []
        self._circumstances: list[tuple[float, ...]] = []

    def add(self, logged: LoggedDecision) -> None:
        """Take in one decision."""
        excluded = exclusion_of(logged)
        if excluded is not None:
            self._excluded[excluded] += 1
            return
        decision, rating, cost = logged.decision, logged.rating, logged.cost
        self._policies[decision.policy] += 1
        self._block.append({self._column(name): _cell(logged, name) for name in decision.estimates})
        self._outcomes.append(
            (
                self._column(decision.selected_model),
                np.nan if rating is None else rating.value,
                np.nan if cost is None else cost,
            )
        )
        self._circumstances.append((decision.features.complexity_score, *_rates(decision)))
        if len(self._block) == _BLOCK:
            self._pack()

    def build(self) -> LogFrame:
        """The frame of what was added.

        Raises:
            InvalidInputError: when nothing that counts was added.
        """
        self._pack()
        cells = self._cells()
        chosen, quality, cost = np.array(self._outcomes).reshape(-1, 3).T
        complexity, *rates = np.array(self._circumstances).reshape(-1, 1 + len(Rates.__slots__)).T
        known = np.isfinite(cells[_MEAN])
        mean, expected_cost = (np.where(known, cells[at], 0.0) for at in (_MEAN, _COST))
        if not len(chosen):
            raise self._nothing()
        log = Log(
            arms=tuple(self._arms),
            propensity=np.nan_to_num(cells[_PROPENSITY]),
            chosen=chosen.astype(np.intp),
            quality=quality,
            cost=cost,
            expected_quality=mean,
            expected_cost=expected_cost,
        )
        knowledge = Knowledge(
            known=known,
            offered=cells[_OFFERED] == 1.0,
            quality_std=np.nan_to_num(cells[_STD]),
            latency=cells[_LATENCY],
            observations=np.nan_to_num(cells[_COUNT]),
            ratings=np.nan_to_num(cells[_RATINGS]),
            complexity=complexity,
            probed=np.nan_to_num(cells[_PROBED]),
            rates=Rates(**dict(zip(Rates.__slots__, rates, strict=True))),
        )
        return LogFrame(
            log=log,
            knowledge=knowledge,
            decisions=len(log) + self._excluded.total(),
            excluded=dict(self._excluded),
            policies=dict(self._policies.most_common()),
        )

    def _column(self, arm: str) -> int:
        return self._arms.setdefault(arm, len(self._arms))

    def _pack(self) -> None:
        block = np.full((_CELLS, len(self._block), len(self._arms)), np.nan)
        for row, cells in enumerate(self._block):
            for column, cell in cells.items():
                block[:, row, column] = cell
        self._blocks.append(block)
        self._block = []

    def _cells(self) -> Floats:
        """(9, n, K), blocks from before an arm appeared padded with NaN."""
        width = len(self._arms)
        padded = [
            np.pad(b, ((0, 0), (0, 0), (0, width - b.shape[2])), constant_values=np.nan)
            for b in self._blocks
        ]
        return np.concatenate(padded, axis=1)

    def _nothing(self) -> InvalidInputError:
        left_out = self._excluded.total()
        if not left_out:
            return InvalidInputError(
                "the log is empty", remedy="route and rate some prompts with this database first"
            )
        return InvalidInputError(
            f"none of the {left_out} logged decisions can be used: "
            + ", ".join(f"{count} {reason}" for reason, count in self._excluded.items()),
            remedy="let the router choose, instead of forcing a model",
        )


def _cell(logged: LoggedDecision, arm: str) -> tuple[float, ...]:
    decision = logged.decision
    it = decision.estimates[arm]
    return (
        decision.probabilities.get(arm, 0.0),
        it.mean,
        it.std,
        it.cost,
        np.nan if it.latency is None else it.latency,
        it.observations,
        float(_is_offered(decision, arm)),
        decision.ratings.get(arm, it.observations),
        decision.probes.get(arm, 0.0),
    )


def _rates(decision: Decision) -> tuple[float, ...]:
    """As :class:`Rates` names them; NaN for what is not on record."""
    known = (getattr(decision.rates, name, None) for name in Rates.__slots__)
    return tuple(np.nan if value is None else value for value in known)


def _is_offered(decision: Decision, arm: str) -> bool:
    """Whether no constraint excluded an arm; a fixed policy narrows the offer by itself."""
    narrowed = decision.policy.startswith(FIXED)
    return narrowed or arm == decision.selected_model or arm in decision.fallback_chain
