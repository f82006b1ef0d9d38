"""Empirical Bayes against brute force: the full multivariate normal of the stacked data."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from conduit.bandits.evidence import SLOPE_GRID, PriorFamily
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


def brute_force(data: Data, family: PriorFamily, slope: float) -> tuple[float, float]:
    """Log marginal likelihood at its best σ under the family's guess of σ, and that σ."""
    inverse = np.diag(1.0 / np.array([family.bias] + [slope] * (DIM - 1)))

    def loss(log_sigma: float) -> float:
        variance = float(np.exp(2 * log_sigma))
        guess = -0.5 * family.noise_weight * (2 * log_sigma + family.noise**2 / variance)
        return -guess - sum(
            multivariate_normal.logpdf(
                y,
                mean=X[:, 0] * family.level,
                cov=variance * (np.eye(len(y)) + X @ inverse @ X.T),
            )
            for X, y in data
        )

    best = minimize_scalar(loss, bounds=(-6.0, 3.0), method="bounded", options={"xatol": 1e-9})
    return -float(best.fun), float(np.exp(best.x))


def slope_of(family: PriorFamily, data: Data) -> tuple[float, float]:
    """The slope precision and the noise that the family chooses."""
    prior = family.fit([SufficientStatistics.of(X, y) for X, y in data], np.zeros(len(data)))
    return float(prior.precision[1]), prior.noise


@pytest.mark.parametrize(("seed", "slope_scale"), [(1, 0.0), (2, 0.1), (3, 0.5), (4, 2.0)])
def test_the_slope_grid_is_ranked_as_by_brute_force(seed: int, slope_scale: float) -> None:
    """For every pair of slopes the family prefers the one of higher marginal likelihood."""
    data = simulated(seed, slope_scale=slope_scale)
    whole = PriorFamily(level=0.8, noise=0.3)
    truth = {slope: brute_force(data, whole, slope)[0] for slope in SLOPE_GRID}
    for pair in combinations(SLOPE_GRID, 2):
        chosen, _ = slope_of(PriorFamily(level=0.8, noise=0.3, slopes=pair), data)
        assert chosen == max(pair, key=truth.__getitem__)
    assert slope_of(whole, data)[0] == max(truth, key=truth.__getitem__)


@pytest.mark.parametrize("slope", [0.1, 3.0, 100.0])
def test_the_noise_is_the_most_likely_one(slope: float) -> None:
    """σ̂ maximises the marginal likelihood at the chosen slope."""
    data = simulated(7, slope_scale=0.5)
    family = PriorFamily(level=0.8, noise=0.3, slopes=(slope,))
    assert slope_of(family, data)[1] == pytest.approx(brute_force(data, family, slope)[1], rel=1e-4)


def test_strong_slopes_are_shrunk_less_than_none() -> None:
    """Data whose slopes are large get a looser prior than data without slopes."""
    loose, _ = slope_of(PriorFamily(level=0.7), simulated(5, slope_scale=2.0))
    tight, _ = slope_of(PriorFamily(level=0.7), simulated(5, slope_scale=0.0))
    assert loose < tight


def test_noise_is_found_again() -> None:
    """With many observations σ̂ is the true σ, to 5%."""
    _, noise = slope_of(PriorFamily(level=0.7), simulated(6, slope_scale=0.5, sizes=(3000,) * 2))
    assert noise == pytest.approx(0.2, rel=0.05)


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
