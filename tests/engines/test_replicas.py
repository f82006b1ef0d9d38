"""Replicas: processes on one database come to know the same, and go on without it for a while."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from conduit.cache.bell import MemoryBell
from conduit.cache.redis_bell import RedisBell
from conduit.core.arms import Arm, Price
from conduit.core.clocks import ManualClock
from conduit.core.decisions import Decision
from conduit.core.errors import (
    ConduitError,
    ConfigurationError,
    StoreError,
    UnknownDecisionError,
)
from conduit.core.models import Query
from conduit.core.outcomes import Head, Observation
from conduit.core.sharing import Folded, Pulse
from conduit.core.statistics import SufficientStatistics
from conduit.engines import learner as learner_module
from conduit.engines import replica
from conduit.engines.learner import Learner
from conduit.engines.router import Router
from conduit.engines.shared_portfolio import SharedPortfolio
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from experiments.servers.redis import Redis
from tests.engines.builders import CHEAP, DEAR, labelled_queries, router_of
from tests.stores.conftest import Maker, makers, new_database

__all__ = ["makers"]

OLD = Arm(id="old", provider="local", price=Price(input=1.0, output=4.0))
DEARER = Price(input=6.0, output=30.0)
NEW = Arm(id="new", provider="local", price=Price(input=1.0, output=5.0))


@asynccontextmanager
async def replicas(path: Path, count: int = 2, **options: object) -> AsyncIterator[list[Router]]:
    """Routers of their own stores on one database."""
    routers = [router_of(store=SQLStore(path), **options) for _ in range(count)]
    try:
        for router in routers:
            await router.open()
        yield routers
    finally:
        for router in routers:
            await router.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_database(tmp_path / "conduit.db")


class Reader:
    """Reads a database beside those who use it."""

    def __init__(self, path: Path) -> None:
        self._store = SQLStore(path)

    async def edits(self) -> list[tuple[str, str]]:
        await self._store.open()
        found = [(edit.action, edit.subject) for edit in await self._store.edits()]
        await self._store.close()
        return found

    async def sums(self, arm: str, head: Head) -> SufficientStatistics:
        await self._store.open()
        state = await self._store.load()
        await self._store.close()
        return state.statistics[arm, head.value]


async def looked(router: Router) -> None:
    """Have a replica look at the store now; written first, what is known there."""
    engine = await router.open()
    await engine.learner.journal.flush()
    await engine.replica.look()


async def believed(router: Router, model: str) -> float:
    """Expected quality of a model."""
    decision = await router.route("how good is it?")
    return decision.estimates[model].mean


async def test_each_learns_what_the_other_is_told(path: Path) -> None:
    """Ratings given to one process change what the other believes, without being asked to look."""
    async with replicas(path) as (one, other):
        before = await believed(other, "cheap")
        for _ in range(8):
            decision = await one.route("a question", models=["cheap"])
            await one.feedback(decision.id, quality_score=0.1)
        told = await believed(one, "cheap")
        assert told < before - 0.1
        await looked(one)
        await looked(other)
        assert await believed(other, "cheap") == pytest.approx(await believed(one, "cheap"))


async def test_nobody_has_to_ask(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica looks by itself: what another is told arrives without anything being done here."""
    refresh, arrived = Learner.refresh, asyncio.Event()

    async def refreshed(learner: Learner) -> None:
        await refresh(learner)
        arrived.set()

    async with replicas(path) as (one, other):
        before = await believed(other, "cheap")
        monkeypatch.setattr(Learner, "refresh", refreshed)
        decision = await one.route("a question", models=["cheap"])
        await one.feedback(decision.id, quality_score=0.1)
        async with asyncio.timeout(20):  # what was there before may arrive first
            while await believed(other, "cheap") >= before:
                await arrived.wait()
                arrived.clear()


async def acquainted(one: Router, other: Router) -> None:
    """Have two processes seen each other learn."""
    for router in (one, other):
        decision = await router.route("a question", models=["dear"])
        await router.feedback(decision.id, quality_score=0.8)
    for router in (one, other, one):
        await looked(router)


