"""One decision: true propensities, arms that must not be drawn, equal and different seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from conduit.bandits.estimates import Estimates
from conduit.bandits.floor import Floor
from conduit.bandits.pacer import Pacer
from conduit.bandits.policies import Policy, policy_named, policy_names
from conduit.bandits.rules import Rule, Thompson
from conduit.bandits.rules import Uniform as UniformRule
from conduit.bandits.selection import Ask, Selection, select
from conduit.bandits.utility import PRESETS
from conduit.core.models import OptimizeFor, QueryConstraints
from tests.bandits.builders import ask_of, estimates_of, p_value

NAMES = ("dear", "poor", "slow", "barred", "broke", "a", "b", "c")
LIVE = (5, 6, 7)
"""The arms that the crowded scenario leaves: every other one is excluded by its own reason."""
FORCED_FLOOR = Floor(epsilon=0.06, share=1.0)
POLICIES = (*policy_names(), "fixed:b")
DRAWS = 1500
FAMILY_ERROR = 1e-3
"""Chance that any of the chi-square tests of this module fails although all is well."""
TESTS = 2 * len(POLICIES)


def crowded_estimates() -> Estimates:
    """Eight arms of which three satisfy everything, close enough that all three are drawn."""
    return estimates_of(
        [0.99, 0.30, 0.95, 0.99, 0.90, 0.80, 0.78, 0.81],
        quality_std=[0.05, 0.02, 0.05, 0.05, 0.05, 0.08, 0.20, 0.12],
        cost=[0.50, 0.01, 0.01, 0.01, 0.09, 0.010, 0.012, 0.014],
        latency=[1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.2, 1.1],
        availability=[1.0, 1.0, 1.0, 1.0, 1.0, 0.98, 1.0, 0.97],
    )


def crowded_ask(policy: Policy) -> Ask:
    """Every constraint, a preferred provider, a budget's price and its headroom, all at once."""
    weights = policy.weights or PRESETS[OptimizeFor.BALANCED]
    allowed = np.array([name != "barred" for name in NAMES])
    if policy.only is not None:
        allowed &= np.array([name == policy.only for name in NAMES])
    return ask_of(
        8,
        weights=weights.paced(),
        price_of_money=0.5,
        bonus=np.array([0.05 * (name in "ab") for name in NAMES]),
        constraints=QueryConstraints(max_cost=0.3, max_latency=5.0, min_quality=0.5),
        allowed=allowed,
        budget=0.01,
        headroom=0.1,
    )


def open_ask(policy: Policy) -> Ask:
    """Nothing excluded but what the policy itself excludes."""
    allowed = np.array([policy.only in (None, name) for name in NAMES])
    weights = policy.weights or PRESETS[OptimizeFor.QUALITY]
    return ask_of(8, weights=weights, allowed=allowed)


def drawn(ask: Ask, *, rule: Rule, floor: Floor, seed: int, draws: int = DRAWS) -> list[Selection]:
    """Many decisions on the same estimates from one generator."""
    rng, estimates = np.random.default_rng(seed), crowded_estimates()
    found = [select(estimates, ask, rule=rule, floor=floor, rng=rng) for _ in range(draws)]
    return [each for each in found if each is not None]


def assert_true(selections: list[Selection]) -> None:
    """Frequencies match the propensities, which are the same every time."""
    probabilities = selections[0].probabilities
    counts = np.bincount([each.arm for each in selections], minlength=8).astype(float)
    for each in selections:
        np.testing.assert_array_equal(each.probabilities, probabilities)
    assert len(selections) == DRAWS
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert p_value(counts, probabilities) > FAMILY_ERROR / TESTS


@pytest.mark.parametrize("name", POLICIES)
def test_propensities_are_true_with_everything_active(name: str) -> None:
    """Constraints, preference, budget and floor at once: draws follow the logged propensities."""
    policy = policy_named(name, models=NAMES)
    selections = drawn(crowded_ask(policy), rule=policy.rule, floor=FORCED_FLOOR, seed=1001)
    assert_true(selections)
    live = {6} if policy.only else set(LIVE)
    assert set(np.flatnonzero(selections[0].probabilities)) == live
    assert {each.arm for each in selections} == live
    assert selections[0].relaxed == ()


@pytest.mark.parametrize("name", POLICIES)
def test_propensities_are_true_as_shipped(name: str) -> None:
    """Each policy with its own floor over all arms: draws follow the logged propensities."""
    policy = policy_named(name, models=NAMES)
    assert_true(drawn(open_ask(policy), rule=policy.rule, floor=policy.floor, seed=2002))


def test_probes_are_part_of_the_propensities_and_pass_over_what_is_infeasible() -> None:
    """An arm that may be chosen gets its share whatever the prompt, and one that may not gets none."""
    estimates = estimates_of([0.9, 0.2, 0.2], quality_std=[1e-3] * 3)
    ask = ask_of(3, allowed=np.array([True, True, False]), explore=np.array([0.02, 0.1, 0.1]))
    chosen = select(
        estimates, ask, rule=Thompson(), floor=Floor(epsilon=0), rng=np.random.default_rng(0)
    )
    assert chosen is not None
    np.testing.assert_allclose(chosen.probabilities, [0.9, 0.1, 0.0])


