"""Selection rules: distributions over the feasible arms, and what each one favours."""

from __future__ import annotations

import doctest
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conduit.bandits.propensity import largest_gaussian
from conduit.bandits.rules import (
    UCB1,
    ComplexityThreshold,
    DifficultyThreshold,
    EpsilonGreedy,
    Greedy,
    Rule,
    Situation,
    SquareCB,
    Thompson,
    UpperConfidence,
)
from conduit.bandits.rules import Uniform as UniformRule

RULES: list[Rule] = [
    Thompson(),
    Thompson(v=1.0),
    UpperConfidence(),
    UCB1(),
    SquareCB(),
    ComplexityThreshold(),
    DifficultyThreshold(),
    EpsilonGreedy(),
    EpsilonGreedy(epsilon=1.0),
    Greedy(),
    UniformRule(),
]
ARMS = 4
SITUATIONS = st.builds(
    Situation,
    mean=arrays(float, ARMS, elements=st.integers(-8, 8).map(lambda step: step / 4)),
    std=arrays(float, ARMS, elements=st.integers(0, 8).map(lambda step: step / 4)),
    ratings=arrays(np.float64, ARMS, elements=st.floats(0, 1e6)),
    feasible=arrays(bool, ARMS).filter(lambda mask: mask.any()),
    tier=arrays(np.int64, ARMS, elements=st.integers(0, 2)),
    complexity=st.floats(0, 1),
    difficulty=st.floats(0, 1),
)
RATED = 10**9
"""So many ratings that no rule doubts an arm for want of them."""


def situation(
    mean: list[float], std: list[float] | None = None, feasible: list[bool] | None = None
) -> Situation:
    """A situation of well-rated arms, all of them feasible unless said otherwise."""
    arms = len(mean)
    return Situation(
        mean=np.array(mean),
        std=np.array([0.1] * arms if std is None else std),
        ratings=np.full(arms, float(RATED)),
        feasible=np.array([True] * arms if feasible is None else feasible),
    )


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=30, deadline=None)
@given(seen=SITUATIONS)
def test_a_rule_is_a_distribution_over_the_feasible_arms(rule: Rule, seen: Situation) -> None:
    """Probabilities sum to 1, are never negative, and are 0 where an arm is infeasible."""
    found = rule.probabilities(seen)
    assert found.shape == (ARMS,)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert (found >= 0).all()
    assert not found[~seen.feasible].any()


@pytest.mark.parametrize("rule", [it for it in RULES if not isinstance(it, DifficultyThreshold)])
def test_equal_arms_are_treated_equally(rule: Rule) -> None:
    """Arms that nothing sets apart are equally likely, but under the rule that is always certain."""
    np.testing.assert_allclose(rule.probabilities(situation([0.5] * 4)), 0.25, atol=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_what_is_believed_of_infeasible_arms_does_not_matter(rule: Rule) -> None:
    """An arm that cannot be chosen does not shift the others, however good it looks."""
    found = [
        rule.probabilities(situation([0.2, 0.3, third], [0.1, 0.2, 5.0], [True, True, False]))
        for third in (9.0, -9.0)
    ]
    np.testing.assert_array_equal(found[0], found[1])


def test_thompson_scales_the_spread_by_v() -> None:
    """Once an arm has many ratings, v multiplies its standard deviation, and nothing else."""
    seen = situation([0.5, 0.4, 0.1], [0.1, 0.2, 0.3])
    expected = largest_gaussian(seen.mean, 0.25 * seen.std)
    np.testing.assert_allclose(Thompson(v=0.25).probabilities(seen), expected, atol=1e-6)


def test_a_smaller_v_explores_less() -> None:
    """The best arm's probability falls as v rises."""
    seen = situation([0.5, 0.4, 0.3])
    best = [Thompson(v=v).probabilities(seen)[0] for v in (0.1, 0.3, 1.0)]
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1]


def test_new_arms_are_explored_at_least_as_much_as_known_ones() -> None:
    """Of two arms believed alike, the one with fewer ratings never has the smaller chance."""
    known = situation([0.5, 0.3, 0.3], [0.1, 0.1, 0.1])
    found = Thompson(v=0.2).probabilities(replace(known, ratings=np.array([RATED, 0.0, RATED])))
    assert found[1] >= found[2]


def test_upper_confidence_adds_alpha_standard_deviations() -> None:
    """A worse mean with a larger spread wins exactly when α makes up for the difference."""
    seen = situation([0.5, 0.4], [0.1, 0.3])
    assert UpperConfidence(alpha=0.4).probabilities(seen).tolist() == [1.0, 0.0]
    assert UpperConfidence(alpha=0.6).probabilities(seen).tolist() == [0.0, 1.0]


def test_greedy_ignores_the_spread() -> None:
    """Only the mean counts."""
    assert Greedy().probabilities(situation([0.5, 0.4], [0.0, 9.0])).tolist() == [1.0, 0.0]


def test_epsilon_greedy_gives_every_feasible_arm_its_share() -> None:
    """ε is spread over the feasible arms and the rest goes to the best."""
    seen = situation([0.1, 0.9, 0.5], [0.0] * 3, [True, False, True])
    found = EpsilonGreedy(epsilon=0.2).probabilities(seen)
    np.testing.assert_allclose(found, [0.1, 0.0, 0.9])