@pytest.mark.parametrize("early", [True, False])
async def test_an_early_decision_knows_what_another_process_was_just_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """While next to nothing is known it looks first; later what is known a moment ago will do."""
    monkeypatch.setattr(replica, "EVERY", 600.0)
    monkeypatch.setattr(replica, "FRESH", 0.0)
    monkeypatch.setattr(replica, "PATIENCE", 60.0)
    async with replicas(path) as (one, other):
        await acquainted(one, other)
        before = await believed(other, "cheap")
        monkeypatch.setattr(replica, "EARLY", 100 if early else 2)
        for _ in range(4):
            decision = await one.route("a question", models=["cheap"])
            await one.feedback(decision.id, quality_score=0.1)
        after = await believed(other, "cheap")
        assert (after < before - 0.1) is early


async def test_a_decision_waits_a_moment_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs holds up no decision for longer, and the look goes on for the next one."""
    monkeypatch.setattr(replica, "EVERY", 600.0)
    monkeypatch.setattr(replica, "FRESH", 0.0)
    async with replicas(path) as (one, other):
        await acquainted(one, other)
        pulse, hang, asked = SQLStore.pulse, asyncio.Event(), []

        async def slow(store: SQLStore) -> object:
            asked.append(store)
            await hang.wait()
            return await pulse(store)

        with monkeypatch.context() as patch:
            patch.setattr(SQLStore, "pulse", slow)
            await asyncio.wait_for(other.route("a question"), 20)
            await asyncio.wait_for(other.route("a question"), 20)
            assert len(asked) == 1
            hang.set()
            await looked(other)


async def test_a_fault_of_a_look_before_a_decision_is_said_as_what_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The decision is made all the same, and the process goes on keeping up."""
    monkeypatch.setattr(replica, "EVERY", 600.0)
    monkeypatch.setattr(replica, "FRESH", 0.0)
    monkeypatch.setattr(replica, "PATIENCE", 60.0)

    async def fail(_: SQLStore) -> Pulse:
        raise RuntimeError("a fault")

    async with replicas(path) as (one, other):
        await acquainted(one, other)
        with monkeypatch.context() as patch:
            patch.setattr(SQLStore, "pulse", fail)
            assert (await other.route("a question")).selected_model
        assert (await other.open()).replica.is_running
    (said,) = caplog.records
    assert said.getMessage() == "a decision was made without what others learned just before it"
    assert said.exc_info is not None


async def test_who_is_alone_waits_for_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has seen no other learn looks at the store for no decision."""
    monkeypatch.setattr(replica, "EVERY", 600.0)
    monkeypatch.setattr(replica, "FRESH", 0.0)
    monkeypatch.setattr(replica, "PATIENCE", 60.0)
    pulse, asked = SQLStore.pulse, []

    async def noted(store: SQLStore) -> Pulse:
        asked.append(store)
        return await pulse(store)

    async with replicas(path, count=1) as (router,):
        decision = await router.route("a question")
        await router.feedback(decision.id, rating=5)
        await looked(router)

        with monkeypatch.context() as patch:
            patch.setattr(SQLStore, "pulse", noted)
            await router.route("a question")
        assert asked == []


async def test_with_redis_it_arrives_at_once(
    path: Path, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where processes hear each other's bell, nobody waits for the next look."""
    monkeypatch.setattr(replica, "EVERY", 600.0)
    refresh, arrived = Learner.refresh, asyncio.Event()

    async def refreshed(learner: Learner) -> None:
        await refresh(learner)
        arrived.set()

    async with replicas(path, redis_url=redis_server.url) as (one, other):
        before = await believed(other, "cheap")
        monkeypatch.setattr(Learner, "refresh", refreshed)
        for _ in range(100):  # a ring before the other has begun to listen is lost
            decision = await one.route("a question", models=["cheap"])
            await one.feedback(decision.id, quality_score=0.1)
            with suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), 0.2)
            arrived.clear()
            if await believed(other, "cheap") < before:
                return
        pytest.fail("a hundred rings were not heard")


