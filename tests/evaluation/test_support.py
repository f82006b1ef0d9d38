"""What the log could not have drawn: taken from the policy, not from the prompts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conduit.bandits.floor import Floor
from conduit.evaluation.logged import Log, Outcome
from conduit.evaluation.off_policy import Estimate, Method, estimate, on_policy
from conduit.evaluation.support import UNREACHABLE, Reason, Refusal, reachable
from conduit.evaluation.what_if import compared

from .worlds import ARMS, Floats, a_world

N = 2000
NEGLIGIBLE = 5e-7


def answered(answer: Estimate | Refusal) -> Estimate:
    assert isinstance(answer, Estimate), answer
    return answer


def negligible_log(share: float) -> Log:
    """Hard prompts, a share of all, have an arm that is next to never drawn; easy ones have none.

    Ratings are 1 on hard prompts and .2 on the others, so that which rows count is seen at once.
    """
    rng = np.random.default_rng(8)
    hard = np.arange(N) < share * N
    propensity = np.tile([0.5, 0.25, 0.25], (N, 1))
    propensity[hard] = [NEGLIGIBLE, 0.5, 0.5 - NEGLIGIBLE]
    return Log(
        arms=ARMS,
        propensity=propensity,
        chosen=np.where(hard, rng.integers(1, 3, N), rng.integers(0, 3, N)),
        quality=np.where(hard, 1.0, 0.2) - 0.01 * rng.random(N),
        cost=np.full(N, 1e-3),
        expected_quality=np.full((N, 3), 0.5),
        expected_cost=np.full((N, 3), 1e-3),
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_logged_policy_gave_the_plain_mean(share: float, outcome: Outcome) -> None:
    """Of what happened every row counts, however unlikely anything else was."""
    log = negligible_log(share)
    answer = answered(on_policy(log, outcome))
    assert answer.value == pytest.approx(log.observed(outcome).mean())
    assert (answer.rows, answer.effective) == (N, pytest.approx(N))
    assert answer.low <= answer.value <= answer.high


def test_what_happened_needs_no_support() -> None:
    """A log of arms that were hardly to be drawn still tells what it gave; too short a one does not."""
    log = negligible_log(1.0)
    odd = replace(log, chosen=np.zeros(N, np.intp))
    assert answered(on_policy(odd)).value == pytest.approx(log.quality.mean())
    unrated = replace(log, quality=np.where(np.arange(N) < 40, log.quality, np.nan))
    refusal = on_policy(unrated)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.NO_OUTCOMES


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("method", list(Method))
def test_a_negligible_propensity_takes_no_row(share: float, method: Method) -> None:
    """A policy that has a trace of an arm that the log has a trace of is answered from all rows."""
    log = negligible_log(share)
    answer = answered(estimate(log, log.propensity, method=method))
    assert answer.rows == N
    assert answer.value == pytest.approx(log.quality.mean(), abs=0.03)
    said = compared(log, np.tile([0.001, 0.4, 0.599], (N, 1)))
    gap = answered(said.difference[Outcome.QUALITY, method])
    assert gap.rows == N


def test_the_default_floor_gives_such_propensities() -> None:
    """Without a budget an arm may be so much dearer than the best that its floor is out of reach."""
    dear = Floor().apply(
        np.array([1.0, 0.0, 0.0]),
        cost=np.array([3e-6, 1e-5, 0.09]),
        feasible=np.ones(3, bool),
        budget=None,
    )[2]
    assert 0 < dear <= UNREACHABLE


def test_rows_that_lose_half_of_a_policy_are_left_out() -> None:
    """What is out of reach goes from the policy, and the row with it where that was most of it."""
    propensity = np.tile([0.0, 0.5, 0.5], (4, 1))
    wanted = np.array([[0.0, 0.4, 0.6], [0.2, 0.4, 0.4], [0.6, 0.1, 0.3], [1.0, 0.0, 0.0]])
    policy, keep = reachable(propensity, wanted)
    assert keep.tolist() == [True, True, False, False]
    np.testing.assert_allclose(policy[keep], [[0.0, 0.4, 0.6], [0.0, 0.5, 0.5]])


def traced(world_seed: int) -> tuple[Log, Floats, Floats]:
    """A log whose first arm is hardly ever drawn on half of the prompts, and a policy that likes it.

    Also the truth of each prompt under what is in reach of that policy.
    """
    world = a_world(world_seed, 1200)
    propensity = world.propensity.copy()
    rare = np.arange(len(propensity)) % 2 == 0
    propensity[rare, 1:] *= (1 - NEGLIGIBLE) / propensity[rare, 1:].sum(axis=1, keepdims=True)
    propensity[rare, 0] = NEGLIGIBLE
    wanted = np.where(rare[:, None], [0.015, 0.485, 0.5], [0.2, 0.3, 0.5])
    within = np.where(rare[:, None], np.array([0.0, 0.485, 0.5]) / 0.985, wanted)
    log = replace(world, propensity=propensity).drawn(np.random.default_rng(0))
    return log, wanted, (within * world.quality).sum(axis=1)


def test_estimates_are_unbiased_for_what_is_in_reach() -> None:
    """Over 600 logs DR is right about the policy within reach, and its intervals cover.

    A bias of zero exceeds four standard errors once in 16,000. At a true coverage of 95.5%, 600
    repetitions fall below 93% once in 500 times.
    """
    world = a_world(11, 1200)
    log, wanted, truths = traced(11)
    drawing = replace(world, propensity=log.propensity)
    rng, truth = np.random.default_rng(12), truths.mean()
    found = [answered(estimate(drawing.drawn(rng), wanted)) for _ in range(600)]
    assert {it.rows for it in found} == {len(log)}
    values = np.array([it.value for it in found])
    assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(600)
    assert 0.93 <= np.mean([it.low <= truth <= it.high for it in found]) <= 0.995
    assert abs(truth - world.truth(wanted)) < 0.0075
