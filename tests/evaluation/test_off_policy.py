"""Off-policy estimators: laws that hold for every log, and error rates on logs of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.core.errors import InvalidInputError
from conduit.evaluation.intervals import Spread, spread_of
from conduit.evaluation.logged import Log, Outcome
from conduit.evaluation.off_policy import Estimate, Method, estimate, on_policy
from conduit.evaluation.support import (
    LEAST_SAMPLE,
    Reason,
    Refusal,
    effective_sample_size,
)

from .worlds import ARMS, Floats, a_world

METHODS = list(Method)
OUTCOMES = list(Outcome)
SEEDS = st.integers(0, 2**32 - 1)
REPETITIONS = 600


def answered(answer: Estimate | Refusal) -> Estimate:
    assert isinstance(answer, Estimate), answer
    return answer


def refused(answer: Estimate | Refusal) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def of_rows(log: Log, rows: Floats | np.ndarray) -> Log:
    """The log of some rows, in that order."""
    return Log(
        arms=log.arms,
        propensity=log.propensity[rows],
        chosen=log.chosen[rows],
        quality=log.quality[rows],
        cost=log.cost[rows],
        expected_quality=log.expected_quality[rows],
        expected_cost=log.expected_cost[rows],
    )


@pytest.fixture(scope="module")
def log() -> Log:
    return a_world().drawn(np.random.default_rng(1))


@pytest.mark.parametrize("target", ["best fixed arm", "informed router", "rare cheap arm"])
def test_intervals_cover_and_estimates_are_unbiased(target: str) -> None:
    """95% intervals of both methods and outcomes hold the truth in 93% to 99.5% of 600 logs.

    At a true coverage of 95.5%, 600 repetitions fall below 93% once in 500 times; a bias of
    zero exceeds four standard errors once in 16,000. Refusals would count as not covered.
    """
    world = a_world(7)
    policy = world.targets()[target]
    rng = np.random.default_rng(2)
    figures: dict[tuple[Outcome, Method], list[Estimate]] = {}
    for _ in range(REPETITIONS):
        drawn = world.drawn(rng)
        for outcome in Outcome:
            for method in Method:
                answer = answered(estimate(drawn, policy, outcome=outcome, method=method))
                figures.setdefault((outcome, method), []).append(answer)
    for (outcome, method), answers in figures.items():
        truth = world.truth(policy, outcome)
        covered = np.mean([it.low <= truth <= it.high for it in answers])
        assert 0.93 <= covered <= 0.995, (outcome, method, covered)
        if method is Method.DR:
            values = np.array([it.value for it in answers])
            error = values.std(ddof=1) / np.sqrt(REPETITIONS)
            assert abs(values.mean() - truth) < 4 * error, (outcome, method)


def test_intervals_near_the_smallest_sample_that_is_answered() -> None:
    """Where the log avoids an arm just where it is bad, DR still covers 93%, and SNIPS 88%.

    SNIPS misses the few heavy rows and the bad outcomes with them at once: below an effective
    sample of 100 its intervals are a little short, which the documents say.
    """
    world = a_world(3, 1200, floor=0.01, sharp=30.0)
    policy = world.targets()["best fixed arm"]
    assert LEAST_SAMPLE < effective_sample_size(world.propensity, policy) < 2 * LEAST_SAMPLE
    truth, rng = world.truth(policy), np.random.default_rng(4)
    for method, least in ((Method.DR, 0.93), (Method.SNIPS, 0.88)):
        drawn = (answered(estimate(world.drawn(rng), policy, method=method)) for _ in range(600))
        assert np.mean([it.low <= truth <= it.high for it in drawn]) >= least, method


def test_intervals_of_differences_cover() -> None:
    """The difference of two policies has an interval of its own, which covers as well."""
    world = a_world(5)
    targets = world.targets()
    ours, theirs = targets["informed router"], targets["best fixed arm"]
    truth, rng = world.truth(ours) - world.truth(theirs), np.random.default_rng(6)
    for method in Method:
        drawn = (
            answered(estimate(world.drawn(rng), ours, method=method, against=theirs))
            for _ in range(REPETITIONS)
        )
        assert 0.93 <= np.mean([it.low <= truth <= it.high for it in drawn]) <= 0.995, method


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_logging_policy_s_own_weights_give_what_happened(log: Log, outcome: Outcome) -> None:
    """For the policy that logged, SNIPS is the plain mean and every row counts as one."""
    observed = log.observed(outcome)
    answer = answered(on_policy(log, outcome))
    assert answer.value == pytest.approx(observed.mean())
    assert answer.standard_error <= observed.std(ddof=1) / np.sqrt(len(log)) + 1e-12
    assert answer.effective == pytest.approx(len(log))


@pytest.mark.parametrize("method", METHODS)
def test_a_policy_does_not_differ_from_itself(log: Log, method: Method) -> None:
    """The difference of a policy from itself is 0, with an interval of no width."""
    target = a_world().targets()["informed router"]
    answer = answered(estimate(log, target, method=method, against=target))
    assert (answer.value, answer.low, answer.high) == (0.0, 0.0, 0.0)


def test_with_a_perfect_outcome_model_nothing_is_left_to_chance(log: Log) -> None:
    """Where the logged estimates are the outcomes DR is the truth, and its interval that of doubt alone.

    One imagined draw among hundreds: a tenth of the interval that the drawn outcomes give.
    """
    world = a_world()
    sure = replace(
        log,
        quality=world.quality[np.arange(len(log)), log.chosen],
        expected_quality=world.quality,
    )
    for target in world.targets().values():
        answer, plain = (answered(estimate(it, target, method=Method.DR)) for it in (sure, log))
        assert answer.value == pytest.approx(world.truth(target), abs=1e-12)
        assert answer.standard_error < 0.2 * plain.standard_error


def test_equal_outcomes_leave_doubt(log: Log) -> None:
    """A model that was always rated 1 may still have been lucky; what it cost each time is known."""
    flat = replace(log, quality=np.ones(len(log)), cost=np.full(len(log), 0.01))
    target = a_world().targets()["rare cheap arm"]
    quality = answered(estimate(flat, target, method=Method.SNIPS))
    assert quality.value == pytest.approx(1)
    assert 0.9 < quality.low < 0.996
    spend = answered(estimate(flat, target, outcome=Outcome.SPEND, method=Method.SNIPS))
    assert (spend.low, spend.high) == pytest.approx((0.01, 0.01))


def test_a_better_outcome_model_gives_shorter_intervals() -> None:
    """DR with the true means is more precise than with none, and than SNIPS."""
    world = a_world(9)
    target = world.targets()["rare cheap arm"]
    width = {}
    for name, believed in (("true", world.quality), ("none", np.zeros_like(world.quality))):
        drawn = world.drawn(np.random.default_rng(0), believed=believed)
        width[name] = answered(estimate(drawn, target)).standard_error
    assert width["true"] < width["none"]


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, method=st.sampled_from(METHODS), outcome=st.sampled_from(OUTCOMES))
def test_neither_order_nor_names_matter(seed: int, method: Method, outcome: Outcome) -> None:
    """Permuting rows, or arms, changes no figure."""
    world, rng = a_world(2, 600), np.random.default_rng(seed)
    drawn, target = world.drawn(rng), world.targets()["informed router"]
    rows, columns = rng.permutation(len(drawn)), rng.permutation(3)
    mixed = of_rows(drawn, rows)
    turned = replace(
        mixed,
        arms=tuple(ARMS[k] for k in columns),
        propensity=mixed.propensity[:, columns],
        chosen=np.argsort(columns)[mixed.chosen],
        expected_quality=mixed.expected_quality[:, columns],
        expected_cost=mixed.expected_cost[:, columns],
    )
    one = answered(estimate(drawn, target, outcome=outcome, method=method))
    other = answered(estimate(turned, target[rows][:, columns], outcome=outcome, method=method))
    for name in ("value", "low", "high", "effective"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_what_nobody_rated_is_not_zero(log: Log, method: Method) -> None:
    """Rows without a rating are left out of quality, and stay in for spend."""
    target = a_world().targets()["informed router"]
    rated = np.arange(len(log)) % 3 > 0
    partly = replace(log, quality=np.where(rated, log.quality, np.nan))
    answer = answered(estimate(partly, target, method=method))
    assert answer == estimate(of_rows(log, np.flatnonzero(rated)), target[rated], method=method)
    assert answered(estimate(partly, target, outcome=Outcome.SPEND)).rows == len(log)


def test_a_log_without_feedback_is_refused() -> None:
    """Without enough known outcomes nothing is answered, and the numbers are named."""
    drawn = a_world(0, 100).drawn(np.random.default_rng(0))
    few = replace(drawn, quality=np.where(np.arange(100) < 30, drawn.quality, np.nan))
    refusal = refused(estimate(few, a_world(0, 100).targets()["rare cheap arm"]))
    assert (refusal.reason, refusal.have, refusal.need) == (Reason.NO_OUTCOMES, 30, LEAST_SAMPLE)
    assert "30 decisions" in refusal.problem


def test_a_small_effective_sample_is_refused(log: Log) -> None:
    """Weights that leave less than 50 effective rows are refused with how much is missing."""
    rare = log.propensity * [1e-3, 1, 1]
    rare /= rare.sum(axis=1, keepdims=True)
    scarce = replace(log, propensity=rare)
    target = a_world().targets()["rare cheap arm"]
    for method in Method:
        refusal = refused(estimate(scarce, target, method=method))
        assert refusal.reason is Reason.SMALL_SAMPLE
        assert refusal.have == pytest.approx(effective_sample_size(rare, target))
        assert refusal.have < refusal.need == LEAST_SAMPLE
        assert "times as many" in str(refusal.error())


def unreachable(log: Log, share: float) -> Log:
    """The log with an arm that could not be drawn in a share of the rows."""
    n = int(share * len(log))
    propensity, chosen = log.propensity.copy(), log.chosen.copy()
    propensity[:n] = [0.0, 0.5, 0.5]
    chosen[:n] = 1
    return replace(log, propensity=propensity, chosen=chosen)


def test_a_policy_out_of_the_log_s_reach_is_refused(log: Log) -> None:
    """Where a policy's choice had no propensity no weight can stand in for it."""
    target = a_world().targets()["rare cheap arm"]
    refusal = refused(estimate(unreachable(log, 0.2), target))
    assert refusal.reason is Reason.NO_SUPPORT
    assert refusal.have == pytest.approx(0.8)
    assert "20.0%" in refusal.problem


