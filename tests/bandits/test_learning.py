"""Learning is real and contextual: two kinds of prompt, two arms, each good at one."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.bandits.models import ArmModels
from conduit.bandits.policies import policy_named
from conduit.bandits.selection import select
from conduit.core.outcomes import Head
from conduit.core.statistics import Array
from tests.bandits.builders import ask_of, observed, priced

DIM = 8
NAMES = ("writer", "coder")
ROUNDS = 120
SEEDS = range(20)


def prompt(rng: np.random.Generator, kind: int) -> Array:
    """(d,) a bias, and a noisy direction of its kind."""
    centre = np.zeros(DIM)
    centre[1 + kind] = 1.0
    x = centre + 0.2 * rng.standard_normal(DIM)
    x[0] = 1.0
    return x


def share_of_right_arms(policy_name: str, seed: int) -> tuple[float, float]:
    """Per kind, the propensity of its own arm on unseen prompts after ROUNDS rated ones."""
    rng = np.random.default_rng(seed)
    policy = policy_named(policy_name, models=NAMES)
    models = ArmModels(priced(*NAMES), dim=DIM, contextual=policy.contextual)

    def decide(x: Array) -> tuple[int, Array]:
        estimates = models.estimate(x, token_count=20)
        chosen = select(estimates, ask_of(2), rule=policy.rule, floor=policy.floor, rng=rng)
        assert chosen is not None
        return chosen.arm, chosen.probabilities

    for _ in range(ROUNDS):
        kind = int(rng.integers(2))
        x = prompt(rng, kind)
        arm, _ = decide(x)
        rating = float(np.clip(rng.normal(0.85 if arm == kind else 0.35, 0.15), 0.0, 1.0))
        models.learn(observed(NAMES[arm], Head.QUALITY, rating), x)
    right = [[decide(prompt(rng, kind))[1][kind] for _ in range(10)] for kind in range(2)]
    return float(np.mean(right[0])), float(np.mean(right[1]))


@pytest.mark.parametrize("seed", SEEDS)
def test_thompson_sends_each_kind_to_its_arm(seed: int) -> None:
    """After 120 ratings, each kind of prompt goes to its own arm more than 80 times in 100."""
    assert min(share_of_right_arms("thompson", seed)) > 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_a_noncontextual_bandit_fails_the_same_test(seed: int) -> None:
    """Blind to the prompt, the shares of the two kinds sum to 1: they cannot both exceed 0.8."""
    shares = share_of_right_arms("thompson_noncontextual", seed)
    assert not min(shares) > 0.8
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)
