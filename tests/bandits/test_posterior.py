"""The linear posterior: square-root updates against batch ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.posterior import LinearPosterior, Prior
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import contexts, random_statistics

DIM = 5
PRIORS = [
    Prior.of(DIM, levels=np.array([0.0, 0.0]), bias=1.0, slope=1.0, noise=1.0),
    Prior.of(DIM, levels=np.array([1.0, 0.2]), bias=1.0, slope=0.1, noise=0.3),
    Prior.of(DIM, levels=np.array([5.0, -3.0]), bias=0.1, slope=100.0, noise=2.0),
    Prior.of(DIM, levels=np.array([0.5, 0.5]), bias=0.02, slope=1e4, noise=0.01),
]


def ridge(X: Array, y: Array, w: Array, *, prior: Prior, arm: int) -> tuple[Array, Array]:
    """Coefficients and unitless covariance by the textbook's normal equations."""
    precision = (X.T * w) @ X + np.diag(prior.precision)
    moments = (X.T * w) @ y + prior.precision * prior.mean[arm]
    return np.linalg.solve(precision, moments), np.linalg.inv(precision)


@pytest.mark.parametrize("prior", PRIORS)
def test_precision_times_covariance_is_the_identity_at_the_start(prior: Prior) -> None:
    """Before any observation the covariance is the inverse of the prior precision, per arm."""
    posterior = LinearPosterior([SufficientStatistics.zero(DIM)] * 2, prior)
    for arm in range(2):
        product = np.diag(prior.precision) @ posterior.covariance(arm)
        np.testing.assert_allclose(product, np.eye(DIM), atol=1e-12)
        np.testing.assert_allclose(posterior.coefficients(arm), prior.mean[arm], atol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_precision_times_covariance_is_the_identity_after_loading_statistics(prior: Prior) -> None:
    """Built from sums, the covariance is the inverse of evidence plus prior precision."""
    statistics = random_statistics(np.random.default_rng(3), arms=2, dim=DIM)
    posterior = LinearPosterior(statistics, prior)
    for arm in range(2):
        precision = statistics[arm].A + np.diag(prior.precision)
        np.testing.assert_allclose(precision @ posterior.covariance(arm), np.eye(DIM), atol=1e-9)


def test_a_hand_calculation() -> None:
    """One rating of 0 against a prior of 1 worth one rating halves mean and unitless variance."""
    prior = Prior.of(1, levels=np.array([1.0]), bias=1.0, slope=1.0, noise=0.2)
    posterior = LinearPosterior([SufficientStatistics.zero(1)], prior)
    posterior.observe(0, np.array([1.0]), 0.0)
    mean, std = posterior.predict(np.array([1.0]))
    assert mean[0] == pytest.approx(0.5)
    assert std[0] == pytest.approx(0.2 * np.sqrt(0.5))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    prior=st.sampled_from(PRIORS),
    weights=st.lists(st.floats(0, 20), min_size=1, max_size=60),
)
def test_incremental_equals_batch_ridge(seed: int, prior: Prior, weights: list[float]) -> None:
    """Any weighted sequence, every third target revised, ends at batch ridge to 1e-9."""
    rng = np.random.default_rng(seed)
    X, y, w = contexts(rng, len(weights), DIM), rng.random(len(weights)), np.array(weights)
    posterior = LinearPosterior([SufficientStatistics.zero(DIM)] * 2, prior)
    for i in range(len(w)):
        posterior.observe(1, X[i], y[i], weight=w[i])
    for i in range(0, len(w), 3):
        posterior.revise(1, X[i], 0.25 - y[i], weight=w[i])
        y[i] = 0.25
    coefficients, covariance = ridge(X, y, w, prior=prior, arm=1)
    np.testing.assert_allclose(posterior.coefficients(1), coefficients, atol=1e-9)
    np.testing.assert_allclose(posterior.covariance(1), covariance, atol=1e-9)
    mean, std = posterior.predict(X[0])
    assert mean[1] == pytest.approx(X[0] @ coefficients, abs=1e-9)
    assert std[1] == pytest.approx(prior.noise * np.sqrt(X[0] @ covariance @ X[0]), abs=1e-9)


