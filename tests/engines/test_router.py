"""The router's front door: decisions, constraints, feedback, and bad input."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from conduit import Arm, Preferences, Price, Query, QueryConstraints, Router, Tier
from conduit.core.errors import (
    ConduitError,
    InvalidInputError,
    LayoutMismatchError,
    NoAffordableModelError,
    UnknownDecisionError,
    UnknownModelError,
    UnknownPolicyError,
    UnknownPriceError,
)
from conduit.features.encoders.hashing import HashingEncoder
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.engines.builders import CHEAP, DEAR, router_of


async def test_a_decision_explains_itself() -> None:
    """Everything needed to judge a choice later is in the decision."""
    async with router_of() as router:
        decision = await router.route(Query("def f(x): return x", user_id="ada"))
    assert set(decision.probabilities) == set(decision.estimates) == {"cheap", "dear"}
    assert sum(decision.probabilities.values()) == pytest.approx(1)
    assert decision.propensity == decision.probabilities[decision.selected_model]
    assert 0 <= decision.confidence <= 1
    assert decision.reasoning.startswith(decision.selected_model)
    assert decision.reasoning.endswith(".")
    assert decision.features.context[0] == 1.0
    assert decision.features.token_count > 0
    assert set(decision.fallback_chain) == {"cheap", "dear"} - {decision.selected_model}


async def test_routing_without_keys_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set, routing works over the default catalogue and never touches a network."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    async with Router(encoder="hashing", settings=Settings()) as router:
        decision = await router.route(Query(text="What is 2+2?"))
    assert decision.selected_model in {arm.id for arm in router.arms}
    assert len(router.arms) > 5


async def test_max_cost_is_never_relaxed_and_names_the_cheapest() -> None:
    """A limit below every model raises, with the cheapest model and its price."""
    async with router_of() as router:
        for limit in (0.0, 1e-9):
            query = Query("hello", constraints=QueryConstraints(max_cost=limit))
            with pytest.raises(NoAffordableModelError, match=r"the cheapest is 'cheap' at \$"):
                await router.route(query)


async def test_a_forbidden_model_is_never_chosen() -> None:
    """A cost limit between the two models leaves one, with probability 1."""
    async with router_of() as router:
        free = await router.route("hello")
        limit = (free.estimates["cheap"].cost_high + free.estimates["dear"].cost_high) / 2
        query = Query("hello", constraints=QueryConstraints(max_cost=limit))
        for _ in range(20):
            decision = await router.route(query)
            assert decision.probabilities == {"cheap": 1.0, "dear": 0.0}
            assert decision.fallback_chain == ()


async def test_impossible_quality_is_relaxed_and_said_so() -> None:
    """min_quality gives way, by name; strict raises instead."""
    async with router_of() as router:
        for _ in range(25):
            for model in ("cheap", "dear"):
                decision = await router.route("hello", models=[model])
                await router.feedback(decision.id, quality_score=0.2)
        query = Query("hello", constraints=QueryConstraints(min_quality=0.9))
        decision = await router.route(query)
        assert decision.constraints_relaxed == ("min_quality",)
        assert "min_quality" in decision.reasoning
        with pytest.raises(InvalidInputError, match="min_quality"):
            await router.route(query, strict=True)


async def test_a_preferred_provider_is_preferred_and_nothing_is_removed() -> None:
    """The preference shifts probability and leaves every model possible."""
    async with router_of() as router:
        plain = await router.route("hello")
        wish = QueryConstraints(preferred_provider="other")
        preferred = await router.route(Query("hello", constraints=wish))
    assert preferred.probabilities["dear"] > plain.probabilities["dear"]
    assert preferred.probabilities["cheap"] > 0


async def test_preferences_of_a_query_win_over_the_routers() -> None:
    """A query that asks for quality gets the dear model more often than one that asks for cost."""
    async with router_of(optimize_for="balanced") as router:
        quality = await router.route(
            Query("hello", preferences=Preferences(optimize_for="quality"))
        )
        cost = await router.route(Query("hello", preferences=Preferences(optimize_for="cost")))
    assert quality.probabilities["dear"] > cost.probabilities["dear"]


async def test_narrowing_the_models_is_marked_and_checked() -> None:
    """A caller's own choice is flagged; an unknown model is an error that lists the known."""
    async with router_of() as router:
        decision = await router.route("hello", models=["dear"])
        assert (decision.selected_model, decision.forced) == ("dear", True)
        with pytest.raises(
            UnknownModelError, match="unknown model 'nope'; choose one of: cheap, dear"
        ):
            await router.route("hello", models=["nope"])


async def test_the_same_feedback_twice_has_no_effect() -> None:
    """The second time nothing changes, and nobody is blamed for trying."""
    store = MemoryStore()
    async with router_of(store=store) as router:
        decision = await router.route("hello")
        assert len(await router.feedback(decision.id, rating=4)) == 1
        assert await router.feedback(decision.id, rating=4) == ()
        (change,) = await router.feedback(decision.id, rating=5)
        assert change.previous == pytest.approx(0.75)
        assert await store.count() == 1


