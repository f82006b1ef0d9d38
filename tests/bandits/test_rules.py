"""Selection rules: distributions over the feasible arms, and what each one favours."""

from __future__ import annotations

import doctest
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import conduit.bandits.rules
from conduit.bandits.propensity import largest_gaussian
from conduit.bandits.rules import EpsilonGreedy, Greedy, Rule, Situation, Thompson, UpperConfidence
from conduit.bandits.rules import Uniform as UniformRule

RULES: list[Rule] = [
    Thompson(),
    Thompson(v=1.0),
    UpperConfidence(),
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


@pytest.mark.parametrize("rule", RULES)
def test_equal_arms_are_treated_equally(rule: Rule) -> None:
    """Arms that nothing sets apart are equally likely, under every rule."""
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


def test_the_examples_in_the_docstrings_hold() -> None:
    """Every doctest of the rules runs as printed."""
    results = doctest.testmod(conduit.bandits.rules)
    assert results.attempted > 0
    assert results.failed == 0
