"""Figures and series of a replay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from conduit.core.errors import InvalidInputError
from conduit.evaluation.frontier import mixture_quality
from conduit.evaluation.replay_report import (
    RANDOM,
    Baseline,
    Outcomes,
    ReplayReport,
    Steps,
    replay_report,
)
from conduit.evaluation.running import running_series

MODELS = ("cheap", "middling", "dear")
SEEDS = st.integers(0, 2**32 - 1)


def outcomes(seed: int, n: int = 40) -> Outcomes:
    rng = np.random.default_rng(seed)
    return Outcomes(
        models=MODELS,
        quality=rng.uniform(size=(n, 3)),
        cost=rng.uniform(size=(n, 3)) * [1e-5, 1e-3, 1e-2],
    )


def replayed(recorded: Outcomes, arms: NDArray[np.intp]) -> ReplayReport:
    """The report of a replay that got what was recorded."""
    at = np.arange(len(arms))
    steps = Steps(arms=arms, quality=recorded.quality[at, arms], cost=recorded.cost[at, arms])
    return replay_report(steps, recorded)


@settings(max_examples=30)
@given(seed=SEEDS, arm=st.integers(0, 2))
def test_always_one_model_is_that_model_s_baseline(seed: int, arm: int) -> None:
    """A replay that always chose one arm reports exactly that arm's baseline and share 1."""
    report = replayed(outcomes(seed), np.full(40, arm))
    assert report.quality == pytest.approx(report.baselines[MODELS[arm]].quality)
    assert report.spend_usd == pytest.approx(report.baselines[MODELS[arm]].spend_usd)
    assert report.shares == {model: float(i == arm) for i, model in enumerate(MODELS)}


@settings(max_examples=30)
@given(SEEDS)
def test_always_the_best_model_saves_and_loses_nothing(seed: int) -> None:
    """Against itself, the best model saves 0 and retains all of its quality."""
    recorded = outcomes(seed)
    best = int(recorded.quality.mean(axis=0).argmax())
    report = replayed(recorded, np.full(40, best))
    assert report.best_model == MODELS[best]
    assert report.saved_usd == pytest.approx(0, abs=1e-12)
    assert report.saved_pct == pytest.approx(0, abs=1e-9)
    assert report.quality_retained == pytest.approx(1)
    assert report.mixture_quality_at_same_spend == pytest.approx(report.quality)


@settings(max_examples=30)
@given(SEEDS)
def test_figures_agree_with_each_other(seed: int) -> None:
    """Spend and savings add up to the best model's spend, shares to 1, in the stated units."""
    recorded = outcomes(seed)
    arms = np.random.default_rng(seed).integers(0, 3, 40)
    report = replayed(recorded, arms)
    best = report.baselines[report.best_model]
    assert report.prompts == 40
    assert report.spend_usd + report.saved_usd == pytest.approx(best.spend_usd)
    assert report.saved_pct == pytest.approx(100 * report.saved_usd / best.spend_usd)
    assert report.quality_retained == pytest.approx(report.quality / best.quality)
    assert sum(report.shares.values()) == pytest.approx(1)
    assert report.baselines.keys() == {*MODELS, RANDOM}
    costs, qualities = recorded.cost.mean(axis=0), recorded.quality.mean(axis=0)
    mixture = mixture_quality(costs, qualities, report.spend_usd / 40)
    assert report.mixture_quality_at_same_spend == pytest.approx(mixture)


def test_random_is_an_expectation() -> None:
    """The random baseline is the mean over many sampled replays, and is itself not sampled."""
    recorded, rng = outcomes(3), np.random.default_rng(0)
    sampled = [replayed(recorded, rng.integers(0, 3, 40)) for _ in range(1500)]
    expected = sampled[0].baselines[RANDOM]
    assert {report.baselines[RANDOM] for report in sampled} == {expected}
    for name in ("quality", "spend_usd"):
        values = np.array([getattr(report, name) for report in sampled])
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - getattr(expected, name)) < 4 * error


