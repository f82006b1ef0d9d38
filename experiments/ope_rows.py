"""Rows of ``ope_coverage``: how often intervals held the truth, the table, and what must hold."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conduit.evaluation.off_policy import Answer, Estimate
from experiments.report import Check, mean_and_error, show_table

MAIN = "budget"
"""The scenario in which every other target must be answered."""
ALWAYS_CHEAPEST = "always the cheapest"
"""The target that logs of this length know too little of: every question about it is to be refused."""
ALWAYS_DEAREST = "always the dearest"
"""The same where the floor cannot afford that arm: asked outside of the main scenario alone."""
UNANSWERABLE = (ALWAYS_CHEAPEST, ALWAYS_DEAREST)
LEAST, MOST = 0.93, 0.995
"""Coverage that nominal 95% must have."""
CHANGED = 0.20
"""Share of decisions in which every target must differ from the log."""
LOSS = 0.003
"""Utility per request that the floor may cost."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """One question to one log.

    Args:
        target: the policy asked about.
        outcome: quality or spend.
        method: SNIPS or DR.
        changed: share of decisions in which target and log differ.
        truth: the target's average over the logged prompts.
        anywhere: its average over the prompts that logs are drawn from.
        answer: what the log says.
    """

    target: str
    outcome: str
    method: str
    changed: float
    truth: float
    anywhere: float
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repetition:
    """One log: what it answered, and, where that was measured, what the floor cost.

    Args:
        scenario: under which it was made.
        answers: per target, outcome and method.
        loss: utility per request lost to the floor.
        extra_spend: share by which the floor raised the spend.
    """

    scenario: str
    answers: Sequence[Answered]
    loss: float | None
    extra_spend: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """All repetitions of one question; NaN where none was answered.

    Args:
        scenario: under which logs were made.
        target: the policy asked about.
        outcome: quality or spend (USD), per request.
        method: SNIPS or DR.
        repetitions: logs that were asked.
        refused: logs that gave no answer; they are not covered and not missed.
        changed: mean share of decisions in which target and log differ.
        coverage: share of answers whose interval holds the average over the logged prompts.
        coverage_anywhere: the same of the average over the prompts that logs are drawn from.
        half_width: median of the intervals.
        bias: mean error.
        error: root mean squared error.
        standard_error: root of the mean of the variances that were reported.
        effective: median effective sample size.
        truth: mean of the averages over the logged prompts.
    """

    scenario: str
    target: str
    outcome: str
    method: str
    repetitions: int
    refused: int
    changed: float
    coverage: float
    coverage_anywhere: float
    half_width: float
    bias: float
    error: float
    standard_error: float
    effective: float
    truth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOfFloor:
    """Means over repetitions: utility per request lost, and share by which spend rose."""

    scenario: str
    loss: float
    loss_se: float
    extra_spend: float
    repetitions: int


def summarise(found: Iterable[Repetition]) -> tuple[list[Coverage], list[PriceOfFloor]]:
    """Figures over all repetitions, in order of first appearance."""
    questions: dict[tuple[str, str, str, str], list[Answered]] = defaultdict(list)
    losses: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for it in found:
        for answer in it.answers:
            questions[it.scenario, answer.outcome, answer.target, answer.method].append(answer)
        if it.loss is not None and it.extra_spend is not None:
            losses[it.scenario].append((it.loss, it.extra_spend))
    coverage = [_coverage(scenario, answers) for (scenario, *_), answers in questions.items()]
    return coverage, [_price(scenario, them) for scenario, them in losses.items()]


def show_rows(rows: Sequence[Coverage], floor: Sequence[PriceOfFloor]) -> None:
    """Print one table per scenario and outcome, and what the floor cost."""
    head = ["differs", "asked", "refused", "covered", "half-width", "bias", "rmse", "s.e.", "ESS"]
    for scenario, outcome in dict.fromkeys((row.scenario, row.outcome) for row in rows):
        mine = [row for row in rows if (row.scenario, row.outcome) == (scenario, outcome)]
        show_table(
            f"{scenario}: 95% intervals of {outcome}",
            ["target", *head, "population"],
            [[f"{row.target}, {row.method}", *_cells(row)] for row in mine],
        )
    for it in floor:
        print(
            f"\n{it.scenario}: the floor loses {it.loss:.5f} ± {it.loss_se:.5f} of utility "
            f"and adds {it.extra_spend:+.2%} of spend ({it.repetitions} repetitions)"
        )


def verdict_checks(rows: Sequence[Coverage], floor: Sequence[PriceOfFloor]) -> list[Check]:
    """Everything that is asked of this experiment."""
    mine = [row for row in rows if row.scenario == MAIN or row.target in UNANSWERABLE]
    return [check for row in mine for check in _checks(row)] + [
        Check(name=f"{it.scenario}: lost to the floor", value=it.loss, bound=LOSS, most=True)
        for it in floor
    ]


def _checks(row: Coverage) -> Iterator[Check]:
    name, refused = f"{row.outcome} of {row.target} by {row.method}", row.refused / row.repetitions
    if row.scenario != MAIN:
        name = f"{row.scenario}: {name}"
    if row.target in UNANSWERABLE:
        yield Check(name=f"{name}: refused", value=refused, bound=1.0)
        return
    yield Check(name=f"{name}: answered", value=1.0 - refused, bound=1.0)
    yield Check(name=f"{name}: differs", value=row.changed, bound=CHANGED)
    yield Check(name=f"{name}: covered", value=row.coverage, bound=LEAST)
    yield Check(name=f"{name}: covered", value=row.coverage, bound=MOST, most=True)


def _coverage(scenario: str, asked: Sequence[Answered]) -> Coverage:
    answered = [(it, it.answer) for it in asked if isinstance(it.answer, Estimate)]
    errors = [answer.value - it.truth for it, answer in answered]
    first = asked[0]
    return Coverage(
        scenario=scenario,
        target=first.target,
        outcome=first.outcome,
        method=first.method,
        repetitions=len(asked),
        refused=len(asked) - len(answered),
        changed=_mean(it.changed for it in asked),
        coverage=_mean(answer.low <= it.truth <= answer.high for it, answer in answered),
        coverage_anywhere=_mean(
            answer.low <= it.anywhere <= answer.high for it, answer in answered
        ),
        half_width=_median((answer.high - answer.low) / 2 for _, answer in answered),
        bias=_mean(errors),
        error=math.sqrt(_mean(error * error for error in errors)),
        standard_error=math.sqrt(_mean(answer.standard_error**2 for _, answer in answered)),
        effective=_median(answer.effective for _, answer in answered),
        truth=_mean(it.truth for it in asked),
    )


def _price(scenario: str, pairs: Sequence[tuple[float, float]]) -> PriceOfFloor:
    losses, extras = zip(*pairs, strict=True)
    loss, error = mean_and_error(losses)
    return PriceOfFloor(
        scenario=scenario,
        loss=loss,
        loss_se=error,
        extra_spend=_mean(extras),
        repetitions=len(pairs),
    )


def _cells(row: Coverage) -> list[str]:
    return [
        f"{row.changed:.3f}",
        str(row.repetitions),
        str(row.refused),
        f"{row.coverage:.4f}",
        f"{row.half_width:.3g}",
        f"{row.bias:+.2g}",
        f"{row.error:.3g}",
        f"{row.standard_error:.3g}",
        f"{row.effective:.0f}",
        f"{row.coverage_anywhere:.4f}",
    ]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found) if found else math.nan


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.median(found)) if found else math.nan
