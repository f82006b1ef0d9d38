"""Probability of being the largest Gaussian: closed forms, quadrature, simulation, symmetries."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.stats import norm

from conduit.bandits.propensity import largest_gaussian
from conduit.core.statistics import Array

RATIO = 50.0
"""Standard deviations are raised to the largest over this: documented, it defines the policy."""

MEANS = st.floats(-3, 3)
STDS = st.floats(0.01, 3)
GAUSSIANS = st.integers(1, 7).flatmap(
    lambda k: st.tuples(arrays(float, k, elements=MEANS), arrays(float, k, elements=STDS))
)


def by_quad(mean: Array, std: Array) -> Array:
    """The integral, by adaptive quadrature with break points at every mean."""
    s = np.maximum(std, std.max() / RATIO)
    low, high = (mean - 9 * s).min(), (mean + 9 * s).max()
    marks = sorted({float(m + j * t) for m, t in zip(mean, s, strict=True) for j in (-6, 0, 6)})

    def density(z: float, k: int) -> float:
        others = np.delete((z - mean) / s, k)
        return float(norm.pdf(z, mean[k], s[k]) * norm.cdf(others).prod())

    edges = [low, *marks, high]
    return np.array(
        [
            sum(quad(density, a, b, args=(k,))[0] for a, b in pairwise(edges) if b > a)
            for k in range(len(mean))
        ]
    )


@settings(max_examples=40, deadline=None)
@given(a=MEANS, b=MEANS, s=STDS, t=STDS)
def test_two_arms_have_the_closed_form(a: float, b: float, s: float, t: float) -> None:
    """For K = 2 the probability is Φ of the difference over its standard deviation."""
    top = max(s, t)
    s, t = max(s, top / RATIO), max(t, top / RATIO)
    expected = norm.cdf((a - b) / np.hypot(s, t))
    found = largest_gaussian(np.array([a, b]), np.array([s, t]))
    assert found[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_quadrature_agrees_with_an_adaptive_one(seed: int) -> None:
    """The nodes reproduce scipy's adaptive quadrature to 1e-8, at std ratios up to 50."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(3, 6))
    mean, std = rng.normal(0, 1, k), 10 ** rng.uniform(-1.7, 0, k)
    np.testing.assert_allclose(largest_gaussian(mean, std), by_quad(mean, std), atol=1e-8)


def by_many_nodes(mean: Array, std: Array) -> Array:
    """The integral on nodes a twentieth of the smallest deviation apart."""
    s = np.maximum(std, std.max() / RATIO)
    z = np.arange((mean - 8 * s).max(), (mean + 8 * s).max(), s.min() / 20)
    log_cdf = norm.logcdf(z, mean[:, None], s[:, None])
    shares = np.exp(norm.logpdf(z, mean[:, None], s[:, None]) + log_cdf.sum(axis=0) - log_cdf).sum(
        axis=1
    )
    return np.asarray(shares / shares.sum())


CROWDS = st.tuples(
    st.integers(2, 20), st.integers(0, 2**32 - 1), st.floats(1, 50), st.floats(0.0, 4.0)
)


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS, wide=st.integers(1, 3))
def test_few_nodes_are_as_good_as_many(crowd: tuple[int, int, float, float], wide: int) -> None:
    """Up to 20 arms, of which some are up to 50 times as uncertain as others: within 1e-8."""
    arms, seed, ratio, apart = crowd
    rng = np.random.default_rng(seed)
    std = rng.uniform(1, 1.5, arms) / ratio
    std[:wide] = 1.0
    mean = apart * rng.choice([std.min(), 1.0]) * rng.standard_normal(arms)
    np.testing.assert_allclose(largest_gaussian(mean, std), by_many_nodes(mean, std), atol=1e-8)


@pytest.mark.parametrize("ratio", [1.0, 5.0, 50.0])
def test_a_hundred_arms_are_within_a_hundred_thousandth(ratio: float) -> None:
    """The largest of many has a narrow distribution: 1e-5 is what the nodes promise there."""
    rng = np.random.default_rng(0)
    std = np.append(np.full(99, 1 / ratio), 1.0)
    mean = np.append(rng.normal(0, 0.1 / ratio, 99), -1.0)
    np.testing.assert_allclose(largest_gaussian(mean, std), by_many_nodes(mean, std), atol=1e-5)


def test_an_arm_out_of_reach_has_no_probability() -> None:
    """What ends 6 deviations above its mean before the best begins is never drawn, nor felt."""
    near = largest_gaussian(np.array([0.5, 0.4]), np.array([0.1, 0.1]))
    found = largest_gaussian(np.array([0.5, -1.0, 0.4]), np.array([0.1, 0.1, 0.1]))
    assert found[1] == 0.0
    np.testing.assert_allclose(found[[0, 2]], near, atol=1e-12)