async def test_feedback_that_cannot_be_used_stores_nothing() -> None:
    """Unknown decision, unknown model, rating out of range, no value: an error each, store untouched."""
    store = MemoryStore()
    async with router_of(store=store) as router:
        decision = await router.route("hello")
        with pytest.raises(UnknownDecisionError, match="'nope'"):
            await router.feedback("nope", rating=4)
        with pytest.raises(UnknownModelError):
            await router.feedback(decision.id, rating=4, model="nope")
        for bad in ({"rating": 6}, {"quality_score": float("nan")}, {"rating": 0}, {}):
            with pytest.raises(InvalidInputError):
                await router.feedback(decision.id, **bad)
        assert await store.count() == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"policy": "nope"}, UnknownPolicyError),
        ({"policy": "fixed:nope"}, UnknownModelError),
        ({"baseline": "nope"}, UnknownModelError),
        ({"optimize_for": "nope"}, InvalidInputError),
        ({"budget": 0.0}, InvalidInputError),
        ({"budget": -1.0}, InvalidInputError),
        ({"budget": float("nan")}, InvalidInputError),
        ({"timeout": -1.0}, InvalidInputError),
        ({"timeout": 0.0}, InvalidInputError),
        ({"seed": -1}, InvalidInputError),
    ],
)
def test_a_router_refuses_options_it_cannot_use(
    options: dict[str, Any], error: type[ConduitError]
) -> None:
    """Bad options fail at construction, before anything is opened."""
    with pytest.raises(error):
        router_of(**options)


def test_names_and_arms_are_not_mixed() -> None:
    """Models are all names or all values."""
    with pytest.raises(InvalidInputError, match="mixes"):
        Router([CHEAP, "gpt-4o"], settings=Settings())


def test_a_model_without_a_price_cannot_be_called() -> None:
    """Providers report tokens, not money: the error says how to give a price."""
    with pytest.raises(UnknownPriceError, match="input_price and output_price"):
        Router([Arm(id="mine", provider="openai")], settings=Settings())


async def test_no_models_at_all_is_refused() -> None:
    """An empty list is a mistake, not a wish for everything."""
    with pytest.raises(InvalidInputError, match="leaves none"):
        Router([], settings=Settings())
    async with router_of() as router:
        with pytest.raises(InvalidInputError, match="allows none"):
            await router.route("hello", models=[])


def test_a_free_baseline_gives_way_to_the_dearest() -> None:
    """Savings against a free model mean nothing, so the dearest list price is taken."""
    free = Arm(id="free", provider="local", price=Price(input=0, output=0))
    assert router_of(free, CHEAP, DEAR, baseline="free").baseline is DEAR


async def test_the_policy_best_breaks_ties_by_tier() -> None:
    """Where nothing is known, best takes the model of the highest tier."""
    premium = replace(CHEAP, id="premium", tier=Tier.PREMIUM)
    async with router_of(CHEAP, premium, policy="best") as router:
        assert (await router.route("hello")).probabilities == {"cheap": 0.0, "premium": 1.0}


async def test_the_policy_cheapest_stays_cheapest_under_a_budget() -> None:
    """Neither a budget nor a preferred provider makes the cheapest policy choose another."""
    wish = QueryConstraints(preferred_provider="other")
    async with router_of(policy="cheapest", budget=1.0) as router:
        decision = await router.route(Query("hello", constraints=wish))
    assert decision.selected_model == "cheap"


def test_two_arms_of_one_name_are_refused() -> None:
    """Ids are what is learned under, so they must be unique."""
    with pytest.raises(InvalidInputError, match="cheap"):
        router_of(CHEAP, CHEAP)


async def test_a_closed_router_says_so() -> None:
    """Use after close is an error; closing twice is not."""
    router = router_of()
    await router.route("hello")
    await router.aclose()
    await router.aclose()
    with pytest.raises(ConduitError, match="closed"):
        await router.route("hello")


async def test_state_of_another_encoder_is_refused(tmp_path: Path) -> None:
    """A database whose contexts have another length is left alone, with an error that names both."""
    path = tmp_path / "conduit.db"
    async with router_of(store=SQLStore(path)) as router:
        decision = await router.route("hello")
        await router.feedback(decision.id, rating=4)
    other = Router(
        (CHEAP, DEAR), encoder=HashingEncoder(dim=8), store=SQLStore(path), settings=Settings()
    )
    with pytest.raises(LayoutMismatchError):
        await other.route("hello")
    await other.aclose()
    async with router_of(store=SQLStore(path)) as router:
        assert await router.feedback(decision.id, rating=4) == ()


async def test_a_budget_keeps_mean_spend() -> None:
    """With a budget between the two prices, expected spend settles near it."""
    async with router_of(budget=0.002, seed=0) as router:
        spent = []
        for n in range(400):
            decision = await router.route(f"prompt {n}")
            model = decision.selected_model
            await router.feedback(decision.id, quality_score=0.9 if model == "dear" else 0.6)
            spent.append(decision.estimates[model].cost)
    assert sum(spent[200:]) / 200 == pytest.approx(0.002, rel=0.15)
