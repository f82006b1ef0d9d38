"""The onboarding experiment: shares, both newcomers, and how a rival is told of them."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.core.arms import Arm, Price
from conduit.evaluation.stream import Stream
from experiments import onboarding
from experiments.onboarding import BUDGETS, NEWCOMER, Scene, Task, run_task, with_poor_arm
from experiments.onboarding_rows import PROMISED, checks, summarise
from experiments.onboarding_share import TAIL, WINDOW, adoption, moving_average
from experiments.paretobandit_peer import ParetoBanditPeer, peer_contexts
from experiments.recorded import PARETO_MODELS

STEPS = 1185


def chosen(share: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Twenty seeds whose mean is that share, (20, steps), to a twentieth."""
    return (np.arange(20) + 0.5)[:, None] / 20 < share[None, :]


def stream(n: int = 120) -> Stream:
    """Four arms of the experiment's names; the newcomer is the best, for the money of the second."""
    rng = np.random.default_rng(0)
    prices = ((0.05, 0.08), (0.5, 1.5), (1.25, 10.0), (0.3, 2.5))
    return Stream(
        arms=[
            Arm(id=name, provider="x", price=Price(input=into, output=out))
            for name, (into, out) in zip((*PARETO_MODELS, NEWCOMER), prices, strict=True)
        ],
        contexts=np.column_stack([np.ones(n), rng.standard_normal((n, 2)) / 2]),
        prompt_tokens=np.full(n, 50),
        quality=np.tile([0.4, 0.6, 0.7, 0.95], (n, 1)),
        cost=np.exp(rng.normal(np.log([3e-5, 5e-4, 1.5e-2, 6e-4]), 0.1, (n, 4))),
    )


def scene(name: str = "good") -> Scene:
    """Forty prompts to learn from, and eighty to measure on."""
    n = 120
    vectors = np.random.default_rng(1).standard_normal((n, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whole = stream(n) if name == "good" else with_poor_arm(stream(n))
    return Scene(name=name, stream=whole, peer=peer_contexts(vectors), learn=40)


def test_a_share_that_settles_is_dated_by_the_first_window_that_stays() -> None:
    """A ramp to its end's level is settled when the average enters the band, and reached then too."""
    found = adoption(chosen(np.minimum(np.arange(STEPS) / 200, 0.5)), promised=PROMISED)
    assert found.end == pytest.approx(0.5)
    # The mean over a window is that of 25 steps ago: three quarters of a half, at step 75 + 25.
    assert found.step == pytest.approx(100, abs=5)
    assert found.reached == found.step


def test_a_share_that_overshoots_is_reached_before_it_is_settled() -> None:
    """All requests at first and a fifth later: reached at once, settled only then."""
    found = adoption(chosen(np.where(np.arange(STEPS) < 300, 1.0, 0.2)), promised=PROMISED)
    assert found.reached == WINDOW
    assert 300 < found.step <= 300 + WINDOW
    assert found.by == 1.0


def test_passing_through_the_band_is_not_settling() -> None:
    """A share that crosses its later level on the way up and comes back is dated by its return."""
    rise = np.concatenate([np.linspace(0, 1, 200), np.full(STEPS - 200, 0.3)])
    assert adoption(chosen(rise), promised=PROMISED).step > 200


def test_an_arm_that_is_left_alone_was_never_taken_up() -> None:
    """Without a share at the end there is nothing to reach."""
    found = adoption(chosen(np.zeros(STEPS)), promised=PROMISED)
    assert (found.step, found.reached, found.end, found.calls) == (STEPS, STEPS, 0.0, 0.0)


def test_a_moving_average_is_that_of_the_steps_before() -> None:
    """The last value is the mean of the last window, and windows are complete."""
    values = np.arange(STEPS, dtype=float)
    moving = moving_average(values)
    assert len(moving) == STEPS - WINDOW + 1
    assert moving[-1] == pytest.approx(values[-WINDOW:].mean())
    assert TAIL > PROMISED


def test_the_poor_arm_costs_the_same_and_is_half_as_good() -> None:
    """Nothing else differs, but for its name."""
    good, poor = stream(), with_poor_arm(stream())
    np.testing.assert_array_equal(poor.cost, good.cost)
    np.testing.assert_array_equal(poor.quality[:, 3], good.quality[:, 3] / 2)
    np.testing.assert_array_equal(poor.quality[:, :3], good.quality[:, :3])
    assert poor.arms[3].price == good.arms[3].price
    assert poor.arms[3].id not in {arm.id for arm in good.arms}


def test_a_smaller_part_is_passed_through_again_until_there_are_enough() -> None:
    """Every pass is a shuffle of the measured prompts, and none of the others is among them."""
    order = Scene(name="good", stream=stream(), peer=np.zeros((120, 26)), learn=40).order(3)
    assert len(order) == onboarding.BEFORE + onboarding.AFTER
    assert sorted(order[:80].tolist()) == sorted(order[80:160].tolist()) == list(range(40, 120))


def test_nobody_chooses_an_arm_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No policy before the step, and conduit the good one but not the poor one after it."""
    monkeypatch.setattr(onboarding, "BEFORE", 60)
    monkeypatch.setattr(onboarding, "AFTER", TAIL)
    rows = [
        row
        for name in ("good", "poor")
        for row in run_task(Task(scene=scene(name), budget=BUDGETS[1], seed=1))
    ]
    assert [row.policy for row in rows[:3]] == ["conduit", "paretobandit", "paretobandit_forced"]
    for row in rows:
        assert not row.chosen[:60].any()
        assert row.policy != "paretobandit_forced" or row.chosen[60:80].all()
    good, poor = (row for row in summarise(rows, before=60) if row.policy == "conduit")
    assert good.adoption.end > 0.9
    assert poor.adoption.end < 0.05
    assert {check.name.split(": ")[1] for check in checks([good, poor])} == {
        "spend/budget",
        "steps to its share",
        "calls",
        "share at the end",
    }


def test_the_rival_learns_from_what_its_caller_sends() -> None:
    """Forced prompts are paid, reach its pacer and its arm, and change what it chooses."""
    where = scene()
    *known, newcomer = where.stream.arms
    peer = ParetoBanditPeer(
        where.stream,
        where.peer,
        budget=1.0,
        start="tuned",
        seed=0,
        models=[arm.id for arm in known],
    )
    assert (peer.run(list(range(40))).arms < 3).all()
    peer.add(newcomer)
    forced = peer.force(newcomer, list(range(40)))
    assert (forced.cost == where.stream.cost[:40, 3]).all()
    pacer = peer._router.budget_pacer
    assert pacer is not None
    assert pacer.n_observations == 80
    assert (peer.run(list(range(40, 80))).arms == 3).mean() > 0.9
