"""Evidence that fades: exact as of its landmark, order-free, and never absurd."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.bandits.evidence import PriorFamily
from conduit.bandits.head import FADED, LearnedHead
from conduit.bandits.models import ArmModels
from conduit.bandits.posterior import LinearPosterior
from conduit.core.forgetting import Forgetting
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics
from tests.bandits.builders import contexts, observed, priced

DIM = 5
FAMILY = PriorFamily(level=1.0)
FIXED = PriorFamily(level=1.0, slopes=(3.0,), sharing=(0.0,), noise_weight=1e12)
PLAIN = np.append(1.0, np.zeros(DIM - 1))
CLOCK = st.floats(-1e12, 1e12) | st.floats(-50, 50)
WEIGHT = st.floats(0, 1e6) | st.sampled_from([0.0, 5e-324, 1e-300, 1e-9, 1.0])


def fading(tau: float, *, family: PriorFamily = FAMILY, now: float = 0.0) -> LearnedHead:
    """A head of two arms that has seen nothing."""
    return LearnedHead([SufficientStatistics.zero(DIM)] * 2, family, time_constant=tau, now=now)


def weighed(X: Array, y: Array, weights: Array) -> SufficientStatistics:
    """The sums of a batch with a weight for each observation."""
    return SufficientStatistics(
        (X * weights[:, None]).T @ X,
        (X * weights[:, None]).T @ y,
        float(weights @ y**2),
        float(weights.sum()),
        len(y),
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    tau=st.floats(0.5, 500),
    steps=st.lists(st.floats(0, 40), min_size=1, max_size=50),
)
def test_a_head_equals_the_posterior_of_all_weighted_observations(
    seed: int, tau: float, steps: list[float]
) -> None:
    """At its last rebuild's moment, every observation weighs ``w exp((t − landmark)/τ)``.

    So it does for late feedback and for corrections, which weigh as their decision does; and the
    landmark is never so far back that more than a tenth of the evidence has faded since.
    """
    rng, n = np.random.default_rng(seed), len(steps)
    X, y, w = contexts(rng, n, DIM), rng.random(n), rng.uniform(0, 3, n)
    now = np.cumsum(steps)
    made = np.maximum(now - rng.exponential(tau, n), 0.0)  # feedback comes late
    head = fading(tau)
    for i in range(n):
        head.advance(now[i])
        head.observe(i % 2, X[i], y[i], weight=w[i], at=made[i])
        if i % 3 == 0:
            y[i], before = rng.random(), y[i]
            head.revise(i % 2, X[i], y[i], before, weight=w[i], at=made[i])
    landmark = head.statistics(0).landmark
    assert math.exp(-(now[-1] - landmark) / tau) >= FADED - 1e-9
    shares = w * np.exp((made - landmark) / tau)
    parts = [weighed(X[k::2], y[k::2], shares[k::2]) for k in range(2)]
    exact = LinearPosterior(parts, head.posterior.prior)
    for found, expected in zip(head.predict(X[0]), exact.predict(X[0]), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tau=st.floats(0.5, 500), data=st.data())
def test_the_order_in_which_feedback_comes_does_not_matter(
    seed: int, tau: float, data: st.DataObject
) -> None:
    """Decisions rated in another order, whole eras late, leave the same posterior."""
    rng, n = np.random.default_rng(seed), 12
    X, y, made = contexts(rng, n, DIM), rng.random(n), rng.uniform(0, 5 * tau, n)
    heads = []
    for order in (range(n), data.draw(st.permutations(range(n)))):
        head = fading(tau, now=5 * tau)
        for step, i in enumerate(order):
            head.advance((5 + step / 4) * tau)
            head.observe(i % 2, X[i], y[i], at=made[i])
        head.advance(9 * tau)
        head.rebuild()
        heads.append(head)
    for found, expected in zip(heads[0].predict(X[0]), heads[1].predict(X[0]), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    tau=st.floats(1e-9, 1e9) | st.sampled_from([5e-324, math.inf]),
    events=st.lists(st.tuples(CLOCK, CLOCK, WEIGHT), min_size=1, max_size=25),
)
def test_no_clock_and_no_weight_makes_a_posterior_absurd(
    seed: int, tau: float, events: list[tuple[float, float, float]]
) -> None:
    """Clocks may jump by ages both ways, τ be tiny, weights vanish: it stays a posterior.

    Means are finite, deviations positive and no wider than the prior's own, also where a clock
    jumps between an observation and its correction.
    """
    rng = np.random.default_rng(seed)
    head, models = fading(tau), ArmModels(priced("a"), dim=DIM)
    for i, (now, at, weight) in enumerate(events):
        x = contexts(rng, 1, DIM)[0]
        head.advance(now)
        head.observe(i % 2, x, 0.5, weight=weight, at=at)
        models.learn(observed("a", Head.AVAILABILITY, 0.9, weight=weight), x, at=at)
        head.advance(events[i // 2][0])
        models.advance(events[i // 2][0])
        head.revise(i % 2, x, 0.75, 0.5, weight=weight, at=at)
        models.learn(observed("a", Head.AVAILABILITY, 0.1, weight=weight, previous=0.9), x, at=at)
        assert 0 <= models.estimate(x, token_count=1).availability[0] <= 1
        mean, std = head.predict(PLAIN)
        prior = head.posterior.prior
        widest = prior.noise / np.sqrt(prior.precision[0])
        assert np.isfinite(mean).all()
        assert (std > 0).all()
        assert (std <= widest * (1 + 1e-9)).all()
        assert np.isfinite(head.running_mean()).all()


def test_forgetting_nothing_is_what_it_was() -> None:
    """With an infinite time constant no clock changes anything, not by a bit."""
    rng = np.random.default_rng(3)
    X = contexts(rng, 40, DIM)
    timeless, dated = fading(math.inf), fading(math.inf, now=1e9)
    for i in range(40):
        timeless.observe(i % 2, X[i], 0.3)
        dated.advance(1e9 + rng.normal(0, 1e8))
        dated.observe(i % 2, X[i], 0.3, at=rng.normal(0, 1e9))
    for found, expected in zip(dated.predict(X[0]), timeless.predict(X[0]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_prior_does_not_fade() -> None:
    """Years later a head believes what a fresh one does, prior and noise chosen anew included."""
    head, fresh = fading(10.0), fading(10.0)
    for x in contexts(np.random.default_rng(5), 30, DIM):
        head.observe(0, x, 0.1)
    before = head.predict(PLAIN)[0][0]
    head.advance(1e9)
    assert before < 0.5
    for found, expected in zip(head.predict(PLAIN), fresh.predict(PLAIN), strict=True):
        np.testing.assert_allclose(found, expected)
    np.testing.assert_array_equal(head.posterior.prior.precision, fresh.posterior.prior.precision)
    assert head.counts[0] == 30


def test_a_clock_that_was_ahead_and_is_set_right_does_not_end_learning() -> None:
    """What was dated in the future counts as of now, and what comes after counts as much."""
    head = fading(10.0, family=FIXED)
    head.advance(1e6)
    head.observe(0, PLAIN, 0.0)
    head.advance(100.0)
    head.observe(0, PLAIN, 1.0, at=1e6)
    assert head.weights[0] == pytest.approx(2.0)
    assert head.predict(PLAIN)[0][0] == pytest.approx((1.0 + 0.0 + 1.0) / 3)


def test_rebuilds_follow_the_clock_and_not_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over ten time constants without evidence there are about ten per tenth that fades."""
    rebuilt: list[float] = []
    rebuild = LearnedHead.rebuild
    monkeypatch.setattr(LearnedHead, "rebuild", lambda head: (rebuilt.append(1), rebuild(head)))
    head = fading(100.0)
    for now in range(1001):
        head.advance(float(now))
    assert 80 <= len(rebuilt) <= 1 + 10 / -math.log(FADED)


