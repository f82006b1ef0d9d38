"""Coverage of intervals: what is asked, what counts as covered, and what must hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from conduit.core.arms import Arm
from conduit.evaluation.off_policy import Answer, Estimate
from conduit.evaluation.stream import Stream
from conduit.evaluation.support import Reason, Refusal
from experiments.ope_coverage import SCENARIOS, SEED, Task, build, run_task, tasks_of
from experiments.ope_rows import (
    ALWAYS_CHEAPEST,
    ALWAYS_DEAREST,
    Answered,
    Coverage,
    PriceOfFloor,
    Repetition,
    summarise,
    verdict_checks,
)


@pytest.fixture(scope="module")
def stream() -> Stream:
    """Prompts of two kinds: the dear arm is better on one of them, the cheap one on none."""
    rng = np.random.default_rng(0)
    hard = rng.random(120) < 0.5
    quality = np.column_stack(
        [np.full(120, 0.5), np.where(hard, 0.6, 0.9), np.where(hard, 0.95, 0.85)]
    )
    return Stream(
        arms=[Arm(id=name, provider="x") for name in ("cheap", "middling", "dear")],
        contexts=np.column_stack([np.ones(120), hard - 0.5, rng.normal(size=120)]),
        prompt_tokens=np.full(120, 10),
        quality=quality,
        cost=np.exp(rng.normal(np.log([3e-5, 5e-4, 1.2e-2]), 0.1, (120, 3))),
    )


def estimate(low: float, high: float) -> Estimate:
    middle = (low + high) / 2
    return Estimate(value=middle, low=low, high=high, standard_error=0.1, effective=60.0, rows=1000)


REFUSED = Refusal(
    reason=Reason.SMALL_SAMPLE, have=9.0, need=50.0, problem="too few", remedy="log more"
)


def asked(answer: Answer, *, truth: float = 0.5) -> Answered:
    return Answered(
        target="best fixed arm",
        outcome="quality",
        method="dr",
        changed=0.3,
        truth=truth,
        anywhere=0.7,
        answer=answer,
    )


def coverage_of(*answers: Answered) -> Coverage:
    found = [
        Repetition(scenario="budget", answers=[it], loss=None, extra_spend=None) for it in answers
    ]
    (row,), _ = summarise(found)
    return row


def test_a_log_is_asked_about_every_target_by_both_methods(stream: Stream) -> None:
    """Four targets, two outcomes, two methods; the truth is the recorded mean of the logged prompts."""
    world = build(stream, stream, decisions=300)
    task = Task(world=world, scenario=SCENARIOS[0], seed=SEED, floorless=True)
    done = run_task(task)
    keys = {(it.target, it.outcome, it.method) for it in done.answers}
    assert len(keys) == len(done.answers) == 16
    rows = np.random.default_rng(SEED).integers(0, 120, 300)
    for it in done.answers:
        arms = world.targets["budget", it.target][rows]
        table = stream.quality if it.outcome == "quality" else stream.cost
        assert it.truth == pytest.approx(table[rows, arms].mean())
    assert done.loss is not None
    assert abs(done.loss) < 0.1
    again = run_task(replace(task, floorless=False))
    assert again.loss is None
    assert [it.answer for it in again.answers] == [it.answer for it in done.answers]


def test_targets_are_functions_of_the_prompt(stream: Stream) -> None:
    """Under a budget quality alone counts: the router takes the better arm on each kind of prompt."""
    world = build(stream, stream)
    hard = stream.contexts[:, 1] > 0
    router = world.targets["budget", "full-information router"]
    assert (router[hard] == 2).all()
    assert (router[~hard] == 1).all()
    assert set(world.targets["budget", "best fixed arm"]) == {2}
    assert set(world.targets["budget", ALWAYS_CHEAPEST]) == {0}
    sparing = world.targets["budget", "rare cheap arm"]
    assert (sparing == 0).sum() == 30
    # The cheap arm loses .4 on easy prompts and .45 on hard ones.
    assert not hard[sparing == 0].any()
    assert (sparing[sparing != 0] == router[sparing != 0]).all()
    assert set(world.targets["balanced", "best fixed arm"]) == {1}
    assert set(world.targets["balanced", ALWAYS_DEAREST]) == {2}
    assert ("budget", ALWAYS_DEAREST) not in world.targets


def test_some_scenarios_run_in_some_repetitions(stream: Stream) -> None:
    """Every repetition of the main scenario has a seed of its own, and the others run more rarely."""
    tasks = tasks_of(build(stream, stream), 40)
    seeds = {s.name: [t.seed for t in tasks if t.scenario is s] for s in SCENARIOS}
    assert seeds == {"budget": list(range(SEED, SEED + 40)), "balanced": [SEED, SEED + 1]}


def test_a_refusal_is_neither_covered_nor_missed() -> None:
    """Coverage is a share of the answers alone, and refusals are counted beside it."""
    row = coverage_of(
        asked(estimate(0.4, 0.6)), asked(estimate(0.6, 0.8)), asked(REFUSED), asked(REFUSED)
    )
    assert (row.repetitions, row.refused, row.coverage) == (4, 2, 0.5)
    assert row.coverage_anywhere == 0.5
    assert row.half_width == pytest.approx(0.1)
    assert row.bias == pytest.approx(0.1)
    assert row.error == pytest.approx(math.sqrt((0.0**2 + 0.2**2) / 2))


@pytest.mark.parametrize(
    ("covered", "answers", "holds"),
    [(19, 20, True), (18, 20, False), (20, 20, False), (0, 0, False)],
)
def test_coverage_must_be_neither_too_low_nor_too_high(
    covered: int, answers: int, holds: bool
) -> None:
    """90% and 100% both fall short of nominal 95%, and so does a question that was never answered."""
    found = [asked(estimate(0.4, 0.6))] * covered
    found += [asked(estimate(0.6, 0.8))] * (answers - covered)
    checks = verdict_checks([coverage_of(*(found or [asked(REFUSED)]))], [])
    short = [check.name.rpartition(": ")[2] for check in checks if not check.holds]
    never = ["answered", "covered", "covered"]
    assert short == ([] if holds else ["covered"] if answers else never)


def test_what_the_main_logs_can_answer_they_must() -> None:
    """Under a budget one refusal in twenty falls short, however well the others are covered; elsewhere none does."""
    row = coverage_of(*[asked(estimate(0.4, 0.6))] * 18, asked(estimate(0.6, 0.8)), asked(REFUSED))
    short = [check for check in verdict_checks([row], []) if not check.holds]
    assert [str(check) for check in short] == [
        "quality of best fixed arm by dr: answered 0.9500 < 1.0000"
    ]
    assert verdict_checks([replace(row, scenario="balanced")], []) == []


@pytest.mark.parametrize("target", [ALWAYS_CHEAPEST, ALWAYS_DEAREST])
@pytest.mark.parametrize("scenario", ["budget", "balanced"])
def test_a_question_that_the_log_cannot_answer_must_be_refused(target: str, scenario: str) -> None:
    """Always one extreme arm: every refusal is right, and a single answer falls short, right or wrong."""
    asked_it = replace(asked(REFUSED), target=target)
    answered = replace(asked_it, answer=estimate(0.4, 0.6))
    for questions, holds in (([asked_it] * 3, True), ([asked_it, answered], False)):
        row = replace(coverage_of(*questions), scenario=scenario)
        assert [check.holds for check in verdict_checks([row], [])] == [holds]


def test_a_dear_floor_falls_short() -> None:
    """What the floor may cost is bounded in every scenario."""
    prices = [
        PriceOfFloor(scenario="x", loss=loss, loss_se=0.0, extra_spend=0.02, repetitions=9)
        for loss in (0.001, 0.004)
    ]
    assert [check.holds for check in verdict_checks([], prices)] == [True, False]
