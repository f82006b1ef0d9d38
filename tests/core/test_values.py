"""Arms, prices, clocks, decisions and responses."""

from __future__ import annotations

import time
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.core.arms import Arm, Price, Tier
from conduit.core.clocks import ManualClock, SystemClock
from conduit.core.decisions import Decision, QueryFeatures
from conduit.core.events import Completed, Decided
from conduit.core.outcomes import Response

MONEY = st.floats(0, 1e3)


def a_response(*, cost: float = 0.25, base_cost: float = 1.0) -> Response:
    """An answer of a small model."""
    return Response(
        text="4",
        model="mini",
        provider="openai",
        cost=cost,
        input_tokens=12,
        output_tokens=3,
        base_model="large",
        base_cost=base_cost,
        latency=None,
        decision_id="d",
    )


def a_decision() -> Decision:
    """A decision between two arms."""
    features = QueryFeatures(
        embedding=np.zeros(2, np.float32),
        context=np.ones(1, np.float32),
        token_count=1,
        complexity_score=0.1,
        domain="general",
        domain_confidence=0.5,
    )
    return Decision(
        id="d",
        query_id="q",
        user_id=None,
        selected_model="b",
        confidence=0.6,
        probabilities={"a": 0.3, "b": 0.7},
        estimates={},
        features=features,
        reasoning="b was drawn.",
        policy="thompson",
        layout="l",
        created_at=0.0,
    )


def test_a_price_is_per_million_tokens() -> None:
    """A million tokens in and out cost the two list prices."""
    price = Price(input=2.5, output=10.0)
    assert price.cost(input_tokens=1_000_000, output_tokens=1_000_000) == 12.5
    assert price.cost(input_tokens=1000, output_tokens=0) == pytest.approx(0.0025)


@given(a=MONEY, b=MONEY, n=st.integers(0, 10**6), m=st.integers(0, 10**6))
def test_cost_is_linear_in_tokens(a: float, b: float, n: int, m: int) -> None:
    """Two calls cost as much as one with the tokens of both."""
    price = Price(input=a, output=b)
    apart = price.cost(input_tokens=n, output_tokens=0) + price.cost(
        input_tokens=0, output_tokens=m
    )
    assert price.cost(input_tokens=n, output_tokens=m) == pytest.approx(apart)


def test_tiers_rank_from_cheap_to_strong() -> None:
    """Budget is 0, balanced 1, premium 2."""
    assert [tier.rank for tier in (Tier.BUDGET, Tier.BALANCED, Tier.PREMIUM)] == [0, 1, 2]


def test_an_arm_is_called_by_its_own_name_unless_it_has_another() -> None:
    """The provider's name for a model defaults to the arm's id."""
    assert Arm(id="gpt-4o", provider="openai").api_name == "gpt-4o"
    assert Arm(id="fast", provider="openai", model="gpt-4o-mini").api_name == "gpt-4o-mini"


def test_arms_with_equal_fields_are_equal_and_frozen() -> None:
    """Arms are values."""
    arm = Arm(id="a", provider="p", price=Price(input=1, output=2))
    assert arm == replace(arm)
    assert hash(arm) == hash(replace(arm))
    with pytest.raises(FrozenInstanceError):
        arm.id = "b"  # type: ignore[misc]


def test_a_manual_clock_moves_only_by_hand() -> None:
    """It stands still, moves forward, and backward as real clocks may."""
    clock = ManualClock(100.0)
    assert clock.now() == clock.now() == 100.0
    clock.advance(2.5)
    clock.advance(-1.0)
    assert clock.now() == 101.5


def test_the_system_clock_tells_seconds_since_the_epoch() -> None:
    """It lies between two readings of the operating system's."""
    before = time.time()
    assert before <= SystemClock().now() <= time.time()


def test_the_propensity_is_that_of_the_chosen_arm() -> None:
    """A decision's propensity is its probability of what it chose."""
    assert a_decision().propensity == 0.7


def test_savings_are_base_cost_less_cost() -> None:
    """In USD, and in percent of the baseline's cost."""
    response = a_response(cost=0.25, base_cost=1.0)
    assert response.savings == 0.75
    assert response.savings_percent == 75.0


def test_savings_may_be_negative() -> None:
    """An answer dearer than the baseline says so."""
    response = a_response(cost=3.0, base_cost=2.0)
    assert response.savings == -1.0
    assert response.savings_percent == -50.0


def test_a_free_baseline_saves_no_percent() -> None:
    """Nothing is divided by zero."""
    assert a_response(cost=0.0, base_cost=0.0).savings_percent == 0.0
    assert a_response(cost=1.0, base_cost=0.0).savings_percent == 0.0


@given(cost=MONEY, base=MONEY)
def test_other_names_say_the_same(cost: float, base: float) -> None:
    """Every documented alias equals what it is an alias of."""
    response = a_response(cost=cost, base_cost=base)
    assert response.saved == response.savings == base - cost
    assert response.baseline_cost == response.base_cost
    assert response.prompt_tokens == response.input_tokens
    assert response.completion_tokens == response.output_tokens


def test_events_are_frozen_facts() -> None:
    """What was announced cannot be changed by who hears it."""
    response = a_response()
    event = Completed(response)
    assert event == Completed(response)
    with pytest.raises(FrozenInstanceError):
        event.response = response  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Decided(a_decision()).decision.selected_model = "a"  # type: ignore[misc]