def test_a_few_rows_out_of_reach_are_left_out(log: Log) -> None:
    """Up to one percent of such rows is left out of the average, and the rest is answered."""
    target = a_world().targets()["rare cheap arm"]
    answer = answered(estimate(unreachable(log, 0.006), target))
    assert answer.rows == len(log) - int(0.006 * len(log))


def test_a_log_made_without_chance_is_refused(log: Log) -> None:
    """One-hot logging says nothing of other policies, and everything of itself."""
    one_hot = replace(log, propensity=np.eye(3)[log.chosen])
    target = a_world().targets()["best fixed arm"]
    refusal = refused(estimate(one_hot, target))
    assert refusal.reason is Reason.NO_RANDOMNESS
    assert "without chance" in refusal.problem
    assert answered(on_policy(one_hot)).value == pytest.approx(log.quality.mean())


def test_a_difference_needs_both_policies(log: Log) -> None:
    """A difference is refused where either side is."""
    lost, fine = unreachable(log, 0.2), a_world().targets()["best fixed arm"]
    rare = a_world().targets()["rare cheap arm"]
    assert refused(estimate(lost, fine, against=rare)).reason is Reason.NO_SUPPORT
    assert refused(estimate(lost, rare, against=fine)).reason is Reason.NO_SUPPORT


