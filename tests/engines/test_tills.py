"""The till: no attempt without its money, and another decision where there is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import Any

import pytest

from conduit.bandits.steering import BudgetPerRequest
from conduit.bandits.window import BudgetPerWindow
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.clocks import ManualClock
from conduit.core.errors import (
    AllModelsFailedError,
    BudgetExceededError,
    ConduitError,
    FailureKind,
    ProviderError,
    ReservationTimeoutError,
)
from conduit.core.events import Decided, Event, Executed, Failed, Learned
from conduit.core.models import Query, QueryConstraints
from conduit.core.outcomes import ModelReply, ModelRequest, Signal
from conduit.core.ports import ModelClient
from conduit.engines.engine import Engine, open_engine
from conduit.engines.errand import Errand
from conduit.engines.goals import Goal
from conduit.engines.options import Options
from conduit.engines.wiring import assemble
from conduit.features.encoders.hashing import HashingEncoder
from conduit.feedback.ratings import Feedback
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from tests.engines.builders import CHEAP, DEAR
from tests.engines.tills import CountingPurse, CountingTill, exceeded, waited

HELLO = Errand(query=Query("hello"))
NOON = 20_000.5 * 86400
MIDDLE = Arm(id="middle", provider="other", price=Price(input=1.0, output=2.0))


async def _engine(
    till: CountingTill,
    *,
    client: ModelClient | None = None,
    heard: list[Event] | None = None,
    **options: Any,
) -> Engine:
    parts = assemble(
        Options(
            models=(CHEAP, MIDDLE, DEAR),
            client=client or ScriptedProvider(),
            encoder=HashingEncoder(),
            **({"policy": "cheapest"} | options),
        ),
        Settings(num_retries=0, app_retries=0),
    )
    events = [] if heard is None else heard
    return await open_engine(replace(parts, till=till.on), announce=events.append)


async def test_every_attempt_has_its_purse_and_pays_once() -> None:
    """Failed and successful attempts are settled at what they did cost."""
    till = CountingTill()
    client = ScriptedProvider(failures={"cheap": repeat(FailureKind.SERVER)})
    engine = await _engine(till, client=client)
    response = await engine.complete(HELLO)
    settled = [execution for purse in till.purses for execution in purse.settled]
    assert [(it.arm, it.failure) for it in settled] == [
        ("cheap", FailureKind.SERVER),
        ("middle", None),
    ]
    assert sum(it.cost for it in settled) == response.cost
    await engine.aclose()


async def test_the_money_left_limits_what_is_asked() -> None:
    """A till that can pay for few tokens has the model asked for no more."""
    client = ScriptedProvider("a rather long answer that will be cut")
    engine = await _engine(CountingTill(max_tokens=2), client=client)
    response = await engine.complete(HELLO)
    assert client.requests[0].max_tokens == 2
    assert (response.finish_reason, response.output_tokens) == ("length", 2)
    await engine.aclose()


async def test_without_money_for_the_chosen_model_the_decision_is_made_again() -> None:
    """The second decision is logged with propensities of its own, over the models that are left."""
    heard: list[Event] = []
    till = CountingTill({"cheap": [exceeded()]})
    engine = await _engine(till, heard=heard)
    response = await engine.complete(HELLO)
    first, second = (event.decision for event in heard if isinstance(event, Decided))
    assert (first.selected_model, first.attempt) == ("cheap", 1)
    assert (second.selected_model, second.attempt) == ("middle", 2)
    assert second.probabilities["cheap"] == 0
    assert sum(second.probabilities.values()) == pytest.approx(1)
    assert not second.forced
    assert (response.decision_id, response.attempts) == (second.id, 1)
    assert [purse.request.arm.id for purse in till.purses] == ["middle"]
    assert not any(isinstance(event, Failed) for event in heard)
    await engine.aclose()


@pytest.mark.parametrize(
    ("refusals", "raised"),
    [
        ({"cheap": exceeded("first"), "middle": exceeded("second")}, BudgetExceededError),
        ({"cheap": exceeded("first"), "middle": waited()}, ReservationTimeoutError),
        ({"cheap": waited(), "middle": exceeded("second")}, ReservationTimeoutError),
    ],
)
async def test_when_no_model_can_be_paid_the_caller_is_told_why(
    refusals: dict[str, Any], raised: type[Exception]
) -> None:
    """The first refusal is raised; that all is spent is said only where it is so for every model."""
    heard: list[Event] = []
    till = CountingTill({arm: [error] * 9 for arm, error in refusals.items()})
    till.refusals = {**till.refusals, "dear": [next(iter(refusals.values()))]}
    client = ScriptedProvider()
    engine = await _engine(till, client=client, heard=heard)
    with pytest.raises(raised) as caught:
        await engine.complete(HELLO)
    assert till.asked == ["cheap", "middle", "dear"]
    assert client.requests == []
    decided = [event.decision for event in heard if isinstance(event, Decided)]
    assert [it.attempt for it in decided] == [1, 2, 3]
    assert [event for event in heard if isinstance(event, Failed)] == [
        Failed(decided[-1].id, caught.value)
    ]
    if raised is BudgetExceededError:
        assert "first" in str(caught.value)
    await engine.aclose()


async def test_a_forced_model_without_money_is_refused_at_once() -> None:
    """The caller named one model: no other is decided on."""
    till = CountingTill({"cheap": [exceeded()]})
    engine = await _engine(till)
    with pytest.raises(BudgetExceededError):
        await engine.complete(replace(HELLO, models=["cheap"]))
    assert till.asked == ["cheap"]
    await engine.aclose()


async def test_a_fallback_without_money_is_passed_over() -> None:
    """The next of the chain is tried instead; nothing is decided again."""
    heard: list[Event] = []
    till = CountingTill({"middle": [exceeded()]})
    client = ScriptedProvider(failures={"cheap": [FailureKind.SERVER]})
    engine = await _engine(till, client=client, heard=heard)
    response = await engine.complete(HELLO)
    assert (response.model, response.attempts) == ("dear", 2)
    executions = [event.execution for event in heard if isinstance(event, Executed)]
    assert [(it.arm, it.attempt) for it in executions] == [("cheap", 1), ("dear", 2)]
    assert len([event for event in heard if isinstance(event, Decided)]) == 1
    await engine.aclose()


async def test_a_refused_decision_costs_the_pacer_nothing() -> None:
    """What was expected of it is given back; only the call that was made counts."""
    till = CountingTill({"cheap": [exceeded()]})
    engine = await _engine(till, goal=Goal(budget=0.01))
    response = await engine.complete(HELLO)
    steering = engine.decider.steering
    assert isinstance(steering, BudgetPerRequest)
    assert steering.pacer.spent == pytest.approx(response.cost)
    await engine.aclose()


def _retries(turns: int) -> CountingTill:
    """A till that has money for nothing so often."""
    return CountingTill({arm.id: [exceeded()] * turns for arm in (CHEAP, MIDDLE, DEAR)})


@pytest.mark.parametrize(
    "goal", [Goal(budget=1e-3), Goal(budget_per_day=0.5), Goal(quality_target=0.9)]
)
async def test_requests_that_get_no_money_are_none_to_a_goal(goal: Goal) -> None:
    """However often a caller whose own budget is spent asks again, everybody else is served as before."""
    engine = await _engine(_retries(100), goal=goal, policy="thompson", clock=ManualClock(NOON))
    before = engine.decider.steering
    assert before is not None
    for _ in range(100):
        with pytest.raises(BudgetExceededError):
            await engine.complete(HELLO)
    after = engine.decider.steering
    assert after is not None
    assert after.price_of_money == pytest.approx(before.price_of_money)
    assert after.headroom == pytest.approx(before.headroom)
    assert after.ledger().amounts == pytest.approx(before.ledger().amounts)
    if isinstance(before, BudgetPerWindow) and isinstance(after, BudgetPerWindow):
        assert after.expected_requests == pytest.approx(before.expected_requests)
    await engine.aclose()


async def test_a_query_that_is_decided_again_is_one_request() -> None:
    """Of a decision that gets no money and the one in its place, the second counts."""
    engine = await _engine(CountingTill({"cheap": [exceeded()]}), goal=Goal(budget=0.01))
    await engine.complete(HELLO)
    steering = engine.decider.steering
    assert isinstance(steering, BudgetPerRequest)
    assert steering.pacer.requests == 1
    await engine.aclose()


async def test_what_was_decided_meanwhile_stays() -> None:
    """A refusal takes back its own step alone, though another query was served since its decision."""
    engine = await _engine(CountingTill(), goal=Goal(budget=0.01))
    alone = await _engine(CountingTill(), goal=Goal(budget=0.01))
    turn = await engine.deciding.turn(HELLO)
    second = await engine.deciding.decide(HELLO)
    engine.decider.withdraw(turn.step)
    turn.passage.ended(None)
    await alone.deciding.decide(HELLO)
    here, there = engine.decider.steering, alone.decider.steering
    assert here is not None
    assert there is not None
    assert second.selected_model == "cheap"
    assert here.ledger().amounts == pytest.approx(there.ledger().amounts)
    assert here.price == pytest.approx(there.price, rel=0.01)
    await engine.aclose()
    await alone.aclose()


@pytest.mark.parametrize("strict", [False, True])
async def test_a_query_that_no_model_may_answer_is_no_arrival(strict: bool) -> None:
    """A budget per day expects no more requests after queries whose limits nobody fits."""
    engine = await _engine(CountingTill(), goal=Goal(budget_per_day=0.5), clock=ManualClock(NOON))
    before = engine.decider.steering
    limits = QueryConstraints(min_quality=1.0) if strict else QueryConstraints(max_cost=1e-12)
    for _ in range(3):
        with pytest.raises(ConduitError):
            await engine.complete(Errand(query=Query("hello", constraints=limits), strict=strict))
    assert engine.decider.steering == before
    await engine.aclose()


async def test_the_query_s_user_pays_unless_another_is_named() -> None:
    """A user scope of the caller takes the place of the query's user."""
    till = CountingTill()
    engine = await _engine(till)
    ada, bob = Scope(ScopeKind.USER, "ada"), Scope(ScopeKind.USER, "bob")
    team = Scope(ScopeKind.TEAM, "poets")
    query = Query("hello", user_id="ada")
    await engine.complete(Errand(query=query))
    await engine.complete(Errand(query=query, scopes=(team,)))
    await engine.complete(Errand(query=query, scopes=(team, bob)))
    assert till.scopes == [(ada,), (team, ada), (team, bob)]
    await engine.aclose()


