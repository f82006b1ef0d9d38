"""The laws of end-to-end replay."""

from __future__ import annotations

import json

import numpy as np
import pytest

from conduit.core.errors import InvalidInputError
from conduit.datasets.paretobandit import parse_outcomes
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.router import Router
from conduit.engines.simulator import PATIENCE, Simulator, Step, recorded_arms
from conduit.settings import Settings

PRICED = ("google/gemini-2.5-pro", "meta-llama/llama-3.1-8b-instruct")


def outcomes_of(n: int = 24, *, models: tuple[str, ...] = PRICED, latency: bool = False):
    """Prompts of two kinds and random outcomes."""
    rng = np.random.default_rng(7)
    shape = (n, len(models))
    return RecordedOutcomes(
        name="made",
        query_ids=tuple(f"q{i}" for i in range(n)),
        texts=tuple(f"prompt {i}: {'add 2 and 2' if i % 2 else 'write a poem'}" for i in range(n)),
        models=models,
        quality=rng.uniform(size=shape),
        cost=rng.uniform(1e-5, 1e-2, size=shape),
        latency=rng.uniform(1.0, 90.0, size=shape) if latency else None,
        categories=tuple("ab"[i % 2] for i in range(n)),
    )


def router_of(simulator: Simulator, *, seed: int = 0, **options) -> Router:
    return Router(
        simulator.arms,
        client=simulator.client(),
        timeout=PATIENCE,
        encoder="hashing",
        baseline=simulator.baseline,
        seed=seed,
        settings=Settings(),
        **options,
    )


async def steps_of(outcomes: RecordedOutcomes, *, seed: int = 0, **options) -> list[Step]:
    simulator = Simulator(outcomes=outcomes)
    async with router_of(simulator, seed=seed, **options) as router:
        return [step async for step in simulator.run(router)]


def choices(steps: list[Step]) -> list[tuple[int, tuple[float, ...]]]:
    return [(step.arm, tuple(step.decision.probabilities.values())) for step in steps]


async def test_every_step_is_what_was_recorded_for_the_chosen_model():
    """Quality, cost and latency of a step are the matrix entries of its prompt and its model."""
    outcomes = outcomes_of(latency=True)
    steps = await steps_of(outcomes)
    assert [step.query for step in steps] == list(range(len(outcomes)))
    for step in steps:
        assert outcomes.models[step.arm] == step.decision.selected_model
        assert step.quality == outcomes.quality[step.query, step.arm]
        assert step.cost == outcomes.cost[step.query, step.arm]
        assert step.latency == outcomes.latency[step.query, step.arm]


async def test_latency_that_was_not_recorded_is_unknown_and_never_learned():
    """Without recorded latency a step has none, and no arm expects any."""
    last = (await steps_of(outcomes_of()))[-1]
    assert last.latency is None
    assert all(estimate.latency is None for estimate in last.decision.estimates.values())


async def test_every_rating_is_learned_before_the_next_decision():
    """At step i the arms have i ratings between them, those of the models chosen so far."""
    steps = await steps_of(outcomes_of(models=(*PRICED, "mistralai/mistral-large-2512")))
    for i, step in enumerate(steps):
        seen = [estimate.observations for estimate in step.decision.estimates.values()]
        assert seen == np.bincount([s.arm for s in steps[:i]], minlength=3).tolist()


async def test_equal_seeds_agree_and_different_seeds_differ():
    """The seed alone decides what is drawn."""
    outcomes = outcomes_of(60)
    first, again = await steps_of(outcomes, seed=1), await steps_of(outcomes, seed=1)
    assert choices(first) == choices(again)
    assert choices(first) != choices(await steps_of(outcomes, seed=2))


async def test_other_outcomes_lead_to_other_decisions():
    """Decisions depend on the ratings: the replay really learns from them."""
    outcomes = outcomes_of(60)
    worse = RecordedOutcomes(
        name="made",
        query_ids=outcomes.query_ids,
        texts=outcomes.texts,
        models=outcomes.models,
        quality=1 - outcomes.quality,
        cost=outcomes.cost,
    )
    assert choices(await steps_of(outcomes)) != choices(await steps_of(worse))


