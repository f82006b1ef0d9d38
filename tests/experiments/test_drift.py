"""``drift``: its phases and scenarios, who is told of what, and what counts as recovery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conduit.bandits.models import ArmModels
from conduit.core.arms import Arm, Price
from conduit.core.errors import InvalidInputError
from conduit.evaluation.setting import Moment
from conduit.evaluation.stream import Stream
from experiments.arguments import parse
from experiments.budget_pacing import World
from experiments.drift import Task, run_task
from experiments.drift_picture import draw
from experiments.drift_rows import OURS, WINDOW, find, recovery, summarise, verdict_checks
from experiments.drift_scenarios import (
    DEAREST,
    FAILING,
    PHASE,
    PHASES,
    Changes,
    Scenario,
    draw_phases,
    scenarios,
)
from experiments.paretobandit_peer import ParetoBanditPeer
from experiments.recorded import PARETO_MODELS

LEARN = 200
PROMPTS = LEARN + PHASE + 12
PRICES = (
    Price(input=0.05, output=0.08),
    Price(input=0.5, output=1.5),
    Price(input=1.25, output=10),
)


@pytest.fixture(scope="module")
def stream() -> Stream:
    """Three arms that differ by much more than their noise; the dearest is the best."""
    rng = np.random.default_rng(0)
    return Stream(
        arms=[
            Arm(id=name, provider="x", price=price)
            for name, price in zip(PARETO_MODELS, PRICES, strict=True)
        ],
        contexts=np.column_stack([np.ones(PROMPTS), rng.standard_normal((PROMPTS, 2)) / 2]),
        prompt_tokens=np.full(PROMPTS, 10),
        quality=np.clip(rng.normal([0.6, 0.9, 0.95], 0.05, (PROMPTS, 3)), 0, 1),
        cost=np.exp(rng.normal(np.log([3e-5, 5e-4, 1.5e-2]), 0.1, (PROMPTS, 3))),
    )


def test_no_prompt_comes_twice_in_a_phase_and_none_at_all_where_there_are_enough() -> None:
    """Enough prompts are shuffled and cut; fewer are drawn anew for every phase; seeds differ."""
    assert len(set(draw_phases(PHASES * PHASE, 1).tolist())) == PHASES * PHASE
    few = draw_phases(PHASE + 1, 1)
    assert all(len(set(part.tolist())) == PHASE for part in np.split(few, PHASES))
    assert few.max() <= PHASE
    assert (few != draw_phases(PHASE + 1, 2)).any()
    with pytest.raises(InvalidInputError, match="fill a phase"):
        draw_phases(PHASE - 1, 1)


def test_scenarios_change_one_arm_in_the_second_phase_alone(stream: Stream) -> None:
    """The failing arm's mean is .75, the dearest costs a hundredth, and the third phase is the first."""
    told, silent, failing = scenarios(stream)
    assert (told.told, silent.told, failing.told) == (True, False, False)
    moments = [failing.moment(phase, stream.arms) for phase in range(PHASES)]
    means = [(moment.quality * stream.quality).mean(axis=0) for moment in moments]
    np.testing.assert_allclose(means[0], stream.quality.mean(axis=0))
    np.testing.assert_allclose(means[1][1], 0.75)
    np.testing.assert_allclose(means[2], means[0])
    assert told.moment(1, stream.arms).of(2) == (1.0, 0.01)
    assert told.moment(2, stream.arms).of(2) == (1.0, 1.0)


@pytest.mark.parametrize("told", [True, False])
def test_a_price_is_told_when_it_changes_and_only_where_it_is_told(
    stream: Stream, told: bool
) -> None:
    """The arm models learn of it at the first step of a phase, and not before or in between."""
    models = ArmModels(stream.arms, dim=stream.dim)
    scenario = Scenario(name="a", arm=DEAREST, cost=0.01, told=told)
    changes = Changes(scenario=scenario, arms=stream.arms)
    seen = []
    for step in (0, PHASE - 1, PHASE, PHASE + 1, 2 * PHASE - 1, 2 * PHASE):
        changes(step, models)
        price = models.arms[2].price
        assert price is not None
        seen.append(price.output)
    assert seen == pytest.approx([10, 10, 0.1, 0.1, 0.1, 10] if told else [10] * 6)


def test_the_peer_meets_the_same_moment_and_is_told_prices_by_its_own_call(stream: Stream) -> None:
    """What it gets and pays is multiplied, its pacer hears that, and its registry has the price."""
    contexts = np.column_stack([np.zeros((PROMPTS, 25)), np.ones(PROMPTS)])
    peer = ParetoBanditPeer(stream, contexts, budget=1.0, start="shipped", seed=0)
    rows = list(range(50))
    steps = peer.run(
        rows, Moment(quality=np.array([1.0, 0.5, 1.0]), cost=np.array([1.0, 3.0, 1.0]))
    )
    half = np.where(steps.arms == 1, 0.5, 1.0)
    np.testing.assert_allclose(steps.quality, half * stream.quality[rows, steps.arms])
    thrice = np.where(steps.arms == 1, 3.0, 1.0)
    np.testing.assert_allclose(steps.cost, thrice * stream.cost[rows, steps.arms])
    peer.reprice(FAILING, 0.1)
    entry = peer._router.registry[FAILING]
    assert (entry["input_cost_per_m"], entry["output_cost_per_m"]) == pytest.approx((0.05, 0.15))


def test_recovery_is_when_the_window_has_left_the_dip_behind() -> None:
    """A dip of d steps by .45 is over when 100 steps hold one of its at most: .45/100 < .005."""
    level = np.full(PHASE, 0.8)
    for dip in (5, 60):
        curve = level.copy()
        curve[:dip] -= 0.45
        assert recovery(curve, other=level) == WINDOW + dip - 1
    assert recovery(level, other=level) == WINDOW


def test_a_policy_that_stays_below_the_other_has_not_recovered() -> None:
    """Flat at a lower level is no recovery; flat at a higher one is recovery at once."""
    low, high = np.full(PHASE, 0.7), np.full(PHASE, 0.8)
    assert recovery(low, other=high) == PHASE
    assert recovery(high, other=low) == WINDOW


def test_a_failing_arm_is_left(stream: Stream, tmp_path: Path) -> None:
    """Conduit uses the arm before, and hardly while it fails; report and picture have every phase."""
    rng = np.random.default_rng(1)
    peer = np.column_stack([rng.standard_normal((PROMPTS, 25)), np.ones(PROMPTS)])
    world = World(stream=stream, peer=peer, learn=LEARN)
    scenario = Scenario(name="quality", arm=FAILING, quality=0.5)
    runs = run_task(Task(world=world, scenario=scenario, budget=6e-4, seed=3))
    rows = summarise(runs)
    before, during = (find(rows, "quality", OURS, budget=6e-4, phase=phase) for phase in (1, 2))
    assert before.changed_share > 0.8
    assert during.changed_share < 0.2
    assert before.recovery is None
    assert WINDOW <= (during.recovery or 0) < PHASE
    checks = verdict_checks(rows, ["quality"])
    assert len(checks) == PHASES * 3 + 2
    assert not verdict_checks(rows, ["another"])
    arguments = parse("drift", about="", seeds=1, argv=["--out", str(tmp_path)])
    assert draw(runs, arguments).stat().st_size > 0