@pytest.mark.parametrize("moments", range(5))
async def test_closing_ends_a_look_that_a_ring_has_just_begun(path: Path, moments: int) -> None:
    """However soon after the ring it comes, the cancellation is not lost and closing does not wait."""
    bell = MemoryBell()
    async with replicas(path, count=1, bell=bell.peer()) as (router,):
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
            await bell.ring(replica.CHANGED)
            for _ in range(moments):
                await asyncio.sleep(0)
            await router.aclose()


async def test_feedback_may_go_to_any_process(path: Path) -> None:
    """A decision of one process is rated through another, and counts once."""
    async with replicas(path) as (one, other):
        decision = await one.route("a question")
        await looked(one)
        assert len(await other.feedback(decision.id, rating=5)) == 1
        assert await one.feedback(decision.id, rating=5) == ()


async def test_models_come_go_and_change_price_for_all(path: Path) -> None:
    """What one process adds, removes or prices anew, the others choose among; and who did it is known."""
    async with replicas(path) as (one, other):
        await one.add_model(NEW)
        await looked(other)
        assert other.arms == (CHEAP, DEAR, NEW)
        await other.set_price("new", Price(input=2.0, output=9.0))
        await other.remove_model("dear")
        await looked(one)
        assert one.arms == other.arms
        assert [arm.id for arm in one.arms] == ["cheap", "new"]
        assert one.arms[1].price == Price(input=2.0, output=9.0)
        assert await Reader(path).edits() == [
            ("remove_model", "dear"),
            ("set_price", "new"),
            ("add_model", "new"),
        ]