async def test_labels_of_the_benchmark_change_no_decision():
    """Category, source, difficulty and best arm, permuted over the prompts, change nothing."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "prompt": f"question {i}: what is {i} + {i % 7}?",
            "source": f"source-{i % 3}",
            "category": f"category-{i % 4}",
            "difficulty": float(i),
            "best_arm": PRICED[i % 2],
            "arms": {m: {"reward": rng.uniform(), "cost": rng.uniform(1e-5, 1e-2)} for m in PRICED},
        }
        for i in range(40)
    ]
    order = np.random.default_rng(4).permutation(len(rows))
    labels = ("source", "category", "difficulty", "best_arm")
    permuted = [
        row | {label: rows[order[i]][label] for label in labels} for i, row in enumerate(rows)
    ]
    assert permuted != rows
    decided = []
    for version in (rows, permuted):
        text = "\n".join(map(json.dumps, version))
        decided.append(choices(await steps_of(parse_outcomes(text, name="made"))))
    assert decided[0] == decided[1]


async def test_the_report_equals_figures_computed_anew():
    """Quality, spend, savings and shares follow from the steps by plain arithmetic."""
    outcomes = outcomes_of(50)
    simulator = Simulator(outcomes=outcomes)
    steps = await steps_of(outcomes)
    report = simulator.report(steps)
    best = int(outcomes.quality.mean(axis=0).argmax())
    spend = sum(step.cost for step in steps)
    saved = sum(outcomes.cost[step.query, best] for step in steps) - spend
    assert report.prompts == 50
    assert report.quality == pytest.approx(sum(step.quality for step in steps) / 50)
    assert report.spend_usd == pytest.approx(spend)
    assert report.saved_usd == pytest.approx(saved)
    assert report.shares[outcomes.models[0]] == sum(step.arm == 0 for step in steps) / 50


async def test_a_report_covers_the_prompts_that_were_replayed_and_no_others():
    """Baselines of a replay that was cut short are over its own prompts."""
    outcomes = outcomes_of(30)
    steps = (await steps_of(outcomes))[:10]
    report = Simulator(outcomes=outcomes).report(steps)
    assert report.prompts == 10
    expected = outcomes.quality[:10, 0].mean()
    assert report.baselines[outcomes.models[0]].quality == pytest.approx(expected)


async def test_a_slow_recorded_answer_is_still_an_answer():
    """A latency beyond every ordinary timeout does not turn into a failure and a second call."""
    steps = await steps_of(outcomes_of(latency=True))
    slow = [step for step in steps if step.latency > 60.0]
    assert slow
    assert all(step.decision.selected_model == PRICED[step.arm] for step in slow)


def test_prices_are_known_for_all_models_or_used_for_none():
    """One model without a list price leaves all of them without one."""
    assert all(arm.price is not None for arm in recorded_arms(PRICED))
    assert all(arm.price is None for arm in recorded_arms((*PRICED, "nobody/never-heard-of-it")))


def test_the_unit_of_cost_is_the_dearest_model():
    """By list price where prices are known, else by what was recorded."""
    assert Simulator(outcomes=outcomes_of()).baseline == "google/gemini-2.5-pro"
    unknown = outcomes_of(models=("nobody/one", "nobody/two"))
    dearest = unknown.models[int(unknown.cost.mean(axis=0).argmax())]
    assert Simulator(outcomes=unknown).baseline == dearest


def test_a_provider_is_what_stands_before_the_slash():
    """Arms keep the recorded name as their id."""
    arm, *_ = recorded_arms(PRICED)
    assert (arm.id, arm.provider) == ("google/gemini-2.5-pro", "google")


def test_a_prompt_that_is_no_query_is_refused_before_anything_runs():
    """A prompt above the size limit is an error of the simulator's constructor."""
    long = RecordedOutcomes(
        name="made",
        query_ids=("q",),
        texts=("x" * 100_001,),
        models=("a",),
        quality=[[1.0]],
        cost=[[1.0]],
    )
    with pytest.raises(InvalidInputError, match="100,001 bytes"):
        Simulator(outcomes=long)