def test_the_test_of_propensities_has_teeth() -> None:
    """A sampler that prefers one arm by four points in a hundred is refuted."""
    told = np.array([0.4, 0.3, 0.3])
    drawn_from = np.array([0.44, 0.28, 0.28])
    counts = np.random.default_rng(3).multinomial(20 * DRAWS, drawn_from).astype(float)
    assert p_value(counts, told) < FAMILY_ERROR / TESTS
    assert p_value(np.array([10.0, 10.0, 1.0]), np.array([0.5, 0.5, 0.0])) == 0.0


def test_propensities_are_true_while_a_budget_moves_them() -> None:
    """With λ and headroom changing at every request, each arm is drawn as often as was logged.

    The sum of (drawn − π) over requests is a martingale; its standardised value stays below 4.5.
    """
    rng = np.random.default_rng(4004)
    pacer, estimates = Pacer.start(0.012), crowded_estimates()
    excess, variance = np.zeros(8), np.zeros(8)
    for _ in range(DRAWS):
        ask = ask_of(
            8,
            price_of_money=pacer.price_of_money,
            budget=pacer.budget,
            headroom=pacer.headroom,
        )
        chosen = select(estimates, ask, rule=Thompson(v=1.0), floor=Floor(), rng=rng)
        assert chosen is not None
        expected = float(chosen.probabilities @ estimates.cost)
        pacer = pacer.decided(expected).spend(float(estimates.cost[chosen.arm]))
        excess += (np.arange(8) == chosen.arm) - chosen.probabilities
        variance += chosen.probabilities * (1 - chosen.probabilities)
    assert (np.abs(excess) <= 4.5 * np.sqrt(variance) + 1).all()


def test_equal_seeds_agree_and_different_seeds_differ() -> None:
    """The generator is all that is random."""
    policy = policy_named("thompson", models=NAMES)
    runs = [
        [
            each.arm
            for each in drawn(
                crowded_ask(policy), rule=policy.rule, floor=FORCED_FLOOR, seed=seed, draws=60
            )
        ]
        for seed in (5, 5, 6)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


GRID = st.integers(0, 8).map(lambda step: step / 8)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_forbidden_arm_is_never_drawn(data: st.DataObject) -> None:
    """An arm that is not feasible has probability 0, whatever the estimates and the draw."""
    arms = 4
    grid = arrays(float, arms, elements=GRID)
    estimates = estimates_of(data.draw(grid), cost=data.draw(grid), quality_std=data.draw(grid))
    limit = data.draw(GRID)
    allowed = data.draw(arrays(bool, arms))
    policy = policy_named(data.draw(st.sampled_from(policy_names())), models=NAMES)
    ask = ask_of(
        arms,
        weights=policy.weights,
        allowed=allowed,
        constraints=QueryConstraints(max_cost=limit, min_quality=data.draw(GRID)),
        headroom=data.draw(GRID),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    found = select(estimates, ask, rule=policy.rule, floor=policy.floor, rng=rng)
    hard = allowed & (estimates.cost_high <= limit)
    if found is None:
        assert not hard.any()
        return
    assert hard[found.arm]
    assert found.feasible[found.arm]
    assert found.probabilities[found.arm] > 0
    assert not found.probabilities[~found.feasible].any()
    assert found.probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert 0 <= found.confidence <= 1


class EndsOfTheUnitInterval:
    """A generator that draws only what generators draw once in a lifetime."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        """The next number in [0, 1)."""
        return self.value


@pytest.mark.parametrize(("value", "arm"), [(0.0, 1), (1.0 - 2**-53, 2)])
def test_the_ends_of_the_unit_interval_draw_arms_that_may_be_drawn(value: float, arm: int) -> None:
    """Neither 0 nor the largest number below 1 selects an arm of probability 0."""
    ask = ask_of(4, allowed=np.array([False, True, True, False]))
    rng: object = EndsOfTheUnitInterval(value)
    found = select(
        estimates_of([0.1] * 4), ask, rule=UniformRule(), floor=Floor(epsilon=0.0), rng=rng  # type: ignore[arg-type]
    )
    assert found is not None
    assert found.arm == arm


def test_max_cost_that_nothing_fits_selects_nothing() -> None:
    """None says that max_cost excludes every arm: it is not relaxed."""
    ask = ask_of(2, constraints=QueryConstraints(max_cost=0))
    rng = np.random.default_rng(0)
    assert select(estimates_of([0.9, 0.1]), ask, rule=Thompson(), floor=Floor(), rng=rng) is None


def test_what_was_relaxed_is_declared() -> None:
    """A selection names the constraints that gave way, in order."""
    ask = ask_of(2, constraints=QueryConstraints(min_quality=0.99), headroom=0.0)
    rng = np.random.default_rng(0)
    found = select(estimates_of([0.9, 0.1]), ask, rule=Thompson(), floor=Floor(), rng=rng)
    assert found is not None
    assert found.relaxed == ("budget", "min_quality")


def test_confidence_is_the_chance_of_being_the_best_before_floor_and_scale() -> None:
    """Confidence uses v = 1 over the feasible arms, whatever the rule and the floor."""
    estimates = estimates_of([0.9, 0.5, 0.4], quality_std=[0.1, 0.2, 0.3])
    ask = ask_of(3, allowed=np.array([False, True, True]))
    rng = np.random.default_rng(8)
    for rule in (Thompson(v=0.1), UniformRule()):
        found = select(estimates, ask, rule=rule, floor=Floor(epsilon=0.3), rng=rng)
        assert found is not None
        first = norm.cdf(0.1 / np.hypot(0.2, 0.3))
        expected = first if found.arm == 1 else 1 - first
        assert found.confidence == pytest.approx(expected, abs=1e-6)
