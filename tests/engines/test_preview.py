"""A preview says what would be decided, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from conduit.core.arms import Arm, Price
from conduit.core.errors import NoAffordableModelError, UnknownDecisionError
from conduit.core.events import Event
from conduit.core.models import Query, QueryConstraints
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider

from .builders import router_of

ALIKE = tuple(
    Arm(id=f"model-{turn}", provider="local", price=Price(input=1 + turn / 10, output=2))
    for turn in range(4)
)
PROMPTS = [f"Question number {turn}" for turn in range(12)]


async def models_chosen(router: Router, *, previews: int) -> list[str]:
    """Which model each prompt gets, with so many previews before each."""
    chosen = []
    async with router:
        for prompt in PROMPTS:
            for _ in range(previews):
                await router.preview(Query(prompt, user_id="anna"))
            chosen.append((await router.complete(Query(prompt, user_id="anna"))).model)
    return chosen


@pytest.mark.parametrize("goal", [{}, {"budget": 2e-3}, {"quality_target": 0.95}])
async def test_previews_change_nothing(goal: dict[str, Any]) -> None:
    """With the same seed the same models are chosen, however often one looks beforehand."""
    client = ScriptedProvider("An answer.")
    plain = await models_chosen(router_of(*ALIKE, client=client, seed=7, **goal), previews=0)
    looked = await models_chosen(router_of(*ALIKE, client=client, seed=7, **goal), previews=3)
    assert looked == plain
    assert len(set(plain)) > 1


async def test_the_next_decision_agrees() -> None:
    """A preview is the decision that is then made: model, propensities and estimates."""
    async with router_of(*ALIKE) as router:
        for prompt in PROMPTS:
            seen = await router.preview(prompt)
            made = await router.route(prompt)
            assert seen.selected_model == made.selected_model
            assert seen.probabilities == made.probabilities
            assert seen.estimates == made.estimates


async def test_a_preview_is_in_no_log() -> None:
    """Nobody is told of it, and feedback cannot refer to it."""
    told: list[Event] = []
    async with router_of(*ALIKE, subscribers=[told.append]) as router:
        seen = await router.preview("What is 2+2?")
        with pytest.raises(UnknownDecisionError):
            await router.feedback(seen.id, rating=5)
    assert told == []


async def test_a_preview_is_refused_as_the_decision_would_be() -> None:
    """What cannot be decided cannot be previewed."""
    query = Query("What is 2+2?", constraints=QueryConstraints(max_cost=0.0))
    async with router_of(*ALIKE) as router:
        with pytest.raises(NoAffordableModelError):
            await router.preview(query)
