"""Policies by name."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.bandits.policies import NO_FLOOR, policy_named, policy_names
from conduit.bandits.selection import select
from conduit.bandits.utility import PRESETS
from conduit.core.errors import UnknownModelError, UnknownPolicyError
from conduit.core.models import OptimizeFor
from tests.bandits.builders import ask_of, estimates_of

MODELS = ("small", "medium", "large")


def favourite(name: str) -> str:
    """The arm a policy draws most often, for the same estimates."""
    policy = policy_named(name, models=MODELS)
    estimates = estimates_of([0.6, 0.9, 0.8], cost=[0.001, 0.01, 0.1])
    allowed = np.array([policy.only in (None, model) for model in MODELS])
    ask = ask_of(3, weights=policy.weights or PRESETS[OptimizeFor.QUALITY], allowed=allowed)
    chosen = select(
        estimates, ask, rule=policy.rule, floor=policy.floor, rng=np.random.default_rng(0)
    )
    assert chosen is not None
    return MODELS[int(chosen.probabilities.argmax())]


@pytest.mark.parametrize("name", policy_names())
def test_every_listed_name_is_answered(name: str) -> None:
    """What is listed can be typed."""
    assert policy_named(name, models=MODELS).name == name


def test_the_promised_names_are_listed() -> None:
    """The names that the documentation promises exist."""
    promised = {"thompson", "linucb", "squarecb", "epsilon_greedy", "thompson_noncontextual"}
    promised |= {"ucb1", "complexity", "cheapest", "best", "random", "rated_thompson"}
    assert promised <= set(policy_names())


def test_only_the_noncontextual_policies_are_blind() -> None:
    """Every other policy sees the prompt."""
    blind = [n for n in policy_names() if not policy_named(n, models=MODELS).contextual]
    assert blind == ["thompson_noncontextual", "ucb1"]


def test_static_policies_do_what_they_are_called() -> None:
    """Cheapest takes the cheapest, best the highest mean, fixed the one it names."""
    assert favourite("cheapest") == "small"
    assert favourite("best") == "medium"
    assert favourite("fixed:large") == "large"


def test_random_is_uniform() -> None:
    """Random gives every arm the same propensity, without a floor."""
    policy = policy_named("random", models=MODELS)
    chosen = select(
        estimates_of([0.1, 0.5, 0.9]),
        ask_of(3),
        rule=policy.rule,
        floor=policy.floor,
        rng=np.random.default_rng(0),
    )
    assert chosen is not None
    np.testing.assert_allclose(chosen.probabilities, 1 / 3)


def test_an_unknown_policy_is_named_with_its_alternatives() -> None:
    """The error says which name was wrong and which would have been right."""
    with pytest.raises(UnknownPolicyError, match="'tomson'") as caught:
        policy_named("tomson", models=MODELS)
    for name in (*policy_names(), "fixed:<model>"):
        assert name in str(caught.value)


@pytest.mark.parametrize("name", ["fixed:huge", "fixed:", "fixed: small"])
def test_a_fixed_policy_needs_a_model_that_exists(name: str) -> None:
    """fixed: with anything but an arm's exact id is an unknown model."""
    with pytest.raises(UnknownModelError) as caught:
        policy_named(name, models=MODELS)
    assert "choose one of: large, medium, small" in str(caught.value)


def test_until_something_is_rated_another_policy_decides() -> None:
    """Half a rating about one arm that may be chosen is enough, less is none; other policies stay."""
    policy, all_arms = policy_named("rated_thompson", models=MODELS), np.ones(3, bool)
    untrained = policy.facing(np.array([0.0, 0.3, 0.0]), all_arms)
    assert untrained == policy.unrated
    assert untrained.floor == NO_FLOOR
    assert policy.facing(np.array([0.0, 0.5, 0.0]), all_arms) is policy
    others = np.array([True, False, True])
    assert policy.facing(np.array([0.0, 9.0, 0.0]), others) == policy.unrated
    thompson = policy_named("thompson", models=MODELS)
    assert thompson.facing(np.zeros(3), all_arms) is thompson