def test_a_report_worked_by_hand() -> None:
    """Two prompts and two models, small enough to check on paper."""
    recorded = Outcomes(
        models=("a", "b"),
        quality=np.array([[0.2, 0.8], [0.4, 1.0]]),
        cost=np.array([[1.0, 3.0], [1.0, 5.0]]),
    )
    report = replayed(recorded, np.array([0, 1]))
    assert report.quality == pytest.approx(0.6)
    assert report.quality_standard_error == pytest.approx(0.4)
    assert (report.spend_usd, report.saved_usd, report.saved_pct) == (6.0, 2.0, 25.0)
    # Mean spend 3 is two thirds of the way from 1 to 4, and so is the mixture from .3 to .9.
    assert report.mixture_quality_at_same_spend == pytest.approx(0.7)
    assert report.quality_retained == pytest.approx(0.6 / 0.9)
    assert report.shares == {"a": 0.5, "b": 0.5}
    assert report.baselines["b"] == Baseline(pytest.approx(0.9), 8.0)
    assert report.baselines[RANDOM] == Baseline(pytest.approx(0.6), pytest.approx(5.0))


def test_costs_of_failed_attempts_count() -> None:
    """Spend is what the steps paid, not what the serving arm alone would have cost."""
    recorded = outcomes(1)
    steps = Steps(arms=np.zeros(40, np.intp), quality=recorded.quality[:, 0], cost=np.ones(40))
    assert replay_report(steps, recorded).spend_usd == pytest.approx(40)


def test_a_saving_may_be_negative() -> None:
    """Whoever spends more than the best model has saved less than nothing, and is told so."""
    recorded = outcomes(1)
    steps = Steps(arms=np.zeros(40, np.intp), quality=recorded.quality[:, 0], cost=np.ones(40))
    report = replay_report(steps, recorded)
    assert report.saved_usd < 0
    assert report.saved_pct < 0


def test_of_equals_the_cheapest_is_best() -> None:
    """Between models of the same quality, savings are counted against the cheaper."""
    recorded = Outcomes(
        models=MODELS, quality=np.full((4, 3), 0.5), cost=np.tile([3.0, 1.0, 2.0], (4, 1))
    )
    assert replayed(recorded, np.zeros(4, np.intp)).best_model == "middling"


def test_nothing_is_divided_by_zero() -> None:
    """Free models save 0 percent, worthless ones retain everything, one prompt has no error."""
    recorded = Outcomes(models=("a",), quality=np.zeros((1, 1)), cost=np.zeros((1, 1)))
    report = replayed(recorded, np.zeros(1, np.intp))
    assert (report.saved_pct, report.quality_retained) == (0.0, 1.0)
    assert report.quality_standard_error is None


@pytest.mark.parametrize(
    ("arms", "n"), [(np.zeros(0, np.intp), 0), (np.array([0, 3]), 2), (np.array([0, -1]), 2)]
)
def test_steps_that_cannot_have_happened_are_refused(arms: NDArray[np.intp], n: int) -> None:
    """No prompts, and arms that are none of the models, are input errors."""
    steps = Steps(arms=arms, quality=np.zeros(n), cost=np.zeros(n))
    with pytest.raises(InvalidInputError) as caught:
        replay_report(steps, outcomes(0, n))
    assert caught.value.remedy


def test_outcomes_of_other_prompts_are_refused() -> None:
    """Steps and outcomes must be of the same number of prompts."""
    steps = Steps(arms=np.zeros(3, np.intp), quality=np.zeros(3), cost=np.zeros(3))
    with pytest.raises(InvalidInputError, match=r"quality of outcomes has shape \(40, 3\)"):
        replay_report(steps, outcomes(0))


@settings(max_examples=40)
@given(
    quality=arrays(float, st.integers(0, 30), elements=st.floats(0, 1)), window=st.integers(1, 35)
)
def test_the_moving_average_is_the_mean_of_the_last_prompts(
    quality: NDArray[np.float64], window: int
) -> None:
    """Each point averages at most ``window`` prompts, none of them in the future."""
    moving = running_series(quality, np.ones(len(quality)), window=window).moving_quality
    expected = [quality[max(0, i + 1 - window) : i + 1].mean() for i in range(len(quality))]
    np.testing.assert_allclose(moving, expected, atol=1e-12)


def test_cumulative_spend_ends_at_the_total() -> None:
    """The series of spend never falls when costs are positive, and ends at their sum."""
    cost = np.random.default_rng(0).uniform(size=50)
    spend = running_series(np.zeros(50), cost).cumulative_spend
    assert (np.diff(spend) > 0).all()
    assert spend[-1] == pytest.approx(cost.sum())


@pytest.mark.parametrize(("lengths", "window"), [((3, 4), 10), ((3, 3), 0)])
def test_series_that_do_not_fit_are_refused(lengths: tuple[int, int], window: int) -> None:
    """Lengths that differ and a window below 1 are input errors."""
    with pytest.raises(InvalidInputError):
        running_series(np.zeros(lengths[0]), np.zeros(lengths[1]), window=window)
