"""Execution: fallbacks, what is learned from them, and who is credited."""

from __future__ import annotations

import asyncio
from itertools import repeat

import pytest

from conduit.bandits.steering import BudgetPerRequest
from conduit.core.arms import Arm
from conduit.core.clocks import ManualClock
from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.events import Completed, Decided, Event, Executed, Learned
from conduit.core.models import Query
from conduit.core.outcomes import Head, ModelReply, Signal
from conduit.engines.fallback import fallback_plan
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from tests.engines.builders import CHEAP, DEAR, router_of


def test_a_plan_tries_each_model_once_and_returns_the_one_that_served() -> None:
    """The plan is a generator without I/O: failures in, the next attempt out."""
    plan = fallback_plan(["a", "b", "c"])
    assert next(plan).arm == "a"
    assert plan.send(ProviderError(FailureKind.SERVER, model="a")).arm == "b"
    with pytest.raises(StopIteration) as stop:
        plan.send(ModelReply(text="hello"))
    assert (stop.value.value.attempt.number, stop.value.value.attempt.arm) == (2, "b")


async def test_a_failing_model_is_followed_by_the_next_of_the_chain() -> None:
    """The answer comes from the fallback, and the response says so."""
    client = ScriptedProvider("ok", failures={"cheap": repeat(FailureKind.SERVER)})
    async with router_of(client=client, policy="fixed:cheap") as router:
        with pytest.raises(AllModelsFailedError):
            await router.complete("hello")
    async with router_of(client=client, policy="cheapest") as router:
        response = await router.complete("hello")
    assert (response.model, response.provider, response.attempts) == ("dear", "other", 2)


async def test_when_all_fail_the_error_names_every_failure() -> None:
    """Nothing is hidden: each model's failure is in the message and in the log."""
    store = MemoryStore()
    client = ScriptedProvider(
        failures={"cheap": [FailureKind.TIMEOUT], "dear": [FailureKind.RATE_LIMIT]}
    )
    decided: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Decided):
            decided.append(event.decision.id)

    async with router_of(client=client, store=store, subscribers=[note]) as router:
        with pytest.raises(AllModelsFailedError, match=r"timeout.*rate_limit|rate_limit.*timeout"):
            await router.complete("hello")
        logged = await store.executions(decided[0])
    assert {e.failure for e in logged} == {FailureKind.TIMEOUT, FailureKind.RATE_LIMIT}


async def test_a_rating_is_credited_to_the_model_that_served() -> None:
    """After a fallback, the chosen but failed model gets no rating."""
    client = ScriptedProvider(failures={"cheap": [FailureKind.SERVER]})
    async with router_of(client=client, policy="cheapest") as router:
        response = await router.complete("hello")
        (change,) = await router.feedback(response.decision_id, rating=5)
    assert change.observation.arm == "dear"


async def test_errors_lower_availability_and_success_raises_it() -> None:
    """A model that keeps failing is chosen less, without any rating."""
    client = ScriptedProvider(failures={"cheap": repeat(FailureKind.SERVER)})
    async with router_of(client=client, seed=0) as router:
        before = (await router.route("hello")).probabilities["cheap"]
        for _ in range(30):
            await router.complete("hello", models=["cheap", "dear"])
        after = (await router.route("hello")).probabilities["cheap"]
    assert after < before / 2


async def test_unmeasured_latency_is_no_observation() -> None:
    """Missing latency is not zero: the latency head stays empty and estimates say None."""
    seen: list[Signal] = []

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            seen.extend(change.observation.signal for change in event.changes)

    async with router_of(client=ScriptedProvider(latency=None), subscribers=[note]) as router:
        response = await router.complete("hello")
        decision = await router.route("hello")
    assert response.latency is None
    assert Signal.LATENCY not in seen
    assert all(estimate.latency is None for estimate in decision.estimates.values())


async def test_measured_latency_is_learned() -> None:
    """The estimate moves towards what was measured."""
    async with router_of(CHEAP, client=ScriptedProvider(latency=8.0)) as router:
        for _ in range(20):
            await router.complete("hello")
        latency = (await router.route("hello")).estimates["cheap"].latency
    assert latency == pytest.approx(8.0, rel=0.2)


