"""Arms that change are noticed, others are left in peace, and nothing absurd comes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.evidence import PriorFamily
from conduit.bandits.head import LearnedHead
from conduit.bandits.models import ArmModels
from conduit.bandits.vigilance import Vigilance, Watch
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import contexts, observed, priced

DIM = 4
ONE = np.ones(1)
FAMILY = PriorFamily(level=1.0)


def head_of(rng: np.random.Generator, *, level: float, n: int = 200) -> LearnedHead:
    """Two arms of that quality, give or take .1, each seen n times."""
    sums = [
        SufficientStatistics.of(contexts(rng, n, DIM), rng.normal(level, 0.1, n)) for _ in range(2)
    ]
    return LearnedHead(sums, FAMILY)


def learn(head: LearnedHead, X: Array, y: Array, *, weight: float = 1.0) -> None:
    """Show outcomes of arm 0 one by one, and discount what they contradict."""
    for x, target in zip(X, y, strict=True):
        head.observe(0, x, float(target), weight=weight)
        for arm, worth in head.contradicted.items():
            head.discount(arm, worth=worth)


@pytest.mark.parametrize("shift", [1.0, -1.0, 2.0, -9.0])
def test_a_shift_is_noticed_when_its_sum_passes_the_threshold(shift: float) -> None:
    """A shift of δ takes h/(|δ| − κ) errors, with each cut at c; then the sums start again."""
    watch = Watch(Vigilance(threshold=10.1, slack=0.5, clip=3.0), 2)
    needed = math.ceil(10.1 / (min(abs(shift), 3.0) - 0.5))
    for _ in range(2):
        seen = []
        for _ in range(needed):
            watch.see(1, shift, std=0.0, weight=1.0)
            seen.append(watch.alarms == {1})
        assert seen == [False] * (needed - 1) + [True]
        watch.settle(1)
        assert not watch.alarms


def test_an_error_counts_by_what_was_to_be_expected_of_it() -> None:
    """The arm's own noise, the doubt about its mean and a light weight all make it smaller."""
    for scale, std, weight in ((2.0, 0.0, 1.0), (0.0, 2.0, 1.0), (1.0, 0.0, 0.25)):
        watch = Watch(Vigilance(threshold=1.4), 1)
        watch.scales = [scale]
        watch.see(0, 3.9, std=std, weight=weight)
        assert watch.alarms == {0}, "3.9 / 2 − .5 is 1.45"
        watch.settle(0)
        watch.see(0, 3.7, std=std, weight=weight)
        assert not watch.alarms, "3.7 / 2 − .5 is 1.35"


def test_false_alarms_are_as_rare_as_the_formula_says() -> None:
    """At h = 4 and κ = .5 Siegmund's formula gives 168 errors between alarms; 30,000 are drawn.

    The number of alarms is then about Poisson of mean 178: five standard deviations are allowed.
    """
    watch, alarms = Watch(Vigilance(threshold=4.0), 1), 0
    for error in np.random.default_rng(0).standard_normal(30_000).tolist():
        watch.see(0, error, std=0.0, weight=1.0)
        alarms += len(watch.alarms)
        if watch.alarms:
            watch.settle(0)
    u = 2 * 0.5 * (4.0 + 1.17)
    between = (math.exp(u) - 1 - u) / (4 * 0.5**2)
    assert abs(alarms - 30_000 / between) < 5 * math.sqrt(30_000 / between)


def test_an_arm_that_changes_is_learned_anew_and_the_other_is_left_as_it_is() -> None:
    """Of 200 outcomes five ratings are left, beside the forty since; nothing else is touched."""
    rng = np.random.default_rng(1)
    head = head_of(rng, level=0.9)
    other = head.statistics(1)
    X = contexts(rng, 40, DIM)
    learn(head, X, np.full(40, 0.5))
    assert 5 < head.weights[0] < 45
    np.testing.assert_array_equal(head.statistics(1).A, other.A)
    assert head.predict(X[0])[0][0] == pytest.approx(0.5, abs=0.1)
    assert head.predict(X[0])[0][1] == pytest.approx(0.9, abs=0.05)


def test_without_a_change_nothing_is_given_up() -> None:
    """2,000 outcomes like the first raise no alarm (chance of one: below a thousandth)."""
    rng = np.random.default_rng(2)
    head = head_of(rng, level=0.8)
    learn(head, contexts(rng, 2000, DIM), rng.normal(0.8, 0.1, 2000))
    assert head.weights[0] == 2200


def test_a_noisy_arm_beside_steady_ones_raises_no_alarm() -> None:
    """Errors are measured by the arm's own: chance is not change, however steady others are."""
    rng = np.random.default_rng(3)
    X = contexts(rng, 500, DIM)
    noisy = SufficientStatistics.of(X, (rng.random(500) < 0.6).astype(float))
    steady = SufficientStatistics.of(X, np.full(500, 0.9))
    head = LearnedHead([noisy, steady, steady], FAMILY)
    learn(head, contexts(rng, 2000, DIM), (rng.random(2000) < 0.6).astype(float))
    assert head.weights[0] == 2500


