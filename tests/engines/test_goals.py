"""What spending follows: one goal at a time, from arguments or settings, and refused where hopeless."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from conduit.bandits.quality_target import QualityTarget
from conduit.bandits.steering import BudgetPerRequest
from conduit.bandits.window import BudgetPerWindow, Period
from conduit.core.arms import Arm, Price
from conduit.core.clocks import ManualClock
from conduit.core.errors import InvalidInputError
from conduit.engines.goals import Goal
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from tests.engines.builders import CHEAP, DEAR, router_of

NOON = 20_000.5 * 86400


async def steering_of(**options: Any) -> object:
    async with router_of(clock=ManualClock(NOON), **options) as router:
        return (await router.open()).decider.steering


async def test_each_goal_has_its_steering() -> None:
    """A budget per request, day or month, and a target of quality; nothing without one."""
    assert await steering_of() is None
    per_request = await steering_of(budget=0.01)
    assert isinstance(per_request, BudgetPerRequest)
    assert per_request.budget == 0.01
    for name, period in (("budget_per_day", Period.DAY), ("budget_per_month", Period.MONTH)):
        window = await steering_of(**{name: 5.0})
        assert isinstance(window, BudgetPerWindow)
        assert (window.amount, window.period, window.now) == (5.0, period, NOON)
    target = await steering_of(quality_target=0.9)
    assert isinstance(target, QualityTarget)
    assert target.target == 0.9


async def test_settings_give_the_goal_and_an_argument_takes_their_place() -> None:
    """An argument replaces whatever goal the settings have, of the same kind or another."""
    settings = Settings(budget=0.01)
    assert isinstance(await steering_of(settings=settings), BudgetPerRequest)
    target = await steering_of(settings=settings, quality_target=0.95)
    assert isinstance(target, QualityTarget)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"budget": 0.01, "quality_target": 0.95}, ("budget=0.01", "quality_target=0.95")),
        ({"budget": 0.01, "budget_per_day": 5.0}, ("budget=0.01", "budget_per_day=5.0")),
        ({"budget_per_day": 5.0, "budget_per_month": 9.0}, ("budget_per_day", "budget_per_month")),
    ],
)
def test_two_goals_are_an_error_that_names_both(
    options: dict[str, float], named: tuple[str, str]
) -> None:
    """Spending can follow one; so too where both stand in the settings."""
    for make in (lambda: router_of(**options), lambda: router_of(settings=Settings(**options))):  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError) as error:
            make()
        assert all(name in str(error.value) for name in named)


@pytest.mark.parametrize("name", ["budget", "budget_per_day", "budget_per_month"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_that_is_no_amount_is_refused(name: str, value: float) -> None:
    """The error names argument and value."""
    with pytest.raises(InvalidInputError, match=f"{name}={value}"):
        router_of(**{name: value})


@pytest.mark.parametrize("value", [0.0, -0.1, 1.2, float("nan")])
def test_a_target_that_is_no_share_is_refused(value: float) -> None:
    """A percentage is the likeliest mistake, so the range stands in the message."""
    with pytest.raises(InvalidInputError, match=f"quality_target={value}.*at most 1"):
        router_of(quality_target=value)


async def test_a_budget_below_the_cheapest_model_is_refused_and_nothing_is_stored() -> None:
    """Even ten tokens in and out cost more: the error names the model and its price."""
    store = MemoryStore()
    least = 10 * (0.1 + 0.4) / 1e6
    for name in ("budget", "budget_per_day"):
        with pytest.raises(InvalidInputError, match="'cheap'") as error:
            router_of(store=store, **{name: 0.9 * least})
        assert f"${least:g}" in str(error.value)
    assert await store.count() == 0
    router_of(store=store, budget=1.1 * least)


def test_a_budget_below_an_ordinary_call_is_said_not_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Prompts may be short: only the log says that the budget looks too small."""
    with caplog.at_level(logging.WARNING):
        router_of(budget=1e-4)
    assert "'cheap'" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        router_of(budget=2e-4)
    assert not caplog.text


def test_a_model_without_a_price_may_cost_nothing() -> None:
    """Where nobody knows what calls cost, no budget is too small."""
    goal = Goal(budget=1e-12)
    assert goal.checked([Arm(id="recorded", provider="x"), DEAR]) is goal
    free = Arm(id="free", provider="local", price=Price(input=0, output=0))
    assert goal.checked([free, DEAR]) is goal


async def test_a_day_is_served_within_its_budget() -> None:
    """Requests of one day cost what the day may cost, and the next day starts anew."""
    clock = ManualClock(20_000 * 86400.0)
    amount, requests = 0.5, 250
    async with router_of(CHEAP, DEAR, clock=clock, budget_per_day=amount, seed=0) as router:
        for day in range(2):
            spent = 0.0
            for n in range(requests):
                decision = await router.route(f"prompt {n}")
                dear = decision.selected_model == "dear"
                await router.feedback(decision.id, quality_score=0.9 if dear else 0.6)
                spent += decision.estimates[decision.selected_model].cost
                clock.advance(86400 / requests)
            assert spent <= amount * 1.01, day
    assert spent > 0.6 * amount


async def test_a_quality_target_is_kept_at_less_than_the_best_models_cost() -> None:
    """With one model a quarter worse and far cheaper, about a fifth of the calls go there."""
    async with router_of(quality_target=0.95, seed=0) as router:
        quality, dear = [], []
        for n in range(500):
            decision = await router.route(f"prompt {n}")
            dear.append(decision.selected_model == "dear")
            quality.append(0.9 if dear[-1] else 0.675)
            await router.feedback(decision.id, quality_score=quality[-1])
    later = slice(250, None)
    assert sum(quality[later]) / 250 == pytest.approx(0.95 * 0.9, abs=0.015)
    assert sum(dear[later]) / 250 < 0.95
