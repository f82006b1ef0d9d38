"""A model that is added to a router which knows its others well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conduit.bandits.trial import Trial
from conduit.core.arms import Arm, Price
from conduit.datasets.recorded import RecordedOutcomes
from conduit.engines.router import Router
from conduit.engines.warm_start import warm_start
from tests.engines.builders import CHEAP, DEAR, router_of

NEW = Arm(id="new", provider="local", price=Price(input=3.0, output=15.0))
QUALITY = {"cheap": 0.6, "dear": 0.8}


async def practise(router: Router, *, prompts: int = 250) -> None:
    """Both models become known by as many labelled prompts."""
    shape = (prompts, len(QUALITY))
    outcomes = RecordedOutcomes(
        name="practice",
        query_ids=tuple(f"q{n}" for n in range(prompts)),
        texts=tuple(f"question {n}" for n in range(prompts)),
        models=tuple(QUALITY),
        quality=np.broadcast_to(list(QUALITY.values()), shape),
        cost=np.broadcast_to([5e-5, 1.6e-3], shape),
        output_tokens=np.full(shape, 100.0),
    )
    await warm_start(router, outcomes)


async def serve(router: Router, quality: float, *, turns: int) -> int:
    """Decide and rate; how often the new model was chosen."""
    calls = 0
    for turn in range(turns):
        decision = await router.route(f"task {turn}")
        model = decision.selected_model
        calls += model == "new"
        await router.feedback(
            decision.id, quality_score=QUALITY.get(model, quality), output_tokens=100
        )
    return calls


async def test_a_good_model_is_taken_up_and_a_poor_one_left_alone() -> None:
    """The best for the same money gets most requests; a bad one some dozens at most, then few."""
    for quality, budget in ((0.99, 0.002), (0.2, 0.002)):
        async with router_of(CHEAP, DEAR, budget=budget, seed=1) as router:
            await practise(router)
            await router.add_model(NEW)
            first = await serve(router, quality, turns=200)
            later = await serve(router, quality, turns=150)
        if quality > 0.9:
            assert later > 40
        else:
            assert first < 60
            assert later <= 10


async def test_a_model_that_looks_too_dear_is_tried_within_its_share_of_the_money() -> None:
    """Whatever its list price lets one expect, its trials cost a tenth of what is spent now."""
    trial, costly = Trial(), replace(NEW, price=Price(input=30.0, output=150.0))
    async with router_of(CHEAP, DEAR, optimize_for="cost", baseline="dear", seed=1) as router:
        await practise(router)
        before = await router.route("task")
        spent = sum(p * before.estimates[name].cost for name, p in before.probabilities.items())
        await router.add_model(costly)
        decision = await router.route("task")
        tries = trial.share * spent / (decision.estimates["new"].cost - spent)
        assert 0 < tries < trial.epsilon
        assert decision.probabilities["new"] == pytest.approx(tries, rel=0.25)
        for turn in range(int(trial.enough)):
            forced = await router.route(f"more {turn}", models=["new"])
            await router.feedback(forced.id, quality_score=0.5, output_tokens=100)
        assert (await router.route("task")).probabilities["new"] < tries / 3


async def test_arms_that_are_all_new_are_not_on_trial() -> None:
    """At a cold start the policy decides alone, as it did before there were trials."""
    async with router_of(CHEAP, DEAR, replace(CHEAP, id="new"), policy="best") as router:
        await practise(router, prompts=3)
        decision = await router.route("task")
    assert max(decision.probabilities.values()) == 1.0