async def test_edits_that_cross_arrive_everywhere(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit that was made upon one that its maker had not seen yet hides it from nobody."""
    async with replicas(path) as (one, other):
        add = SharedPortfolio.add

        async def late(shared: SharedPortfolio, arm: Arm) -> None:
            monkeypatch.setattr(SharedPortfolio, "add", add)
            await other.add_model(OLD)
            await add(shared, arm)

        monkeypatch.setattr(SharedPortfolio, "add", late)
        await one.add_model(NEW)
        for router in (one, other):
            await looked(router)
        assert {arm.id for arm in one.arms} == {"cheap", "dear", "new", "old"}
        assert one.arms == other.arms


@pytest.mark.parametrize("failing", ["load", "shift"])
async def test_models_are_followed_once_that_is_possible(
    path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A store that fails in the midst of an edit, here or elsewhere, leaves nobody behind."""

    async def cut(*_: object, **__: object) -> None:
        raise StoreError("the connection was cut", remedy="mend it")

    async with replicas(path) as (one, other):
        decision = await one.route("a question", models=["dear"])
        await one.feedback(decision.id, cost=0.02)
        if failing == "load":
            await one.set_price("dear", DEARER)
        with monkeypatch.context() as patch:
            patch.setattr(SQLStore, failing, cut)
            with pytest.raises(StoreError, match="cut"):
                await (looked(other) if failing == "load" else one.set_price("dear", DEARER))
        for router in (one, other):
            await looked(router)
            assert router.arms[1].price == DEARER


async def test_a_change_that_cannot_be_followed_stops_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has no labels for a model that others add says so, and goes on learning from them."""
    labels = labelled_queries("cheap", "dear")
    async with (
        replicas(path, count=1) as (one,),
        replicas(path, count=1, policy="knn", neighbours=labels) as (other,),
    ):
        await one.add_model(NEW)
        decision = await one.route("a question")
        await one.feedback(decision.id, quality_score=0.1)
        await looked(one)
        await looked(other)
        await looked(other)
        assert other.arms == (CHEAP, DEAR)
        assert "cannot be done here" in caplog.text
        learner = (await other.open()).learner
        assert learner.version == (await one.open()).learner.version


async def test_who_changed_a_budget_is_on_record(path: Path) -> None:
    """A process that starts with another goal is an edit; one with the same goal is none."""
    for budget in (None, 1e-3, 1e-3, 2e-3):
        async with replicas(path, count=1, budget=budget):
            pass
    assert await Reader(path).edits() == [("set_goal", "budget"), ("set_goal", "budget")]


async def test_changes_outlive_a_restart(path: Path) -> None:
    """A router made later with the old configuration has the models and prices of today."""
    async with replicas(path, count=1) as (router,):
        await router.add_model(NEW)
        await router.remove_model("dear")
        await router.set_price("cheap", Price(input=0.2, output=0.8))
    async with replicas(path, count=1) as (router,):
        assert [arm.id for arm in router.arms] == ["cheap", "new"]
        assert router.arms[0].price == Price(input=0.2, output=0.8)
        assert await router.add_model(DEAR) == DEAR
    async with replicas(path, count=1) as (router,):
        assert {arm.id for arm in router.arms} == {"cheap", "new", "dear"}


async def test_a_price_is_changed_for_what_was_paid_before_once(path: Path) -> None:
    """However many processes hear of a new price, past costs are shifted once."""
    async with replicas(path, count=3) as routers:
        one = routers[0]
        for turn in range(6):
            decision = await one.route(f"question {turn}", models=["dear"])
            await one.feedback(decision.id, quality_score=0.9, cost=0.02)
        for router in routers:
            await looked(router)
        await one.set_price("dear", Price(input=6.0, output=30.0))
        for router in (*routers, *routers):
            await looked(router)
        costs = [(await router.route("x")).estimates["dear"].cost for router in routers]
        assert costs == pytest.approx([costs[0]] * 3, rel=1e-6)
    sums = await Reader(path).sums("dear", Head.LOG_COST)
    assert sums.b[0] / sums.A[0, 0] == pytest.approx(math.log(2 * 0.02))


async def test_two_that_price_a_model_at_once_shift_its_costs_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is second shifts from the price of who was first, and that is the price on record."""
    async with replicas(path) as (one, other):
        for turn in range(6):
            decision = await one.route(f"question {turn}", models=["dear"])
            await one.feedback(decision.id, quality_score=0.9, cost=0.02)
        for router in (one, other):
            await looked(router)
        built = Learner.built
        second = (await other.open()).learner

        async def after_the_first(learner: Learner, *given: Any, **named: Any) -> Any:
            if learner is second:
                monkeypatch.setattr(Learner, "built", built)
                await one.set_price("dear", DEARER)
            return await built(learner, *given, **named)

        monkeypatch.setattr(Learner, "built", after_the_first)
        await other.set_price("dear", Price(input=12.0, output=60.0))
        for router in (one, other):
            await looked(router)
            assert router.arms[1].price == Price(input=12.0, output=60.0)
    sums = await Reader(path).sums("dear", Head.LOG_COST)
    assert sums.b[0] / sums.A[0, 0] == pytest.approx(math.log(4 * 0.02))
    store = SQLStore(path)
    await store.open()
    last = (await store.edits())[0]
    await store.close()
    assert (last.before, last.after) == (
        {"input": 6.0, "output": 30.0},
        {"input": 12.0, "output": 60.0},
    )


async def test_what_a_new_price_did_not_shift_is_shifted_when_it_is_set_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that goes away between price and costs is said; the same price, set again, is made whole."""
    async with replicas(path, count=1) as (one,):
        for turn in range(6):
            decision = await one.route(f"question {turn}", models=["dear"])
            await one.feedback(decision.id, quality_score=0.9, cost=0.02)

        async def cut(*_: object, **__: object) -> None:
            raise StoreError("cut")

        with monkeypatch.context() as patch:
            patch.setattr(SQLStore, "shift", cut)
            with pytest.raises(StoreError, match="not shifted to it yet: cut; set the same price"):
                await one.set_price("dear", DEARER)
        await looked(one)
        for _ in range(2):
            await one.set_price("dear", DEARER)
    sums = await Reader(path).sums("dear", Head.LOG_COST)
    assert sums.b[0] / sums.A[0, 0] == pytest.approx(math.log(2 * 0.02))


async def test_a_shift_whose_answer_alone_was_lost_is_not_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows the advice to set the price again shifts past costs once, by another price too."""
    async with replicas(path, count=1) as (one,):
        for turn in range(6):
            decision = await one.route(f"question {turn}", models=["dear"])
            await one.feedback(decision.id, quality_score=0.9, cost=0.02)
        done = SQLStore.shift

        async def lost(store: SQLStore, *given: Any, **named: Any) -> None:
            await done(store, *given, **named)
            raise StoreError("cut")

        for price in (DEARER, Price(input=12.0, output=60.0)):
            with monkeypatch.context() as patch:
                patch.setattr(SQLStore, "shift", lost)
                with pytest.raises(StoreError, match="set the same price once more"):
                    await one.set_price("dear", price)
        await one.set_price("dear", Price(input=12.0, output=60.0))
    sums = await Reader(path).sums("dear", Head.LOG_COST)
    assert sums.b[0] / sums.A[0, 0] == pytest.approx(math.log(4 * 0.02))


async def test_one_budget_is_kept_by_all(path: Path) -> None:
    """What one process spends, the other knows to be gone: spending and requests are the sums."""
    async with replicas(path, budget=1e-3) as (one, other):
        for router in (one, other, one):
            decision = await router.route("a question", models=["dear"])
            await router.feedback(decision.id, cost=0.25)
        for router in (one, other) * 5:  # who finds another telling leaves it to the next look
            await looked(router)
        ledgers = [(await router.open()).decider.steering.ledger() for router in (one, other)]
        assert ledgers[0].amounts["spent"] == pytest.approx(0.75)
        assert ledgers[0].amounts["requests"] == 3
        assert ledgers[1].amounts == pytest.approx(dict(ledgers[0].amounts))
        assert ledgers[1].price == pytest.approx(ledgers[0].price)
    async with replicas(path, count=1, budget=1e-3) as (later,):
        assert (await later.open()).decider.steering.ledger().amounts["spent"] == pytest.approx(
            0.75
        )


async def test_one_budget_per_day_is_kept_by_all_and_after_a_restart(path: Path) -> None:
    """What was spent today is known to the other process and to the next, and grants nothing twice."""
    clock = ManualClock(1.7e9)
    spent = []
    async with replicas(path, budget_per_day=5.0, clock=clock) as (one, other):
        for router in (one, other):
            decision = await router.route("a question", models=["dear"])
            await router.feedback(decision.id, cost=0.25)
        for router in (one, other) * 3:
            await looked(router)
        spent += [await spent_by(router) for router in (one, other)]
    for _ in range(2):
        async with replicas(path, count=1, budget_per_day=5.0, clock=clock) as (later,):
            await looked(later)
            spent.append(await spent_by(later))
    accrued = 5.0 * (1.7e9 % 86400) / 86400
    assert spent == pytest.approx([accrued + 0.5] * 4)


async def test_a_process_of_a_former_encoder_still_tells_what_it_spends(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The database was rebuilt for another one: it learns no more, says so once, and closes well."""
    clock = ManualClock(1.7e9)
    async with replicas(path, count=1, budget_per_day=5.0, clock=clock) as (one,):
        before = await spent_by(one)
        decision = await one.route("a question", models=["dear"])
        await looked(one)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE meta SET layout = 'another', version = version + 1")
        await one.feedback(decision.id, cost=0.25)
        for _ in range(2):
            await looked(one)
    assert caplog.text.count("restart it") == 1
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE meta SET layout = NULL, dim = NULL")
    async with replicas(path, count=1, budget_per_day=5.0, clock=clock) as (later,):
        await looked(later)
        assert await spent_by(later) == pytest.approx(before + 0.25)


async def spent_by(router: Router) -> float:
    """USD of the goal's window, as this process knows it."""
    return (await router.open()).decider.steering.ledger().amounts["spent"]


async def test_other_goals_do_not_disturb(path: Path) -> None:
    """Processes with another budget have figures of their own."""
    async with (
        replicas(path, count=1, budget=1e-3) as (one,),
        replicas(path, count=1, budget=2e-3) as (other,),
    ):
        decision = await one.route("a question", models=["dear"])
        await one.feedback(decision.id, cost=0.25)
        await looked(one)
        await looked(other)
        assert (await other.open()).decider.steering.ledger().amounts["spent"] == 0.0


class Cut(SQLStore):
    """A store whose connection can be cut."""

    cut = False

    def _check(self) -> None:
        if self.cut:
            raise StoreError("the connection was cut", remedy="mend it")

    async def append(self, decisions: object, executions: object) -> None:
        self._check()
        await super().append(decisions, executions)  # type: ignore[arg-type]

    async def observe(self, observations: object) -> object:
        self._check()
        return await super().observe(observations)  # type: ignore[arg-type]

    async def fold(self, *, wait: bool = True) -> Folded:
        self._check()
        return await super().fold(wait=wait)


async def test_routing_goes_on_from_memory(path: Path) -> None:
    """Without its store a router decides, answers and learns; afterwards the log is complete."""
    store = Cut(path)
    async with router_of(store=store) as router:
        store.cut = True
        responses = [await router.complete(Query(f"question {n}", user_id="u")) for n in range(5)]
        assert all(response.text for response in responses)
        with pytest.raises(StoreError, match="cut"):
            await router.feedback(responses[0].decision_id, rating=5)
        store.cut = False
        assert len(await router.feedback(responses[0].decision_id, rating=5)) == 1
    reader = SQLStore(path)
    await reader.open()
    logged = [it async for it in reader.log()]
    await reader.close()
    assert {it.decision.id for it in logged} == {r.decision_id for r in responses}
    assert all(it.attempts == 1 for it in logged)


@pytest.mark.parametrize("error", [StoreError("cut"), UnknownDecisionError("not written yet")])
async def test_an_answer_is_not_lost_with_its_decision(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Where its decision has left memory and cannot be read, it is answered, and learned from later."""

    async def cut(*_: object) -> None:
        raise error

    caplog.set_level(logging.INFO, logger="conduit.learner")
    client = ScriptedProvider("paid for", latency=8.0)
    async with replicas(path, count=1, client=client) as (router,):
        with monkeypatch.context() as patch:
            patch.setattr(learner_module, "REMEMBERED", 0)
            patch.setattr(SQLStore, "decision", cut)
            response = await router.complete("a question", models=["cheap"])
        assert (response.text, caplog.text.count("learned with the next look")) == ("paid for", 1)
        for _ in range(2):
            await looked(router)
        learned = (await router.open()).learner.models.head(Head.LOG_LATENCY)
        assert learned.counts.tolist() == [1, 0]


async def test_what_it_learned_alone_is_no_news(path: Path) -> None:
    """A replica that is alone folds its own observations without building its models anew."""
    async with replicas(path, count=1) as (router,):
        decision = await router.route("a question")
        await router.feedback(decision.id, rating=4)
        learner = (await router.open()).learner
        models, version = learner.models, learner.version
        await looked(router)
        assert learner.models is models
        assert learner.version == version + 1


async def test_a_router_takes_the_database_that_is_set(path: Path) -> None:
    """Without a store of its own a router keeps what it learns where DATABASE_URL says."""
    settings = Settings(database_url=f"sqlite:///{path}")
    async with router_of(settings=settings) as router:
        decision = await router.route("a question")
        await router.feedback(decision.id, rating=5)
    async with router_of(settings=settings) as router:
        assert await router.feedback(decision.id, rating=5) == ()


def test_a_placeholder_in_the_address_is_one_line() -> None:
    """A copied address with [password] in it is said before anything is opened."""
    address = (
        "postgresql://postgres.your-project:[password]@aws-0-region.pooler.supabase.com:6543/x"
    )
    with pytest.raises(ConfigurationError, match=r"placeholder \[password\]"):
        router_of(settings=Settings(database_url=address))


@pytest.mark.parametrize("error", [StoreError("cut"), asyncio.CancelledError()])
async def test_feedback_whose_answer_was_lost_is_learned(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """What is durable is believed by its own process too, though its caller was told nothing."""
    observe = SQLStore.observe

    async def lost(store: SQLStore, observations: Sequence[Observation]) -> None:
        await observe(store, observations)
        raise error

    async with replicas(path, count=1) as (router,):
        before = await believed(router, "cheap")
        decision = await router.route("a question", models=["cheap"])
        with monkeypatch.context() as patch:
            patch.setattr(SQLStore, "observe", lost)
            with pytest.raises(type(error)):
                await router.feedback(decision.id, quality_score=0.1)
        assert await router.feedback(decision.id, quality_score=0.1) == ()
        await looked(router)
        assert await believed(router, "cheap") < before


async def test_feedback_may_be_faster_than_the_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision that its process is about to write is waited for; one that nobody made is unknown."""
    async with replicas(path) as (one, other):
        decision = await other.route("a question")
        await other.aclose()
        read, asked = SQLStore.decision, []

        async def first_unknown(store: SQLStore, decision_id: str) -> Decision:
            asked.append(decision_id)
            if len(asked) == 1:
                raise UnknownDecisionError(decision_id)
            return await read(store, decision_id)

        monkeypatch.setattr(learner_module, "MOMENT", 0.0)
        monkeypatch.setattr(SQLStore, "decision", first_unknown)
        assert len(await one.feedback(decision.id, rating=5)) == 1
        with pytest.raises(UnknownDecisionError):
            await one.feedback("nobody made it", rating=5)


@pytest.mark.parametrize("bell", [False, True])
async def test_a_fault_of_the_keeper_is_said_and_it_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, bell: bool
) -> None:
    """A replica that fails over a fault says so, and the next request starts it again, and it hears."""
    async with replicas(path, count=1) as (router,):
        replica = (await router.open()).replica
        rope = MemoryBell()
        if bell:
            await replica.stop()
            monkeypatch.setattr(replica, "_bell", rope.peer())
            replica.start()
        keepers = {replica._keeper}

        async def fail() -> None:
            raise RuntimeError("a fault")

        with monkeypatch.context() as patch:
            patch.setattr(replica, "look", fail)
            await asyncio.wait(keepers, timeout=20)
        assert not replica.is_running
        assert "no longer keeps up" in caplog.text
        await router.route("a question")
        assert replica.is_running
        looked = asyncio.Event()

        async def look() -> None:
            looked.set()

        monkeypatch.setattr(replica, "look", look)
        await rope.ring("changed")
        await asyncio.wait_for(looked.wait(), 20)
        assert [len(it._listeners) for it in rope._rope[1:]] == [1] * bell


@pytest.mark.parametrize("kind", ["sqlite", "redis", "supabase"])
def test_a_router_outlives_its_loop(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, makers: dict[str, Maker]
) -> None:
    """Scripts that run a loop per call keep what was learned, and go on keeping up and listening."""
    store = makers["supabase" if kind == "supabase" else "sqlite"](tmp_path).connect()
    redis_url = request.getfixturevalue("redis_server").url if kind == "redis" else None
    router = router_of(store=store, redis_url=redis_url)

    async def rated() -> bool:
        decisions = await asyncio.gather(*(router.route("a question") for _ in range(3)))
        await router.feedback(decisions[0].id, rating=5)
        engine = await router.open()
        if kind == "redis":
            bell = engine.replica._bell
            assert isinstance(bell, RedisBell)
            assert len(bell._listeners) == 1
            assert not bell._listening.done()
        return engine.replica.is_running

    for _ in range(3):
        assert asyncio.run(rated())
    asyncio.run(router.aclose())


async def test_who_waits_for_a_router_that_closes_opens_none(path: Path) -> None:
    """A first request that meets the end of its router is refused, and nothing is opened for it."""
    router = router_of(store=SQLStore(path))
    first = asyncio.create_task(router.open())
    await asyncio.sleep(0)
    closing = asyncio.create_task(router.aclose())
    late = asyncio.create_task(router.route("a question"))
    await asyncio.sleep(0)
    await first
    await closing
    with pytest.raises(ConduitError, match="closed"):
        await late