def test_a_price_that_changes_in_silence_is_noticed_by_the_bills() -> None:
    """The cost head is watched as quality is: a dozen bills a hundredth as high are believed."""
    arms = priced("a", "b")
    rng = np.random.default_rng(4)
    models = ArmModels(arms, dim=DIM)

    def paid(arm: int, bill: float, n: int) -> None:
        for x in contexts(rng, n, DIM):
            log_cost = math.log(bill) + 0.2 * rng.normal()
            models.observe(arm, Head.LOG_COST, x, log_cost, weight=1.0)
            for said in models.contradictions():
                assert (said.arm, said.head) == ("b", Head.LOG_COST)
                models.discount(said)

    paid(0, 1e-3, 300)
    paid(1, 1e-3, 300)
    paid(1, 1e-5, 30)
    cost = models.estimate(np.append(1.0, np.zeros(DIM - 1)), token_count=10).cost
    assert cost[0] == pytest.approx(1e-3, rel=0.2)
    assert cost[1] < 1e-4


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kept=st.floats(1e-9, 20.0),
    levels=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    weight=st.floats(0.05, 10.0),
)
def test_no_sequence_of_changes_makes_a_posterior_absurd(
    seed: int, kept: float, levels: list[float], weight: float
) -> None:
    """However often an arm changes, means stay finite, variances positive, and weights bounded."""
    rng = np.random.default_rng(seed)
    head = LearnedHead(
        [SufficientStatistics.zero(DIM)] * 2, FAMILY, vigilance=Vigilance(threshold=2.0, kept=kept)
    )
    for level in levels:
        learn(head, contexts(rng, 40, DIM), np.full(40, level), weight=weight)
    mean, std = head.predict(contexts(rng, 1, DIM)[0])
    assert np.isfinite(mean).all()
    assert (std > 0).all()
    assert 0 < head.weights[0] <= 40 * len(levels) * weight * (1 + 1e-9)


def test_infinitely_patient_vigilance_never_asks() -> None:
    """With an infinite threshold nothing is ever contradicted."""
    rng = np.random.default_rng(5)
    sums = SufficientStatistics.of(contexts(rng, 50, DIM), np.full(50, 0.9))
    head = LearnedHead([sums], FAMILY, vigilance=Vigilance(threshold=math.inf))
    learn(head, contexts(rng, 200, DIM), np.zeros(200))
    assert head.weights[0] == pytest.approx(250)


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0.0}, {"slack": -1.0}, {"clip": 0.5}, {"kept": 21.0}, {"kept": 0.0}]
)
def test_vigilance_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    """The error names the number."""
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        Vigilance(**wrong)


def test_models_made_anew_go_on_watching() -> None:
    """However often models are made of the same evidence, a fall is noticed as soon as without."""

    def noticed(*, refresh: bool) -> int:
        models = ArmModels(priced("other", "falls"), dim=1)
        for turn in range(400):
            models.learn(observed("falls", Head.QUALITY, 0.9 + 0.02 * (turn % 2)), ONE)
        for turn in range(1, 40):
            models.learn(observed("falls", Head.QUALITY, 0.55), ONE)
            if models.contradictions():
                return turn
            if refresh:
                models = again(models, "falls", "other")
        return 0

    assert 6 <= noticed(refresh=False) <= 8
    assert abs(noticed(refresh=True) - noticed(refresh=False)) <= 1


def test_an_alarm_outlives_models_made_anew_until_somebody_has_discounted_the_arm() -> None:
    """What one process has noticed is not lost, nor noticed twice where another was first."""
    models = ArmModels(priced("falls"), dim=1)
    for value in [0.9, 0.92] * 50 + [0.0] * 10:
        models.learn(observed("falls", Head.QUALITY, value), ONE)
    (said,) = models.contradictions()
    assert again(models, "falls").contradictions() == (said,)
    elsewhere = again(models, "falls")
    elsewhere.discount(said)
    settled = again(elsewhere, "falls", before=models)
    assert settled.contradictions() == ()
    settled.learn(observed("falls", Head.QUALITY, 0.9), ONE)
    assert settled.contradictions() == ()


def again(models: ArmModels, *names: str, before: ArmModels | None = None) -> ArmModels:
    """Models of these arms from the evidence of others, as they are made when a store has changed."""
    statistics = {
        (arm.id, Head.QUALITY.value): models.head(Head.QUALITY).statistics(k)
        for k, arm in enumerate(models.arms)
    }
    return ArmModels(priced(*names), dim=1, statistics=statistics, before=before or models)
