"""Empirical Bayes against brute force: the full multivariate normal of the stacked data."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from conduit.bandits.evidence import SLOPE_GRID, PriorFamily
from conduit.bandits.posterior import Prior
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import contexts

DIM = 4
Data = list[tuple[Array, Array]]


def simulated(seed: int, *, slope_scale: float, sizes: tuple[int, ...] = (25, 7, 12)) -> Data:
    """Per arm contexts (n, d) and targets (n,) whose slopes have a given spread."""
    rng = np.random.default_rng(seed)
    data = []
    for n in sizes:
        X = contexts(rng, n, DIM)
        theta = np.append(0.7, slope_scale * rng.standard_normal(DIM - 1))
        data.append((X, X @ theta + 0.2 * rng.standard_normal(n)))
    return data


def chosen_prior(family: PriorFamily, data: Data) -> Prior:
    """The prior that the family chooses for that data."""
    return family.fit([SufficientStatistics.of(X, y) for X, y in data], np.zeros(len(data)))


def brute_force(data: Data, family: PriorFamily, prior: Prior) -> tuple[float, float]:
    """Log marginal likelihood at its best σ under the family's guess of σ, and that σ."""
    inverse = np.diag(1.0 / prior.precision)

    def loss(log_sigma: float) -> float:
        variance = float(np.exp(2 * log_sigma))
        guess = -0.5 * family.noise_weight * (2 * log_sigma + family.noise**2 / variance)
        return -guess - sum(
            multivariate_normal.logpdf(
                y, mean=X @ mean, cov=variance * (np.eye(len(y)) + X @ inverse @ X.T)
            )
            for (X, y), mean in zip(data, prior.mean, strict=True)
        )

    best = minimize_scalar(loss, bounds=(-6.0, 3.0), method="bounded", options={"xatol": 1e-9})
    return -float(best.fun), float(np.exp(best.x))


MEMBERS = tuple(product(SLOPE_GRID, (0.0, 1.0)))


def member(slope: float, sharing: float) -> PriorFamily:
    """A family of one: its evidence has nothing to choose but σ."""
    return PriorFamily(level=0.8, noise=0.3, slopes=(slope,), sharing=(sharing,))


@pytest.mark.parametrize(("seed", "slope_scale"), [(1, 0.0), (2, 0.1), (3, 0.5), (4, 2.0)])
def test_the_family_is_ranked_as_by_brute_force(seed: int, slope_scale: float) -> None:
    """For every pair of slope precisions the one of higher marginal likelihood is preferred."""
    data = simulated(seed, slope_scale=slope_scale)
    truth = {
        slope: brute_force(data, member(slope, 0.0), chosen_prior(member(slope, 0.0), data))[0]
        for slope in SLOPE_GRID
    }
    for pair in [*combinations(SLOPE_GRID, 2), SLOPE_GRID]:
        family = PriorFamily(level=0.8, noise=0.3, slopes=pair, sharing=(0.0,))
        assert chosen_prior(family, data).precision[1] == max(pair, key=truth.__getitem__)


@pytest.mark.parametrize(("seed", "alike"), [(21, True), (22, False)])
def test_sharing_is_chosen_as_by_brute_force(seed: int, *, alike: bool) -> None:
    """Slopes are taken over from the other arms exactly where that makes the data likelier."""
    data = simulated(seed, slope_scale=0.7, sizes=(30, 30, 30))
    if alike:
        theta = np.array([0.7, 0.9, -0.8, 0.5])
        data = [(X, X @ theta + 0.2 * np.random.default_rng(seed).normal(size=30)) for X, _ in data]
    truth = {
        key: brute_force(data, member(*key), chosen_prior(member(*key), data))[0] for key in MEMBERS
    }
    slope, sharing = max(truth, key=truth.__getitem__)
    whole = PriorFamily(level=0.8, noise=0.3, sharing=(0.0, 1.0))
    expected = chosen_prior(member(slope, sharing), data)
    np.testing.assert_allclose(chosen_prior(whole, data).mean, expected.mean)
    np.testing.assert_allclose(chosen_prior(whole, data).precision, expected.precision)
    assert (sharing == 1.0) == alike


