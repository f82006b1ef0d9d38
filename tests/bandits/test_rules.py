"""Selection rules: distributions over the feasible arms, and what each one favours."""

from __future__ import annotations

import doctest

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
    arrays(float, ARMS, elements=st.integers(-8, 8).map(lambda step: step / 4)),
    arrays(float, ARMS, elements=st.integers(0, 8).map(lambda step: step / 4)),
    arrays(bool, ARMS).filter(lambda mask: mask.any()),
)


def situation(mean: list[float], std: list[float] | None = None) -> Situation:
    """A situation in which every arm is feasible."""
    spread = [0.1] * len(mean) if std is None else std
    return Situation(np.array(mean), np.array(spread), np.ones(len(mean), bool))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@settings(max_examples=60, deadline=None)
@given(seen=SITUATIONS)
def test_a_rule_is_a_distribution_over_the_feasible_arms(rule: Rule, seen: Situation) -> None:
    """Probabilities sum to 1, are never negative, and are 0 where an arm is infeasible."""
    found = rule.probabilities(seen)
    assert found.shape == (ARMS,)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert (found >= 0).all()
    assert not found[~seen.feasible].any()


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_equal_arms_are_treated_equally(rule: Rule) -> None:
    """Arms that nothing sets apart are equally likely, under every rule."""
    np.testing.assert_allclose(rule.probabilities(situation([0.5] * 4)), 0.25, atol=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_what_is_believed_of_infeasible_arms_does_not_matter(rule: Rule) -> None:
    """An arm that cannot be chosen does not shift the others, however good it looks."""
    mask = np.array([True, True, False])
    means = [np.array([0.2, 0.3, 9.0]), np.array([0.2, 0.3, -9.0])]
    found = [rule.probabilities(Situation(m, np.array([0.1, 0.2, 5.0]), mask)) for m in means]
    np.testing.assert_array_equal(found[0], found[1])


def test_thompson_scales_the_spread_by_v() -> None:
    """v multiplies standard deviations, and nothing else."""
    seen = situation([0.5, 0.4, 0.1], [0.1, 0.2, 0.3])
    expected = largest_gaussian(seen.mean, 0.25 * seen.std)
    np.testing.assert_allclose(Thompson(v=0.25).probabilities(seen), expected)


def test_a_smaller_v_explores_less() -> None:
    """The best arm's probability falls as v rises."""
    seen = situation([0.5, 0.4, 0.3])
    best = [Thompson(v=v).probabilities(seen)[0] for v in (0.1, 0.3, 1.0)]
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1]


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
    seen = Situation(np.array([0.1, 0.9, 0.5]), np.zeros(3), np.array([True, False, True]))
    found = EpsilonGreedy(epsilon=0.2).probabilities(seen)
    np.testing.assert_allclose(found, [0.1, 0.0, 0.9])


def test_the_examples_in_the_docstrings_hold() -> None:
    """Every doctest of the rules runs as printed."""
    results = doctest.testmod(conduit.bandits.rules)
    assert results.attempted > 0
    assert results.failed == 0
