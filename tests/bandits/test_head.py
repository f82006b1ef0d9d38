"""One learned quantity: incremental updates, rebuilds and counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.evidence import PriorFamily
from conduit.bandits.head import LearnedHead
from conduit.bandits.posterior import LinearPosterior
from conduit.core.statistics import SufficientStatistics
from tests.bandits.builders import contexts, random_statistics

DIM = 5
FAMILY = PriorFamily(level=1.0)


def fresh(arms: int = 2) -> LearnedHead:
    """A head that has seen nothing."""
    return LearnedHead([SufficientStatistics.zero(DIM)] * arms, FAMILY)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=st.lists(st.floats(0, 10), min_size=1, max_size=60),
)
def test_a_head_equals_batch_ridge_under_its_own_prior(seed: int, weights: list[float]) -> None:
    """At any moment, rebuilt or not, predictions are those of the sums under the present prior."""
    rng = np.random.default_rng(seed)
    head, X = fresh(), contexts(rng, len(weights), DIM)
    y = rng.random(len(weights))
    for i, weight in enumerate(weights):
        head.observe(i % 2, X[i], y[i], weight=weight)
        if i % 5 == 0:
            head.revise(i % 2, X[i], 0.9, y[i], weight=weight)
    exact = LinearPosterior([head.statistics(0), head.statistics(1)], head.posterior.prior)
    for found, expected in zip(head.predict(X[0]), exact.predict(X[0]), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_rebuild_changes_predictions_by_nothing_but_the_prior() -> None:
    """After a rebuild the head predicts like one made from its sums, and again changes nothing."""
    rng = np.random.default_rng(2)
    head, X = fresh(), contexts(rng, 37, DIM)
    for i in range(37):
        head.observe(i % 2, X[i], rng.random())
    head.rebuild()
    first = head.predict(X[0])
    made = LearnedHead([head.statistics(0), head.statistics(1)], FAMILY).predict(X[0])
    head.rebuild()
    for a, b, c in zip(first, made, head.predict(X[0]), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_a_rebuild_under_the_same_prior_changes_nothing() -> None:
    """Where the family has one member and noise is known, deriving anew is invisible to 1e-9."""
    family = PriorFamily(level=1.0, slopes=(3.0,), sharing=(0.0,), noise_weight=1e12)
    head = LearnedHead([SufficientStatistics.zero(DIM)] * 2, family)
    rng = np.random.default_rng(4)
    X = contexts(rng, 50, DIM)
    for i in range(50):
        head.observe(i % 2, X[i], rng.random(), weight=rng.random())
    before = head.predict(X[3])
    head.rebuild()
    for old, new in zip(before, head.predict(X[3]), strict=True):
        np.testing.assert_allclose(old, new, atol=1e-9)


def test_loading_equals_having_lived() -> None:
    """A head made from another's sums knows the same once the other has rebuilt."""
    statistics = random_statistics(np.random.default_rng(8), arms=2, dim=DIM)
    loaded = LearnedHead(statistics, FAMILY)
    assert loaded.count == sum(s.count for s in statistics)
    np.testing.assert_array_equal(loaded.counts, [s.count for s in statistics])
    assert loaded.noise == loaded.posterior.prior.noise


def test_rebuilds_are_logarithmic_in_the_observations(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 observations rebuild fewer than 120 times, and the last rebuild is recent."""
    rebuilt_at: list[int] = []
    rebuild = LearnedHead.rebuild

    def counting(head: LearnedHead) -> None:
        rebuild(head)
        rebuilt_at.append(head.count)

    monkeypatch.setattr(LearnedHead, "rebuild", counting)
    head = fresh()
    for _ in range(2000):
        head.observe(0, np.ones(DIM), 1.0)
    assert len(rebuilt_at) < 120
    assert rebuilt_at[-1] > 1500


def test_weight_zero_changes_no_prediction() -> None:
    """However many observations worth nothing arrive, what is believed stays the same."""
    rng = np.random.default_rng(9)
    head, X = fresh(), contexts(rng, 30, DIM)
    for i in range(20):
        head.observe(i % 2, X[i], rng.random())
    head.rebuild()
    before = head.predict(X[0])
    for i in range(30):
        head.observe(0, X[i], 0.0, weight=0.0)
    for old, new in zip(before, head.predict(X[0]), strict=True):
        np.testing.assert_allclose(old, new, atol=1e-12)


BIAS_ONLY = np.append(1.0, np.zeros(DIM - 1))


def test_the_running_mean_is_that_of_a_lognormal() -> None:
    """It is exp of the centre plus half the variance of the targets; the prior's level unseen."""
    head = fresh()
    targets = np.random.default_rng(10).normal(5.0, 0.5, 400)
    for target in targets:
        head.observe(0, BIAS_ONLY, target)
    assert head.running_mean()[0] == pytest.approx(np.exp(targets.mean() + 0.5 * targets.var()))
    assert head.running_mean()[1] == pytest.approx(np.exp(FAMILY.level))


def test_revising_moves_the_running_mean_too() -> None:
    """A corrected target leaves everything as if it had been right at once."""
    corrected, right = fresh(), fresh()
    corrected.observe(0, BIAS_ONLY, 2.0)
    corrected.revise(0, BIAS_ONLY, 3.0, 2.0)
    right.observe(0, BIAS_ONLY, 3.0)
    np.testing.assert_allclose(corrected.running_mean(), right.running_mean())
    np.testing.assert_allclose(
        corrected.predict(BIAS_ONLY)[0], right.predict(BIAS_ONLY)[0], atol=1e-12
    )
    assert corrected.count == 1


def test_an_arm_of_which_only_weightless_things_are_known_is_new() -> None:
    """Loaded from sums of weight 0, an arm is believed what a fresh one is."""
    weightless = SufficientStatistics.zero(DIM).observe(BIAS_ONLY, 0.0, weight=0.0)
    loaded = LearnedHead([weightless] * 2, FAMILY)
    np.testing.assert_array_equal(loaded.running_mean(), fresh().running_mean())
    assert loaded.predict(BIAS_ONLY)[0] == pytest.approx(fresh().predict(BIAS_ONLY)[0])