def test_what_is_shared_is_the_ridge_regression_of_the_other_arms() -> None:
    """An arm takes over the slopes of all other arms together, its own data left out."""
    data = simulated(23, slope_scale=1.0)
    shared = chosen_prior(member(3.0, 1.0), data).mean[:, 1:]
    for arm in range(len(data)):
        others = [each for k, each in enumerate(data) if k != arm]
        slopes = np.concatenate([X[:, 1:] for X, _ in others])
        residual = np.concatenate([y - y.mean() for _, y in others])
        ridge = np.linalg.solve(slopes.T @ slopes + 3.0 * np.eye(DIM - 1), slopes.T @ residual)
        np.testing.assert_allclose(shared[arm], ridge)
    np.testing.assert_allclose(chosen_prior(member(3.0, 0.5), data).mean[:, 1:], 0.5 * shared)


@pytest.mark.parametrize("slope", [0.1, 3.0, 100.0])
def test_the_noise_is_the_most_likely_one(slope: float) -> None:
    """σ̂ maximises the marginal likelihood at the chosen slope."""
    data = simulated(7, slope_scale=0.5)
    family = member(slope, 0.0)
    prior = chosen_prior(family, data)
    assert prior.noise == pytest.approx(brute_force(data, family, prior)[1], rel=1e-4)


def test_strong_slopes_are_shrunk_less_than_none() -> None:
    """Data whose slopes are large get a looser prior than data without slopes."""
    loose, tight = (
        chosen_prior(PriorFamily(level=0.7), simulated(5, slope_scale=scale)).precision[1]
        for scale in (2.0, 0.0)
    )
    assert loose < tight


def test_noise_is_found_again() -> None:
    """With many observations σ̂ is the true σ, to 5%."""
    data = simulated(6, slope_scale=0.5, sizes=(3000, 3000))
    assert chosen_prior(PriorFamily(level=0.7), data).noise == pytest.approx(0.2, rel=0.05)


def test_nothing_seen_gives_a_prior_inside_the_family() -> None:
    """Without data the level and noise are the family's own and the slope lies inside its grid."""
    family = PriorFamily(level=0.6, noise=0.25)
    offsets = np.array([0.0, 0.3])
    prior = family.fit([SufficientStatistics.zero(DIM)] * 2, offsets)
    np.testing.assert_allclose(prior.mean[:, 0], [0.6, 0.9])
    assert not prior.mean[:, 1:].any()
    assert prior.noise == 0.25
    assert min(SLOPE_GRID) < prior.precision[1] < max(SLOPE_GRID)


def test_unseen_arms_do_not_change_the_evidence() -> None:
    """Slope and noise are the same with and without an arm that nothing is known of."""
    data = simulated(8, slope_scale=0.5)
    statistics = [SufficientStatistics.of(X, y) for X, y in data]
    family = PriorFamily(level=0.8)
    with_new = family.fit([*statistics, SufficientStatistics.zero(DIM)], np.zeros(4))
    without = family.fit(statistics, np.zeros(3))
    np.testing.assert_allclose(with_new.precision, without.precision)
    assert with_new.noise == pytest.approx(without.noise)


def test_a_pooled_level_is_the_mean_over_all_arms_beyond_their_offsets() -> None:
    """A new arm starts at what the others have shown, shifted by what is known beforehand."""
    X = np.ones((10, 1))
    offsets = np.array([1.0, -1.0, 0.5])
    statistics = [
        SufficientStatistics.of(X, np.full(10, 3.0)),
        SufficientStatistics.of(X, np.full(10, 1.5)),
        SufficientStatistics.zero(1),
    ]
    prior = PriorFamily(level=9.0, pooled=True).fit(statistics, offsets)
    shared = ((3.0 - 1.0) + (1.5 + 1.0)) / 2
    np.testing.assert_allclose(prior.mean[:, 0], shared + offsets)


def test_a_pooled_level_falls_back_without_data() -> None:
    """Before anything is seen a pooled family uses its own level."""
    prior = PriorFamily(level=9.0, pooled=True).fit([SufficientStatistics.zero(1)], np.zeros(1))
    assert prior.mean[0, 0] == 9.0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.floats(-1e3, 1e3),
    weight=st.sampled_from([1e-9, 1.0, 1e3]),
)
def test_every_data_set_gives_a_usable_prior(seed: int, shift: float, weight: float) -> None:
    """Whatever the level and weight of the data, the chosen prior is finite and proper."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    X, y = contexts(rng, n, DIM), rng.random(n) + shift
    statistics = [SufficientStatistics.of(X, y, weight=weight), SufficientStatistics.zero(DIM)]
    prior = PriorFamily(level=0.5).fit(statistics, np.zeros(2))
    assert 0 < prior.noise < np.inf
    assert (prior.precision > 0).all()
    assert np.isfinite(prior.mean).all()
