"""The contract of reading the log back, for every store."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from conduit.core.errors import FailureKind
from conduit.core.log import LoggedDecision
from conduit.core.outcomes import CANCELLED, Head, Signal
from conduit.core.ports import Store
from conduit.stores import sql_reading
from tests.stores.builders import ARMS, a_decision, an_execution, an_observation


async def read(store: Store) -> list[LoggedDecision]:
    return [logged async for logged in store.log()]


async def test_an_empty_store_has_an_empty_log(store: Store) -> None:
    """Nothing was decided, so nothing is read."""
    assert await read(store) == []


@pytest.mark.parametrize("decisions", [1, 6, 7, 8])
async def test_every_decision_is_read_once(
    store: Store, decisions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of pages, each decision comes once, and again in the same order."""
    small = 3
    monkeypatch.setattr(sql_reading, "_FIRST", sql_reading._FIRST.limit(small))
    monkeypatch.setattr(sql_reading, "_NEXT", sql_reading._NEXT.limit(small))
    for number in range(decisions):
        await store.add_decision(a_decision(number))
    ids = [logged.decision.id for logged in await read(store)]
    assert sorted(ids) == sorted(a_decision(number).id for number in range(decisions))
    assert ids == [logged.decision.id for logged in await read(store)]


async def test_what_followed_comes_with_its_decision(store: Store) -> None:
    """Attempts in their order and the latest observations, each with the decision it belongs to."""
    for number in (1, 2):
        await store.add_decision(a_decision(number))
    failed = an_execution(2, 1, failure=FailureKind.TIMEOUT)
    answered = an_execution(2, 2, arm=ARMS[1])
    for execution in (answered, failed):
        await store.add_execution(execution)
    await store.observe([an_observation(2, 0.2, arm=ARMS[1]), an_observation(1, 0.4)])
    await store.observe([an_observation(2, 0.9, arm=ARMS[1])])
    log = {logged.decision.id: logged for logged in await read(store)}
    first, second = log[a_decision(1).id], log[a_decision(2).id]
    assert (first.executions, first.observations) == ((), (an_observation(1, 0.4),))
    assert second.executions == (failed, answered)
    assert second.observations == (an_observation(2, 0.9, arm=ARMS[1]),)
    assert second.decision.probabilities == a_decision(2).probabilities


async def test_decisions_made_while_reading_disturb_nothing(store: Store) -> None:
    """A reader sees each decision that was there at the start exactly once."""
    for number in (1, 2, 3):
        await store.add_decision(a_decision(number))
    ids = []
    async for logged in store.log():
        ids.append(logged.decision.id)
        if len(ids) == 1:
            await store.add_decision(a_decision(9))
    assert len(ids) == len(set(ids))
    assert {a_decision(number).id for number in (1, 2, 3)} <= set(ids)


def test_who_served_and_what_it_cost() -> None:
    """Attempts are all paid, the last that answered served, and without attempts the caller's word counts."""
    decision = a_decision()
    failed = an_execution(1, 1, failure=FailureKind.SERVER, cost=0.5)
    logged = LoggedDecision(
        decision=decision,
        executions=(failed, an_execution(1, 2, arm=ARMS[1], cost=0.25)),
        observations=(an_observation(1, 0.1), an_observation(1, 0.7, arm=ARMS[1])),
    )
    assert (logged.served_arm, logged.attempts, logged.cost) == (ARMS[1], 2, 0.75)
    assert logged.rating == an_observation(1, 0.7, arm=ARMS[1])
    assert replace(logged, executions=(failed,)).served_arm is None
    assert replace(logged, executions=(failed,)).rating is None
    reported = an_observation(1, math.log(0.02), signal=Signal.COST, head=Head.LOG_COST)
    told = LoggedDecision(decision=decision, observations=(reported,))
    assert (told.served_arm, told.rating) == (decision.selected_model, None)
    assert told.cost == pytest.approx(0.02)
    elsewhere = LoggedDecision(decision=decision, observations=(an_observation(arm="another"),))
    assert elsewhere.served_arm == "another"
    assert LoggedDecision(decision=decision).cost is None
    left = replace(logged, executions=(an_execution(1, 1, finish_reason=CANCELLED, cost=0.5),))
    assert (left.served_arm, left.cost) == (None, 0.5)