async def test_an_answer_that_is_a_bare_error_body_counts_as_a_failure() -> None:
    """A gateway's error sent with status 200 moves on to the next model."""
    body = '{"error": {"message": "upstream", "type": "server_error", "code": 500}}'
    client = ScriptedProvider(lambda request: body if request.arm.id == "cheap" else "fine")
    async with router_of(client=client, policy="cheapest") as router:
        response = await router.complete("hello")
    assert (response.text, response.attempts) == ("fine", 2)


async def test_a_short_answer_is_an_answer() -> None:
    """4 is a good answer to "What is 2+2?"."""
    async with router_of(client=ScriptedProvider("4"), policy="cheapest") as router:
        response = await router.complete("What is 2+2?")
    assert (response.text, response.attempts) == ("4", 1)


async def test_a_repeated_question_counts_against_the_earlier_answer() -> None:
    """The retry blames the model that answered first, not the one that answers now."""
    learned: list[tuple[Signal, str, str]] = []

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            learned.extend(
                (c.observation.signal, c.observation.arm, c.observation.decision_id)
                for c in event.changes
            )

    clock = ManualClock(1000.0)
    async with router_of(subscribers=[note], clock=clock) as router:
        first = await router.complete(Query("What is rain?", user_id="ada"), models=["dear"])
        clock.advance(60)
        await router.complete(Query("What is rain?", user_id="ada"), models=["cheap"])
        clock.advance(301)
        await router.complete(Query("What is rain?", user_id="ada"), models=["cheap"])
        await router.complete(Query("What is rain?", user_id="bob"), models=["cheap"])
    retries = [entry for entry in learned if entry[0] is Signal.RETRY]
    assert retries == [(Signal.RETRY, "dear", first.decision_id)]


async def test_who_never_answered_is_not_blamed_for_a_repeated_question() -> None:
    """In an outage people ask again: that says nothing of the quality of a model that gave no answer."""
    learned: list[Signal] = []

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            learned.extend(change.observation.signal for change in event.changes)

    failing = ScriptedProvider(failures={"cheap": repeat(FailureKind.SERVER)})
    asked = Query("What is rain?", user_id="ada")
    settings = Settings(num_retries=0)
    async with router_of(client=failing, subscribers=[note], settings=settings) as router:
        for _ in range(3):
            with pytest.raises(AllModelsFailedError):
                await router.complete(asked, models=["cheap"])
    assert Signal.ERROR in learned
    assert Signal.RETRY not in learned


async def test_a_call_under_way_is_not_blamed_for_a_repeated_question() -> None:
    """Who asks twice before the first answer is there has found nothing wanting in it."""
    learned: list[Signal] = []

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            learned.extend(change.observation.signal for change in event.changes)

    asked = Query("What is rain?", user_id="ada")
    together = asyncio.Barrier(3)
    slow = ScriptedProvider("rain", latency=1.0, sleep=lambda _: together.wait())
    async with router_of(client=slow, subscribers=[note]) as router:
        await asyncio.gather(*(router.complete(asked, models=["cheap"]) for _ in range(3)))
    assert Signal.TOKENS in learned
    assert Signal.RETRY not in learned


async def test_savings_are_measured_against_the_named_baseline() -> None:
    """The same tokens are priced at both models."""
    async with router_of(policy="fixed:cheap", baseline="dear") as router:
        response = await router.complete("hello there")
    tokens = {
        "input_tokens": response.input_tokens or 0,
        "output_tokens": response.output_tokens or 0,
    }
    assert CHEAP.price is not None
    assert DEAR.price is not None
    assert response.base_model == "dear"
    assert response.cost == pytest.approx(CHEAP.price.cost(**tokens))
    assert response.base_cost == pytest.approx(DEAR.price.cost(**tokens))
    assert response.savings == pytest.approx(response.base_cost - response.cost)


async def test_many_tasks_share_one_router_and_lose_nothing() -> None:
    """64 concurrent completions give 64 decisions, each rated once."""
    store = MemoryStore()
    async with router_of(
        store=store, client=ScriptedProvider(sleep=asyncio.sleep, latency=0.01)
    ) as router:
        responses = await asyncio.gather(*(router.complete(f"prompt {n}") for n in range(64)))
        await asyncio.gather(*(router.feedback(r.decision_id, rating=4) for r in responses))
        assert len({r.decision_id for r in responses}) == 64
        state = await store.load()
    ratings = sum(s.count for (_, head), s in state.statistics.items() if head == Head.QUALITY)
    assert ratings == 64