def test_a_log_that_contradicts_its_propensities_is_refused(log: Log) -> None:
    """An arm that ought to have been drawn hundreds of times and never was is an input error."""
    even = replace(log, propensity=np.full_like(log.propensity, 1 / 3), chosen=log.chosen * 0)
    with pytest.raises(InvalidInputError, match="never drawn"):
        estimate(even, a_world().targets()["best fixed arm"], method=Method.SNIPS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"propensity": np.full((1500, 3), 0.5)}, "no distribution"),
        ({"propensity": np.full((1500, 3), np.nan)}, "no distribution"),
        ({"propensity": np.full((3, 3), 1 / 3)}, "shape"),
        ({"chosen": np.full(1500, 3)}, "an arm that is none"),
        ({"quality": np.full(1500, 1.5)}, "outside 0..1"),
        ({"cost": np.full(1500, -1.0)}, "no amount"),
        ({"cost": np.full(1500, np.inf)}, "no amount"),
        ({"expected_quality": np.full((1500, 3), np.nan)}, "not finite"),
        ({"propensity": np.tile([0.0, 0.0, 1.0], (1500, 1))}, "propensity 0"),
    ],
)
def test_what_is_no_log_is_refused(log: Log, changes: dict[str, Floats], said: str) -> None:
    """Values that no decision can have had are input errors with a remedy."""
    with pytest.raises(InvalidInputError, match=said) as caught:
        replace(log, **changes)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_an_empty_log_is_refused(log: Log) -> None:
    """Nothing can be said of no decisions."""
    with pytest.raises(InvalidInputError, match="no decision"):
        of_rows(log, np.zeros(0, np.intp))