@pytest.mark.parametrize("arms", [2, 3, 5, 12])
def test_frequencies_of_real_draws_agree(arms: int) -> None:
    """Over 200,000 draws the share of wins is within 4.5 standard errors for every arm."""
    rng = np.random.default_rng(arms)
    mean, std = rng.normal(0, 0.5, arms), rng.uniform(0.1, 1.0, arms)
    draws = rng.normal(mean, std, (200_000, arms))
    share = np.bincount(draws.argmax(axis=1), minlength=arms) / len(draws)
    expected = largest_gaussian(mean, std)
    error = np.sqrt(expected * (1 - expected) / len(draws))
    assert (np.abs(share - expected) <= 4.5 * error + 1e-6).all()


@given(mean=st.floats(-1e6, 1e6), std=st.floats(0, 1e3))
def test_a_single_arm_is_certain(mean: float, std: float) -> None:
    """K = 1 gives probability 1."""
    assert largest_gaussian(np.array([mean]), np.array([std])).tolist() == [1.0]


@pytest.mark.parametrize("std", [0.0, 1e-12, 0.3])
@pytest.mark.parametrize("mean", [-2.0, 0.0, 1e6])
def test_exact_ties_share_equally(mean: float, std: float) -> None:
    """Equal arms have equal probabilities, with or without spread."""
    found = largest_gaussian(np.full(4, mean), np.full(4, std))
    np.testing.assert_allclose(found, 0.25, atol=1e-9)


def test_without_spread_the_best_wins_always() -> None:
    """Zero standard deviations choose the highest mean with certainty."""
    found = largest_gaussian(np.array([0.1, 0.3, 0.2]), np.zeros(3))
    assert found.tolist() == [0.0, 1.0, 0.0]


def test_an_arm_without_spread_competes_with_one_that_has_some() -> None:
    """A certain 0 against N(0, 1) is a fair game, up to the documented fiftieth."""
    found = largest_gaussian(np.zeros(2), np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


@pytest.mark.parametrize("ratio", [1e2, 1e6, 1e12])
def test_extreme_ratios_keep_the_documented_policy(ratio: float) -> None:
    """However small a standard deviation, it counts as a fiftieth of the largest."""
    mean = np.array([0.3, 0.0, 0.1])
    found = largest_gaussian(mean, np.array([1.0 / ratio, 1.0, 0.5]))
    np.testing.assert_allclose(found, by_quad(mean, np.array([0.02, 1.0, 0.5])), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    pair=st.integers(1, 7).flatmap(
        lambda k: st.tuples(
            arrays(float, k, elements=st.floats(-1e9, 1e9)),
            arrays(float, k, elements=st.one_of(st.just(0.0), st.floats(1e-300, 1e9))),
        )
    )
)
def test_it_is_a_distribution_whatever_the_scale(pair: tuple[Array, Array]) -> None:
    """Any finite means and standard deviations give probabilities that sum to 1."""
    found = largest_gaussian(*pair)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(pair=GAUSSIANS, rise=st.floats(0, 2), data=st.data())
def test_a_higher_mean_is_never_less_likely(
    pair: tuple[Array, Array], rise: float, data: st.DataObject
) -> None:
    """Raising one mean does not lower its own probability, nor raise another's."""
    mean, std = pair
    k = data.draw(st.integers(0, len(mean) - 1))
    before = largest_gaussian(mean, std)
    after = largest_gaussian(mean + rise * (np.arange(len(mean)) == k), std)
    assert after[k] >= before[k] - 1e-6
    assert (np.delete(after, k) <= np.delete(before, k) + 1e-6).all()


@settings(max_examples=40, deadline=None)
@given(pair=GAUSSIANS, shift=st.floats(-100, 100), scale=st.floats(0.01, 100), data=st.data())
def test_only_order_scale_and_place_free_differences_count(
    pair: tuple[Array, Array], shift: float, scale: float, data: st.DataObject
) -> None:
    """Permuting arms permutes the answer; shifting and scaling all arms changes nothing."""
    mean, std = pair
    order = np.array(data.draw(st.permutations(range(len(mean)))))
    found = largest_gaussian(mean, std)
    np.testing.assert_allclose(largest_gaussian(mean[order], std[order]), found[order], atol=1e-6)
    moved = largest_gaussian(scale * mean + shift, scale * std)
    np.testing.assert_allclose(moved, found, atol=1e-6)
