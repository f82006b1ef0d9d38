"""Every policy that can be named works in the router, and is named where people look."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from conduit import Router, Tier
from conduit.bandits.policies import policy_named, policy_names
from conduit.bandits.utility import Weights
from conduit.cli.options import PolicyName
from tests.engines.builders import CHEAP, CODE, DEAR, EQUAL, labelled_queries, router_of

LONG = "\n".join(f"{n}. def f{n}(x): return x ** {n} + 1  # why?" for n in range(200))


@pytest.mark.parametrize("name", policy_names())
async def test_every_policy_routes_and_learns(name: str) -> None:
    """A router of any policy decides, takes a rating, and decides again with true propensities."""
    labelled = labelled_queries(CHEAP.id, DEAR.id)
    async with router_of(policy=name, neighbours=labelled, seed=3) as router:
        for prompt in CODE:
            decision = await router.route(prompt)
            assert decision.policy == name
            assert sum(decision.probabilities.values()) == pytest.approx(1.0, abs=1e-12)
            assert decision.propensity > 0
            assert await router.feedback(decision.id, rating=4)


@pytest.mark.parametrize("name", [*policy_names(), "fixed:"])
def test_every_policy_is_named_where_people_look(name: str) -> None:
    """The router's documentation and the option's help list every policy."""
    option = get_args(PolicyName)[1]
    assert Router.__doc__ is not None
    assert name in Router.__doc__
    assert name in option.help


async def test_complex_prompts_go_to_the_premium_tier() -> None:
    """The policy complexity reads how much the prompt itself asks for."""
    cheap, dear = replace(CHEAP, tier=Tier.BUDGET), replace(DEAR, tier=Tier.PREMIUM)
    async with router_of(dear, cheap, policy="complexity") as router:
        simple, complex_ = await router.route("hello"), await router.route(LONG)
    assert simple.features.complexity_score < 0.6 <= complex_.features.complexity_score
    assert (simple.probabilities["cheap"], complex_.probabilities["dear"]) == (1.0, 1.0)


async def test_ucb1_does_not_look_at_the_prompt() -> None:
    """Whatever is asked, the propensities are those of the arms' ratings alone."""
    async with router_of(*EQUAL, policy="ucb1", seed=1) as router:
        for prompt in CODE:
            decision = await router.route(prompt)
            await router.feedback(decision.id, rating=5)
        decisions = [await router.route(prompt) for prompt in ("hello", "a river", LONG)]
    assert len({tuple(decision.probabilities.values()) for decision in decisions}) == 1


async def test_a_policy_of_ones_own_decides() -> None:
    """A router takes a policy as a value, with weights that no preset has."""
    frugal = replace(
        policy_named("best", models=()), weights=Weights(quality=0.0, cost=1.0, latency=0.0)
    )
    async with router_of(policy=frugal) as router:
        decision = await router.route(LONG)
    assert (decision.selected_model, decision.policy) == (CHEAP.id, "best")