@pytest.mark.parametrize("target", [np.full((3, 3), 1 / 3), np.full((1500, 3), 0.5)])
def test_what_is_no_policy_is_refused(log: Log, target: Floats) -> None:
    """A policy has one probability per row and arm, and they sum to 1."""
    with pytest.raises(InvalidInputError):
        estimate(log, target)


def spread(influence: Floats, *, known: float = 0.0, foreseen: Floats | None = None) -> Spread:
    flat = np.zeros(len(influence))
    return spread_of(
        influence, known_squares=known, foreseen=flat if foreseen is None else foreseen
    )


def test_the_known_variance_is_a_floor() -> None:
    """Heavy weights that were not drawn still widen the interval."""
    quiet = np.tile([-0.01, 0.01], 500)
    assert spread(quiet).half_width < 1e-3
    assert spread(quiet, known=1e4).standard_error == pytest.approx(0.1, rel=1e-3)


def test_a_variance_carried_by_few_rows_is_itself_uncertain() -> None:
    """Of two samples of equal variance, the one that a single row carries has the wider interval."""
    even, spiky = np.full(400, 1.0), np.zeros(400)
    spiky[0] = 20.0
    ordinary, lonely = spread(even), spread(spiky)
    assert lonely.standard_error == pytest.approx(ordinary.standard_error)
    assert lonely.half_width > 1.5 * ordinary.half_width
    assert ordinary.half_width == pytest.approx(1.96 * ordinary.standard_error, rel=1e-3)


def test_differences_between_fixed_contexts_are_no_error() -> None:
    """What the contexts foretell of the contributions is taken from the variance, and no more."""
    rng = np.random.default_rng(0)
    contexts, noise = rng.normal(size=500), rng.normal(size=500)
    alone = spread(noise).standard_error
    assert spread(noise + 3 * contexts).standard_error > 2 * alone
    known = spread(noise + 3 * contexts, foreseen=contexts).standard_error
    assert known == pytest.approx(alone, rel=0.02)
