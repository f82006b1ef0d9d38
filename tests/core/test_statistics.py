"""Sufficient statistics: additive, order-free, prior-free."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.core.errors import InvalidInputError
from conduit.core.forgetting import Forgetting, remaining
from conduit.core.outcomes import Head
from conduit.core.statistics import UNDATED, Array, SufficientStatistics

DIM = 3
SEEDS = st.integers(0, 2**32 - 1)


def rows(seed: int, n: int) -> tuple[Array, Array, Array]:
    """n contexts, targets and weights."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, DIM)), rng.random(n), rng.uniform(0, 3, n)


def observed(X: Array, y: Array, w: Array) -> SufficientStatistics:
    """Statistics collected one observation at a time."""
    sums = SufficientStatistics.zero(DIM)
    for x, target, weight in zip(X, y, w, strict=True):
        sums = sums.observe(x, float(target), weight=float(weight))
    return sums


def assert_same(a: SufficientStatistics, b: SufficientStatistics) -> None:
    """Assert equality to rounding."""
    np.testing.assert_allclose(a.A, b.A, atol=1e-12)
    np.testing.assert_allclose(a.b, b.b, atol=1e-12)
    assert (a.yy, a.weight) == pytest.approx((b.yy, b.weight), abs=1e-12)
    assert a.count == b.count


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, n=st.integers(0, 30), weight=st.floats(0, 10))
def test_a_data_set_equals_its_observations(seed: int, n: int, weight: float) -> None:
    """``of`` a whole data set is ``observe`` row by row."""
    X, y, _ = rows(seed, n)
    whole = SufficientStatistics.of(X, y, weight=weight)
    assert_same(whole, observed(X, y, np.full(n, weight)))


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, cuts=st.lists(st.integers(0, 20), max_size=4), data=st.data())
def test_merge_order_does_not_matter(seed: int, cuts: list[int], data: st.DataObject) -> None:
    """However a log is cut and in whatever order its parts are merged, the sums are the same."""
    X, y, w = rows(seed, 20)
    edges = [0, *sorted(cuts), 20]
    parts = [observed(X[a:b], y[a:b], w[a:b]) for a, b in pairwise(edges)]
    order = data.draw(st.permutations(parts))
    merged = sum(order[1:], order[0])
    assert_same(merged, observed(X, y, w))


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, first=st.floats(0, 1), then=st.floats(0, 1), weight=st.floats(0, 10))
def test_a_revision_replaces_the_target(
    seed: int, first: float, then: float, weight: float
) -> None:
    """Revised, the sums are as if the new value had been observed at once."""
    X, y, w = rows(seed, 5)
    x = np.array([1.0, -0.5, 2.0])
    revised = observed(X, y, w).observe(x, first, weight=weight)
    revised = revised.revise(x, then, first, weight=weight)
    assert_same(revised, observed(X, y, w).observe(x, then, weight=weight))


def test_the_leading_coordinates_are_those_of_shorter_contexts() -> None:
    """The first d' coordinates of the sums are the sums of the first d' coordinates."""
    X, y, w = rows(3, 15)
    for dim in range(1, DIM + 1):
        short = SufficientStatistics.zero(dim)
        for x, target, weight in zip(X, y, w, strict=True):
            short = short.observe(x[:dim], float(target), weight=float(weight))
        assert observed(X, y, w).leading(dim).dim == dim
        assert_same(observed(X, y, w).leading(dim), short)


@given(factor=st.floats(0, 100))
def test_scaling_scales_evidence_and_keeps_the_count(factor: float) -> None:
    """Evidence worth ``factor`` times as much is that of ``factor`` times the weights."""
    X, y, w = rows(4, 10)
    scaled, reweighted = observed(X, y, w).scaled(factor), observed(X, y, factor * w)
    np.testing.assert_allclose(scaled.A, reweighted.A, atol=1e-9)
    np.testing.assert_allclose(scaled.b, reweighted.b, atol=1e-9)
    assert (scaled.yy, scaled.weight) == pytest.approx((reweighted.yy, reweighted.weight))
    assert scaled.count == 10