def test_squarecb_weighs_arms_by_the_inverse_of_their_gap() -> None:
    """π = 1/(K + γ gap) with γ = γ₀ √(K (1 + n)) for all but the best, which takes the rest."""
    seen = replace(situation([0.9, 0.8, 0.5]), ratings=np.array([1.0, 0.0, 2.0]))
    found = SquareCB(scale=2.0).probabilities(seen)
    gamma = 2.0 * np.sqrt(3 * 4)
    np.testing.assert_allclose(found[1:], [1 / (3 + 0.1 * gamma), 1 / (3 + 0.4 * gamma)])
    assert found[0] == pytest.approx(1 - found[1:].sum())


@settings(max_examples=50, deadline=None)
@given(seen=SITUATIONS)
def test_squarecb_never_gives_up_an_arm(seen: Situation) -> None:
    """Every feasible arm keeps a chance, and a better mean never has the smaller one."""
    found = SquareCB().probabilities(seen)
    assert (found[seen.feasible] > 0).all()
    order = np.argsort(seen.mean[seen.feasible], kind="stable")
    assert (np.diff(found[seen.feasible][order]) >= -1e-12).all()


def test_squarecb_is_uniform_at_first_and_greedy_in_the_end() -> None:
    """γ grows with the ratings, so the worse arm's share falls towards nothing."""
    shares = [
        SquareCB(scale=1e-3 if n == 0 else 10.0)
        .probabilities(replace(situation([0.5, 0.3]), ratings=np.full(2, float(n))))[1]
        .item()
        for n in (0, 10, 10**4, 10**8)
    ]
    assert shares[0] == pytest.approx(0.5, abs=1e-3)
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1e-4


def test_ucb1_plays_every_arm_once_before_any_twice() -> None:
    """Arms without ratings come first, however poor their prior mean, and only feasible ones."""
    seen = replace(situation([0.9, 0.1, 0.2, 0.3]), ratings=np.array([5.0, 0.0, 0.0, 0.0]))
    seen = replace(seen, feasible=np.array([True, True, True, False]))
    np.testing.assert_allclose(UCB1().probabilities(seen), [0.0, 0.5, 0.5, 0.0])


def test_ucb1_is_the_papers_index() -> None:
    """The arm of highest m + √(2 ln t / n) is played, on both sides of the point of indifference."""
    n = np.array([90.0, 10.0])
    width = np.sqrt(2 * np.log(100) / n)
    for edge, expected in ((-1e-9, [1.0, 0.0]), (1e-9, [0.0, 1.0])):
        seen = situation([0.6, 0.6 + width[0] - width[1] + edge])
        assert UCB1().probabilities(replace(seen, ratings=n)).tolist() == expected


def test_the_bonus_of_ucb1_is_in_units_of_utility() -> None:
    """Where quality is worth nothing, no quality that may be there is worth exploring for."""
    seen = replace(situation([0.6, 0.5]), ratings=np.array([90.0, 1.0]))
    assert UCB1().probabilities(seen).tolist() == [0.0, 1.0]
    worthless = replace(seen, unit=np.zeros(2))
    assert UCB1().probabilities(worthless).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("complexity", "arm"), [(0.0, 1), (0.599, 1), (0.6, 2), (1.0, 2)])
def test_the_complexity_threshold_divides_cheap_from_premium(complexity: float, arm: int) -> None:
    """Below .6 the best arm of the lowest tier is taken, from .6 on the best of the highest."""
    seen = replace(
        situation([0.3, 0.4, 0.6, 0.5, 0.9, 0.99], feasible=[True] * 5 + [False]),
        tier=np.array([0, 0, 2, 2, 1, 2]),
        complexity=complexity,
    )
    assert int(ComplexityThreshold().probabilities(seen).argmax()) == arm


def test_within_one_tier_the_complexity_threshold_goes_by_cost() -> None:
    """Where the feasible arms are all of one tier, the cheapest or the dearest is taken."""
    seen = replace(
        situation([0.9, 0.4, 0.6], feasible=[True, True, False]),
        tier=np.array([1, 1, 0]),
        cost=np.array([2e-3, 1e-3, 1e-5]),
    )
    rule = ComplexityThreshold(threshold=0.5)
    assert rule.probabilities(replace(seen, complexity=0.4)).tolist() == [0.0, 1.0, 0.0]
    assert rule.probabilities(replace(seen, complexity=0.5)).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("module", ["greedy", "inverse_gap", "optimistic", "thompson", "threshold"])
def test_the_examples_in_the_docstrings_hold(module: str) -> None:
    """Every doctest of the rules runs as printed."""
    results = doctest.testmod(import_module(f"conduit.bandits.rules.{module}"))
    assert results.attempted > 0
    assert results.failed == 0


@given(seen=SITUATIONS)
def test_the_difficulty_threshold_is_certain(seen: Situation) -> None:
    """One arm has all the probability, also where several are equal in everything."""
    assert sorted(DifficultyThreshold().probabilities(seen).tolist()) == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(("difficulty", "arm"), [(0.0, 2), (0.499, 2), (0.5, 3), (1.0, 3)])
def test_the_difficulty_threshold_divides_cheapest_from_highest(
    difficulty: float, arm: int
) -> None:
    """Below it the lowest cost counts; from it on the highest tier, then the highest cost."""
    seen = Situation(
        mean=np.array([0.9, 0.9, 0.1, 0.1, 0.9]),
        std=np.zeros(5),
        ratings=np.zeros(5),
        feasible=np.array([True, False, True, True, True]),
        cost=np.array([0.9, 0.001, 0.01, 0.2, 0.1]),
        tier=np.array([0, 2, 1, 2, 2]),
        difficulty=difficulty,
    )
    assert DifficultyThreshold().probabilities(seen).argmax() == arm