def test_other_arms_stay_as_they_are() -> None:
    """An observation of one arm moves no other."""
    posterior = LinearPosterior([SufficientStatistics.zero(DIM)] * 2, PRIORS[1])
    before = posterior.coefficients(0), posterior.covariance(0)
    posterior.observe(1, np.ones(DIM), 0.0)
    posterior.revise(1, np.ones(DIM), 0.5)
    np.testing.assert_array_equal(posterior.coefficients(0), before[0])
    np.testing.assert_array_equal(posterior.covariance(0), before[1])


def test_weight_zero_changes_nothing() -> None:
    """An observation worth nothing leaves mean and covariance bit for bit."""
    posterior = LinearPosterior(
        random_statistics(np.random.default_rng(5), arms=2, dim=DIM), PRIORS[1]
    )
    before = posterior.coefficients(0), posterior.covariance(0)
    posterior.observe(0, np.ones(DIM), 0.7, weight=0.0)
    posterior.revise(0, np.ones(DIM), 0.7, weight=0.0)
    np.testing.assert_array_equal(posterior.coefficients(0), before[0])
    np.testing.assert_array_equal(posterior.covariance(0), before[1])


def test_a_hundred_thousand_updates_stay_exact() -> None:
    """After 1e5 weighted updates the posterior is within 1e-6 of the exact one, relatively."""
    rng = np.random.default_rng(11)
    n, dim = 100_000, 9
    prior = Prior.of(dim, levels=np.array([1.0]), bias=1.0, slope=3.0, noise=0.3)
    X, y, w = contexts(rng, n, dim), rng.random(n), rng.uniform(0.1, 3.0, n)
    posterior = LinearPosterior([SufficientStatistics.zero(dim)], prior)
    for i in range(n):
        posterior.observe(0, X[i], y[i], weight=w[i])
    coefficients, covariance = ridge(X, y, w, prior=prior, arm=0)
    np.testing.assert_allclose(posterior.coefficients(0), coefficients, atol=1e-6)
    difference = np.abs(posterior.covariance(0) - covariance).max()
    assert difference < 1e-6 * np.abs(covariance).max()
    assert (np.diag(posterior.covariance(0)) > 0).all()


def test_one_context_repeated_for_ever_keeps_variances_positive() -> None:
    """2e4 heavy observations of one prompt never make a variance zero, negative or NaN."""
    prior = Prior.of(DIM, levels=np.array([1.0]), bias=1.0, slope=0.1, noise=0.3)
    posterior = LinearPosterior([SufficientStatistics.zero(DIM)], prior)
    x = np.array([1.0, 2.0, -1.0, 0.5, 3.0])
    for _ in range(20_000):
        posterior.observe(0, x, 1.0, weight=1e3)
    assert (np.linalg.eigvalsh(posterior.covariance(0)) > 0).all()
    assert 0 < posterior.predict(x)[1][0] < 1e-3


VALID = st.tuples(
    st.floats(0, 1),
    st.floats(0, 1e3, exclude_min=True),
    st.lists(st.floats(-10, 10), min_size=DIM - 1, max_size=DIM - 1),
)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(VALID, min_size=1, max_size=25), prior=st.sampled_from(PRIORS))
def test_no_valid_observations_break_the_posterior(
    rows: list[tuple[float, float, list[float]]], prior: Prior
) -> None:
    """Rewards in 0..1, weights in (0, 1e3], bounded contexts: finite, and never singular."""
    posterior = LinearPosterior([SufficientStatistics.zero(DIM)] * 2, prior)
    sums = SufficientStatistics.zero(DIM)
    for y, weight, slopes in rows:
        x = np.array([1.0, *slopes])
        posterior.observe(0, x, y, weight=weight)
        sums = sums.observe(x, y, weight=weight)
    rebuilt = LinearPosterior([sums, sums], prior)
    for each in (posterior, rebuilt):
        mean, std = each.predict(np.ones(DIM))
        assert np.isfinite(mean).all()
        assert np.isfinite(std).all()
        assert (std > 0).all()


def test_coefficients_and_covariance_are_copies() -> None:
    """What a caller does to an answer does not reach the posterior."""
    posterior = LinearPosterior([SufficientStatistics.zero(DIM)] * 2, PRIORS[1])
    posterior.coefficients(0)[:] = 99.0
    posterior.covariance(0)[:] = 99.0
    np.testing.assert_allclose(posterior.coefficients(0), PRIORS[1].mean[0], atol=1e-12)
    assert posterior.covariance(0)[0, 1] == pytest.approx(0.0)