def test_nothing_is_the_neutral_element() -> None:
    """Merging with nothing changes nothing."""
    sums = observed(*rows(5, 8))
    assert_same(sums + SufficientStatistics.zero(DIM), sums)
    assert SufficientStatistics.zero(DIM).dim == DIM


def test_statistics_are_values() -> None:
    """Adding an observation or another set leaves the old ones as they were."""
    before = observed(*rows(6, 4))
    A, b = before.A.copy(), before.b.copy()
    after = before.observe(np.ones(DIM), 1.0).revise(np.ones(DIM), 0.5, 1.0) + before
    assert after.count == 9
    np.testing.assert_array_equal(before.A, A)
    np.testing.assert_array_equal(before.b, b)


TAUS = st.floats(0.5, 1e6) | st.just(math.inf)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, tau=TAUS, data=st.data())
def test_sums_of_any_landmarks_merge_exactly(seed: int, tau: float, data: st.DataObject) -> None:
    """Each weighed as of its own moment and merged in any order, parts equal the faded whole."""
    X, y, w = rows(seed, 12)
    made = np.random.default_rng(seed).uniform(0, 10 * min(tau, 100), 12)

    def as_of(landmark: float, *which: int) -> SufficientStatistics:
        index = list(which)
        shares = np.exp((made[index] - landmark) / tau)
        return replace(observed(X[index], y[index], w[index] * shares), landmark=landmark)

    parts = [as_of(float(made[[i, i + 1]].max()), i, i + 1) for i in range(0, 12, 2)]
    order = data.draw(st.permutations(parts))
    merged = reduce(lambda a, b: a.merge(b, time_constant=tau), order)
    assert merged.landmark == made.max()
    assert_same(merged, as_of(float(made.max()), *range(12)))


@given(tau=TAUS, steps=st.lists(st.floats(0, 1e4), max_size=6))
def test_fading_step_by_step_is_fading_at_once(tau: float, steps: list[float]) -> None:
    """The share that is left depends on the age alone, not on how often one looked."""
    sums = replace(observed(*rows(1, 6)), landmark=0.0)
    now, often = 0.0, sums
    for step in steps:
        now += step
        often = often.at(now, time_constant=tau)
    assert_same(often, sums.at(now, time_constant=tau))


def test_nothing_gains_weight() -> None:
    """Evidence dated later than now, and undated evidence, count fully as of now."""
    sums = observed(*rows(2, 6))
    assert sums.landmark == UNDATED
    for landmark in (UNDATED, 1e12):
        moved = replace(sums, landmark=landmark).at(5.0, time_constant=1.0)
        assert_same(moved, sums)
        assert moved.landmark == 5.0
    assert_same(sums.merge(sums, time_constant=1.0), sums + sums)


@given(age=st.floats(allow_nan=False), tau=st.floats(5e-324, 1e308))
def test_a_share_is_a_share(age: float, tau: float) -> None:
    """Whatever the age and the time constant, between nothing and all, and never denormal."""
    share = remaining(age, tau)
    assert share == 0.0 or 1e-30 < share <= 1.0


def test_a_half_life_halves() -> None:
    """After one half-life of its head evidence counts half, after two a quarter."""
    forgetting = Forgetting(half_life=7.0, availability=3.0)
    for head, half_life in ((Head.QUALITY, 7.0), (Head.LOG_COST, 7.0), (Head.AVAILABILITY, 3.0)):
        tau = forgetting.time_constant(head)
        assert remaining(half_life, tau) == pytest.approx(0.5)
        assert remaining(2 * half_life, tau) == pytest.approx(0.25)


@pytest.mark.parametrize("absurd", [0.0, -1.0, math.nan])
def test_half_lives_are_above_zero(absurd: float) -> None:
    """Anything else is refused with its value."""
    for name in ("half_life", "availability"):
        with pytest.raises(InvalidInputError, match="is not above 0"):
            Forgetting(**{name: absurd})