async def test_a_cancelled_call_leaves_the_router_usable() -> None:
    """Cancellation reaches the model call, and the next query works."""
    called = asyncio.Event()

    async def hang(seconds: float) -> None:
        called.set()
        await asyncio.sleep(seconds)

    async with router_of(client=ScriptedProvider(sleep=hang, latency=30.0)) as router:
        task = asyncio.create_task(router.complete("hello"))
        await called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await router.route("hello")).selected_model in {"cheap", "dear"}


async def test_subscribers_hear_of_everything_in_order() -> None:
    """Decided, executed, learned, completed: one frozen event each."""
    kinds: list[type[Event]] = []
    async with router_of(subscribers=[lambda event: kinds.append(type(event))]) as router:
        await router.complete("hello")
    assert kinds == [Decided, Executed, Learned, Completed]


async def test_failed_attempts_that_were_billed_are_paid() -> None:
    """An empty answer costs what its tokens cost, and the response's cost includes it."""
    billed = ProviderError(FailureKind.EMPTY, model="cheap", input_tokens=1000, output_tokens=0)
    client = ScriptedProvider("ok", failures={"cheap": [billed]})
    async with router_of(client=client, policy="cheapest") as router:
        response = await router.complete("hello")
    assert CHEAP.price is not None
    assert DEAR.price is not None
    wasted = CHEAP.price.cost(input_tokens=1000, output_tokens=0)
    served = DEAR.price.cost(
        input_tokens=response.input_tokens or 0, output_tokens=response.output_tokens or 0
    )
    assert response.cost == pytest.approx(wasted + served)


async def test_a_model_without_a_price_learns_its_cost_from_what_it_charged() -> None:
    """Where the client knows the cost, tokens beside it do not hide it."""
    arm = Arm(id="recorded", provider="archive")
    client = ScriptedProvider(
        lambda _: ModelReply(text="ok", input_tokens=10, output_tokens=20, cost=1e-4)
    )
    async with router_of(arm, client=client) as router:
        for _ in range(40):
            await router.complete("hello")
        estimate = (await router.route("hello")).estimates["recorded"]
    assert estimate.cost == pytest.approx(1e-4, rel=0.2)


async def test_tokens_that_a_server_did_not_count_are_estimated_not_free() -> None:
    """An answer without usage is priced from its text."""
    client = ScriptedProvider(lambda _: ModelReply(text="word " * 100))
    async with router_of(client=client, policy="fixed:dear") as router:
        response = await router.complete("hello")
    assert DEAR.price is not None
    assert response.cost > DEAR.price.cost(input_tokens=0, output_tokens=50)


async def test_a_cost_that_the_caller_reports_settles_the_budget() -> None:
    """Feedback with a cost replaces what the pacer expected, once."""
    async with router_of(budget=0.01, policy="fixed:cheap") as router:
        engine = await router.open()
        decision = await router.route("hello")
        await router.feedback(decision.id, cost=0.5)
        await router.feedback(decision.id, cost=0.5)
        steering = engine.decider.steering
        assert isinstance(steering, BudgetPerRequest)
        assert steering.pacer.spent == pytest.approx(0.5)


async def test_a_transient_failure_is_tried_again_on_the_same_model() -> None:
    """After the wait that the server asked for; availability learns the last word only."""
    learned: list[float] = []
    waits: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Learned):
            seen = (change.observation for change in event.changes)
            learned.extend(it.value for it in seen if it.signal is Signal.ERROR)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    busy = ProviderError(FailureKind.RATE_LIMIT, model="cheap", retry_after=2.5)
    store = MemoryStore()
    async with router_of(
        client=ScriptedProvider("ok", failures={"cheap": [busy]}),
        policy="cheapest",
        store=store,
        settings=Settings(),
        sleep=sleep,
        subscribers=[note],
    ) as router:
        response = await router.complete("hello")
        state = await store.load()
    assert (response.model, response.attempts, waits) == ("cheap", 2, [2.5])
    assert learned == [0, 1]
    assert state.statistics["cheap", Head.AVAILABILITY].count == 1


async def test_a_model_that_is_alone_is_asked_again_for_an_empty_answer() -> None:
    """As often as the setting says; the error tells every failure once."""
    client = ScriptedProvider(" ")
    async with router_of(client=client, settings=Settings(app_retries=2)) as router:
        with pytest.raises(AllModelsFailedError, match="all 1 models failed: cheap failed") as all_:
            await router.complete("hello", models=["cheap"])
    assert len(client.requests) == len(all_.value.failures) == 3
    assert str(all_.value).count("cheap failed") == 1