def test_errors_are_forgotten_in_hours_and_ratings_are_not() -> None:
    """By default an outage counts half after twenty minutes, a rating for ever."""
    models = ArmModels(priced("a"), dim=DIM, now=1e9)
    for _ in range(20):
        models.learn(observed("a", Head.AVAILABILITY, 0.0), PLAIN, at=1e9)
        models.learn(observed("a", Head.QUALITY, 0.0), PLAIN, at=1e9)

    def availability(seconds: float) -> float:
        models.advance(1e9 + seconds)
        return float(models.estimate(PLAIN, token_count=1).availability[0])

    assert availability(0) == pytest.approx(5 / 25)
    assert availability(1200) == pytest.approx(5 / 15)
    assert availability(86400) == pytest.approx(1.0)
    assert models.head(Head.QUALITY).weights[0] == 20


def test_a_late_error_counts_as_old_as_its_call() -> None:
    """An error reported two half-lives after the call weighs a quarter, and so its correction."""
    models = ArmModels(priced("a"), dim=DIM, now=2400.0)
    models.learn(observed("a", Head.AVAILABILITY, 0.0), PLAIN, at=0.0)
    assert models.estimate(PLAIN, token_count=1).availability[0] == pytest.approx(5 / 5.25)
    models.learn(observed("a", Head.AVAILABILITY, 1.0, previous=0.0), PLAIN, at=0.0)
    assert models.estimate(PLAIN, token_count=1).availability[0] == pytest.approx(1.0)


def test_all_heads_but_availability_share_a_half_life() -> None:
    """What counted whole counts half, for quality, tokens, cost and latency alike."""
    models = ArmModels(priced("a"), dim=DIM, forgetting=Forgetting(half_life=50.0))
    heads = [head for head in Head if head is not Head.AVAILABILITY]
    for head in heads:
        models.observe(0, head, PLAIN, 0.5, weight=4.0)
    models.advance(50.0)
    assert [models.head(head).weights[0] for head in heads] == pytest.approx([2.0] * 4)


def test_sums_of_any_landmark_load_as_they_are_now() -> None:
    """Models made from older sums equal models that kept them; undated sums count as of now."""
    X = contexts(np.random.default_rng(6), 20, DIM)
    lived = fading(30.0, now=10.0)
    for x in X:
        lived.observe(0, x, 0.4)
    sums = [lived.statistics(k) for k in range(2)]
    lived.advance(70.0)
    loaded = LearnedHead(sums, FAMILY, time_constant=30.0, now=70.0)
    for found, expected in zip(loaded.predict(X[0]), lived.predict(X[0]), strict=True):
        np.testing.assert_allclose(found, expected)
    undated = LearnedHead(
        [SufficientStatistics.of(X, np.full(20, 0.4))] * 2, FAMILY, time_constant=30.0, now=70.0
    )
    assert undated.weights == pytest.approx([20.0, 20.0])