async def test_a_call_that_breaks_for_our_own_reasons_is_settled_and_not_logged() -> None:
    """A mistake in a client is no attempt at the model: the money is free again."""

    class Mistaken(ScriptedProvider):
        async def complete(self, request: ModelRequest) -> ModelReply:
            raise RuntimeError(f"never thought of {request.arm.provider}")

    heard: list[Event] = []
    till = CountingTill()
    engine = await _engine(till, client=Mistaken(), heard=heard)
    with pytest.raises(RuntimeError):
        await engine.complete(HELLO)
    assert [execution.cost for purse in till.purses for execution in purse.settled] == [0]
    assert [type(event) for event in heard] == [Decided, Failed]
    await engine.aclose()


async def test_a_question_is_remembered_with_the_decision_that_was_executed() -> None:
    """Decided twice is not asked twice: no answer is blamed before the question returns."""
    heard: list[Event] = []
    till = CountingTill({"cheap": [exceeded()]})
    engine = await _engine(till, heard=heard)
    errand = Errand(query=Query("What is rain?", user_id="ada"))
    first = await engine.complete(errand)
    retries = [
        change.observation
        for event in heard
        if isinstance(event, Learned)
        for change in event.changes
        if change.observation.signal is Signal.RETRY
    ]
    assert retries == []
    heard.clear()
    await engine.complete(replace(errand, query=Query("What is rain?", user_id="ada")))
    (blamed,) = (
        change.observation
        for event in heard
        if isinstance(event, Learned)
        for change in event.changes
        if change.observation.signal is Signal.RETRY
    )
    assert (blamed.decision_id, blamed.arm) == (first.decision_id, "middle")
    await engine.aclose()


