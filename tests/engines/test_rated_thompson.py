"""The policy rated_thompson: a rule that is certain until something was rated, then Thompson."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conduit import Query, Tier
from conduit.core.models import QueryConstraints
from tests.engines.builders import CHEAP, DEAR, router_of

EASY, HARD = "What is 2+2?", "Analyze this contract"
POLICY = "rated_thompson"


async def test_untrained_it_is_certain() -> None:
    """Easy prompts go to the cheapest, hard ones to the dearest, always, and with propensity 1."""
    async with router_of(policy=POLICY) as router:
        for _ in range(5):
            for prompt, model, said in ((EASY, "cheap", "Simple"), (HARD, "dear", "Complex")):
                decision = await router.route(prompt)
                assert decision.selected_model == model
                assert decision.propensity == 1.0
                assert decision.reasoning.startswith(f"{said} prompt: {model} ")
                assert decision.policy == POLICY


async def test_answers_that_nobody_rated_do_not_begin_exploration() -> None:
    """Cost, latency and availability are learned all the time; only quality counts as a rating."""
    async with router_of(policy=POLICY) as router:
        for _ in range(5):
            response = await router.complete(EASY)
            assert (response.model, response.propensity) == ("cheap", 1.0)


async def test_from_the_first_rating_on_it_is_thompson() -> None:
    """Then every arm has a propensity above 0, as much as thompson's own."""
    propensities = {}
    for policy in (POLICY, "thompson"):
        async with router_of(policy=policy, seed=0) as router:
            first = await router.route(EASY, models=["cheap"])
            await router.feedback(first.id, rating=4)
            decision = await router.route(HARD)
            propensities[policy] = dict(decision.probabilities)
    assert propensities[POLICY] == pytest.approx(propensities["thompson"])
    assert min(propensities[POLICY].values()) > 0
    assert "prompt:" not in decision.reasoning


async def test_a_question_asked_again_is_no_rating() -> None:
    """The mild evidence of a semantic retry does not begin exploration."""
    async with router_of(policy=POLICY) as router:
        for _ in range(2):
            decision = await router.route(Query(EASY, user_id="ada"))
        learned = await router.route(Query(EASY, user_id="ada"))
    assert decision.propensity == learned.propensity == 1.0
    assert learned.estimates["cheap"].observations > 0


async def test_ratings_of_models_that_may_not_be_chosen_do_not_count() -> None:
    """Among two models of which nothing is known the rule decides, whatever a third has earned."""
    middle = replace(CHEAP, id="middle")
    async with router_of(CHEAP, middle, DEAR, policy=POLICY) as router:
        first = await router.route(EASY, models=["middle"])
        await router.feedback(first.id, rating=5)
        apart = await router.route(HARD, models=["cheap", "dear"])
        together = await router.route(HARD)
    assert (apart.selected_model, apart.propensity) == ("dear", 1.0)
    assert min(together.probabilities.values()) > 0


async def test_the_highest_class_comes_before_the_highest_price() -> None:
    """A hard prompt goes to the premium tier, even where another model costs more."""
    best = replace(CHEAP, id="best", tier=Tier.PREMIUM)
    async with router_of(best, replace(DEAR, tier=Tier.BUDGET), policy=POLICY) as router:
        decision = await router.route(HARD)
    assert (decision.selected_model, decision.propensity) == ("best", 1.0)


async def test_limits_come_first() -> None:
    """A hard prompt whose limit excludes the dear model goes to the other one, and says why."""
    async with router_of(policy=POLICY) as router:
        cheap = (await router.route(EASY)).estimates["cheap"].cost_high
        limits = QueryConstraints(max_cost=2 * cheap)
        decision = await router.route(Query(HARD, constraints=limits))
    assert (decision.selected_model, decision.propensity) == ("cheap", 1.0)
    assert "only model" in decision.reasoning


async def test_a_preview_agrees_with_the_decision() -> None:
    """Before and after ratings, what is previewed is what is decided next."""
    async with router_of(policy=POLICY, seed=4) as router:
        for rating in (1, 5, 3, 2):
            for prompt in (HARD, EASY):
                previewed = await router.preview(prompt)
                decided = await router.route(prompt)
                assert decided.selected_model == previewed.selected_model
                assert decided.reasoning == previewed.reasoning
            await router.feedback(decided.id, rating=rating)
