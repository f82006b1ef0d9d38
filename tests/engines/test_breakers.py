"""Breakers: a model that keeps failing is not chosen for a while, then tried once."""

from __future__ import annotations

import asyncio
from itertools import islice, repeat

import pytest

from conduit.core.clocks import ManualClock
from conduit.core.errors import AllModelsFailedError, FailureKind, ProviderError
from conduit.core.models import Query, QueryConstraints
from conduit.core.outcomes import ModelReply
from conduit.engines.breakers import Breakers
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from tests.engines.builders import CHEAP, DEAR, router_of

REPLY = ModelReply(text="ok")


def _failure(kind: FailureKind = FailureKind.SERVER) -> ProviderError:
    return ProviderError(kind, model="cheap")


async def _fail(router: Router, times: int) -> None:
    for _ in range(times):
        with pytest.raises(AllModelsFailedError):
            await router.complete("hello", models=["cheap"])


async def test_a_model_that_keeps_failing_is_no_candidate_any_more() -> None:
    """After five failures in a row its propensity is 0, and the others' are what they were drawn with."""
    client = ScriptedProvider(failures={"cheap": repeat(FailureKind.TIMEOUT)})
    async with router_of(client=client, policy="random", clock=ManualClock()) as router:
        await _fail(router, 4)
        assert (await router.route("hello")).probabilities["cheap"] > 0
        await _fail(router, 1)
        decision = await router.route("hello")
    assert decision.probabilities == {"cheap": 0.0, "dear": 1.0}
    assert decision.fallback_chain == ()
    assert not decision.forced


async def test_one_call_tries_whether_the_model_is_back() -> None:
    """Of many requests after the wait one is the trial; when it is answered, all may come."""
    failures = [FailureKind.SERVER] * 5
    asked = asyncio.Event()

    async def wait(_: float) -> None:
        await asked.wait()

    clock = ManualClock()
    client = ScriptedProvider(failures={"cheap": failures}, latency={"cheap": 1.0}, sleep=wait)
    async with router_of(client=client, policy="cheapest", clock=clock) as router:
        asked.set()
        await _fail(router, 5)
        assert (await router.complete("hello")).model == "dear"
        clock.advance(300)
        asked.clear()
        crowd = [asyncio.create_task(router.complete(f"hello {n}")) for n in range(8)]
        async with asyncio.timeout(10):
            for answered in islice(asyncio.as_completed(crowd), 7):
                await answered
        asked.set()
        models = [response.model for response in await asyncio.gather(*crowd)]
        after = await router.complete("hello")
    assert sorted(models) == ["cheap", *["dear"] * 7]
    assert after.model == "cheap"


async def test_when_every_model_is_to_be_left_alone_none_is() -> None:
    """A router asks somebody, rather than nobody."""
    client = ScriptedProvider(
        failures={name: repeat(FailureKind.AUTHENTICATION) for name in ("cheap", "dear")}
    )
    async with router_of(client=client, policy="random", clock=ManualClock()) as router:
        with pytest.raises(AllModelsFailedError):
            await router.complete("hello")
        decision = await router.route("hello")
    assert decision.probabilities == {"cheap": 0.5, "dear": 0.5}


async def test_a_limit_on_cost_is_stronger_than_a_breaker() -> None:
    """Where only a failing model fits ``max_cost``, it is asked: the limit never gives way."""
    client = ScriptedProvider(failures={"cheap": [FailureKind.AUTHENTICATION]})
    query = Query("hello", constraints=QueryConstraints(max_cost=0.01))
    async with router_of(client=client, clock=ManualClock()) as router:
        await _fail(router, 1)
        assert (await router.route(query)).selected_model == "cheap"


async def test_a_forced_model_is_asked_whatever_its_breaker_says() -> None:
    """And when it answers, it is a candidate again."""
    client = ScriptedProvider(failures={"cheap": [FailureKind.AUTHENTICATION]})
    async with router_of(client=client, policy="cheapest", clock=ManualClock()) as router:
        await _fail(router, 1)
        assert (await router.complete("hello")).model == "dear"
        decision = await router.route("hello", models=["cheap"])
        assert decision.forced
        assert (await router.complete("hello", models=["cheap"])).model == "cheap"
        assert (await router.complete("hello")).model == "cheap"


async def test_retries_end_when_the_breaker_opens() -> None:
    """A model that has failed five times is not asked a sixth time, however patient one is."""
    client = ScriptedProvider(failures={"cheap": repeat(FailureKind.CONNECTION)})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with router_of(
        CHEAP,
        DEAR,
        client=client,
        policy="cheapest",
        clock=ManualClock(),
        settings=Settings(num_retries=9),
        sleep=sleep,
    ) as router:
        response = await router.complete("hello")
    assert [request.arm.id for request in client.requests] == ["cheap"] * 5 + ["dear"]
    assert (response.attempts, len(waits)) == (6, 4)


async def test_who_has_waited_asks_no_model_that_failed_meanwhile() -> None:
    """A breaker that opens during the wait that a server asked for sends to the next model."""
    busy = ProviderError(FailureKind.RATE_LIMIT, model="cheap", retry_after=2.5)
    client = ScriptedProvider("ok", failures={"cheap": [busy, FailureKind.AUTHENTICATION]})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await _fail(router, 1)

    async with router_of(
        client=client, policy="cheapest", clock=ManualClock(), settings=Settings(), sleep=sleep
    ) as router:
        response = await router.complete("hello")
    assert [request.arm.id for request in client.requests] == ["cheap", "cheap", "dear"]
    assert (response.model, waits) == ("dear", [2.5])


def test_a_refused_request_says_nothing_of_the_model() -> None:
    """Bad requests, withheld and empty answers neither open a breaker nor close one."""
    clock = ManualClock()
    breakers = Breakers(clock)
    for kind in (FailureKind.BAD_REQUEST, FailureKind.CONTENT_FILTER, FailureKind.EMPTY) * 9:
        breakers.enter("cheap").ended(_failure(kind))
    assert breakers.closed_to() == frozenset()
    breakers.enter("cheap").ended(_failure(FailureKind.AUTHENTICATION))
    clock.advance(300)
    breakers.enter("cheap").ended(_failure(FailureKind.BAD_REQUEST))
    assert breakers.closed_to() == frozenset()
    trial = breakers.enter("cheap")
    assert breakers.closed_to() == {"cheap"}
    trial.ended(REPLY)
    assert breakers.closed_to() == frozenset()


def test_a_refused_key_opens_at_once() -> None:
    """The next call would be refused as well."""
    breakers = Breakers(ManualClock())
    breakers.enter("cheap").ended(_failure(FailureKind.AUTHENTICATION))
    assert breakers.closed_to() == {"cheap"}


@pytest.mark.parametrize("status", [402, 403])
def test_what_one_request_may_be_refused_for_counts_like_a_failure(status: int) -> None:
    """Too little credit for this answer, a model that may not be asked this: five in a row open it."""
    breakers = Breakers(ManualClock())
    for _ in range(4):
        refused = ProviderError(FailureKind.AUTHENTICATION, model="cheap", status=status)
        breakers.enter("cheap").ended(refused)
        assert breakers.closed_to() == frozenset()
    breakers.enter("cheap").ended(refused)
    assert breakers.closed_to() == {"cheap"}


def test_a_call_is_judged_once() -> None:
    """What is said of it later changes nothing."""
    breakers = Breakers(ManualClock())
    passage = breakers.enter("cheap")
    passage.ended(REPLY)
    for _ in range(9):
        passage.ended(_failure())
    assert breakers.closed_to() == frozenset()
