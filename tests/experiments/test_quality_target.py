"""The experiment on the target of quality, on a small made world."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.core.arms import Arm
from conduit.evaluation.stream import Stream
from experiments.quality_target import Row, Task, run_task, verdict_checks


def made_stream(n: int = 600) -> Stream:
    """A dear model that is good at everything, and a cheap one that is good at half."""
    rng = np.random.default_rng(0)
    contexts = np.column_stack([np.ones(n), rng.choice([-1.0, 1.0], n)])
    quality = np.column_stack([np.full(n, 0.9), 0.6 + 0.3 * contexts[:, 1]])
    return Stream(
        arms=(Arm(id="dear", provider="x"), Arm(id="cheap", provider="x")),
        contexts=contexts,
        prompt_tokens=np.full(n, 100),
        quality=quality,
        cost=np.exp(rng.normal(np.log([1e-3, 1e-5]), 0.1, (n, 2))),
    )


def row(*, lead: float, lead_se: float, ratio: float, policy: str = "conduit") -> Row:
    return Row(
        dataset="made",
        policy=policy,
        lead=lead,
        lead_se=lead_se,
        ratio=ratio,
        ratio_se=0.01,
        quality=0.9,
        spend=1e-4,
        first_ratio=None,
        seeds=3,
    )


def test_every_reference_is_measured_on_the_same_prompts() -> None:
    """The mixture sits at the target, full information saves, and we lie between it and the best."""
    found = run_task(Task(name="made", stream=made_stream(), seed=0))
    assert list(found) == ["conduit", "mixture", "full_information", "best (dear)"]
    assert found["mixture"].lead == 0.0
    assert found["mixture"].ratio == 1.0
    assert found["full_information"].ratio < 0.95
    assert found["best (dear)"].lead == pytest.approx(0.05 * 0.9)
    ours = found["conduit"]
    assert ours.lead > -0.02
    assert ours.ratio < found["best (dear)"].ratio
    assert ours.first_ratio is not None


@pytest.mark.parametrize(
    ("given", "holding"),
    [
        ({"lead": -0.002, "lead_se": 0.003, "ratio": 0.8}, [True, True]),
        ({"lead": -0.004, "lead_se": 0.003, "ratio": 0.8}, [False, True]),
        ({"lead": 0.010, "lead_se": 0.003, "ratio": 1.1}, [True, False]),
        ({"lead": -0.001, "lead_se": float("nan"), "ratio": 0.8}, [False, True]),
    ],
)
def test_asked_are_quality_within_a_standard_error_and_less_spend(
    given: dict[str, float], holding: list[bool]
) -> None:
    """One seed has no standard error, and is given no slack."""
    checks = verdict_checks([row(**given), row(lead=0, lead_se=0, ratio=1, policy="mixture")])
    assert [check.holds for check in checks] == holding