async def test_what_is_left_must_still_do_what_was_asked() -> None:
    """Where only models without money satisfy a strict caller, the refusal is what stands in the way."""
    till = CountingTill({"dear": [exceeded()]})
    engine = await _engine(till, policy="thompson", seed=0)
    for _ in range(8):
        for model, rating in (("cheap", 1), ("middle", 1), ("dear", 5)):
            decision = await engine.route(replace(HELLO, models=[model]))
            await engine.feedback(decision.id, Feedback(rating=rating))
    wanting = Query("hello", constraints=QueryConstraints(min_quality=0.7))
    with pytest.raises(BudgetExceededError):
        await engine.complete(Errand(query=wanting, strict=True))
    assert till.asked == ["dear"]
    await engine.aclose()


async def test_where_only_failing_models_could_be_paid_the_refusal_is_raised() -> None:
    """A model that is left alone is no way out of a budget."""
    till = CountingTill({"cheap": [exceeded()]})
    client = ScriptedProvider(failures={"middle": [FailureKind.AUTHENTICATION]})
    engine = await _engine(till, client=client, clock=ManualClock())
    with pytest.raises(AllModelsFailedError):
        await engine.complete(replace(HELLO, models=["middle"]))
    with pytest.raises(BudgetExceededError):
        await engine.complete(replace(HELLO, models=["cheap", "middle"]))
    assert till.asked == ["middle", "cheap"]
    await engine.aclose()


async def test_models_that_begin_to_fail_in_between_are_asked_all_the_same() -> None:
    """When the refusal comes, the others are to be left alone: one of them is asked, once."""

    class Tripping(CountingTill):
        async def open(self, request: ModelRequest, *, decision_id: str) -> CountingPurse:
            if request.arm.id == "cheap":
                for name in ("middle", "dear"):
                    refused = ProviderError(FailureKind.AUTHENTICATION, model=name)
                    engine.deciding.breakers.enter(name).ended(refused)
            return await super().open(request, decision_id=decision_id)

    till = Tripping({"cheap": [exceeded()]})
    engine = await _engine(till, clock=ManualClock())
    assert (await engine.complete(HELLO)).model == "middle"
    assert till.asked == ["cheap", "middle"]
    await engine.aclose()
