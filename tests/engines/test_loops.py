"""Money and loops: what was spent in an event loop is booked, though the loop ends right after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conduit.budgets import gathering
from conduit.budgets.ledger import Ledger
from conduit.core.arms import Arm
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.models import Query
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.core.spending import Booking, Closing, Reservation
from conduit.engines.router import Router
from conduit.providers.scripted import ScriptedProvider
from conduit.stores.memory import MemoryStore
from conduit.stores.sql import SQLStore
from tests.engines.builders import CHEAP, router_of
from tests.stores.conftest import Maker, makers

__all__ = ["makers"]

ANNA = Scope(ScopeKind.USER, "anna")
TOTAL = Window(Period.TOTAL)
REPLY = ModelReply(text="fine", input_tokens=1000, output_tokens=600)
COST = CHEAP.price.cost(input_tokens=1000, output_tokens=600) if CHEAP.price else 0.0
ASKED = Query("hello", user_id="anna", max_tokens=700)


async def books(store: SQLStore) -> tuple[list[float], list[tuple[float, float]]]:
    """What is on record, and how the budgets stand, as another process would find it."""
    await store.open()
    try:
        ledger = Ledger(store)
        records = (await ledger.records()).records
        spends = await ledger.look()
        return [it.cost for it in records], [(it.settled, it.reserved) for it in spends]
    finally:
        await store.close()


def a_router(where: Path, *arms: Arm) -> Router:
    return router_of(
        *(arms or (CHEAP,)), client=ScriptedProvider(lambda _: REPLY), store=SQLStore(where)
    )


async def limited(where: Path) -> None:
    store = SQLStore(where)
    await store.open()
    await Ledger(store).set_budget(ANNA, TOTAL, 1.0, actor="admin")
    await store.close()


@pytest.mark.parametrize("budgeted", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_a_loop_per_call_loses_no_cost(tmp_path: Path, budgeted: bool, closed: bool) -> None:
    """Each call is booked when its loop has ended, with nothing left set aside, closed or not."""
    where = tmp_path / "router.db"
    if budgeted:
        asyncio.run(limited(where))
    router = a_router(where)
    for turn in range(1, 4):
        asyncio.run(router.complete(ASKED))
        costs, spends = asyncio.run(books(SQLStore(where)))
        assert costs == [pytest.approx(COST)] * turn
        assert [it for it, _ in spends] == [pytest.approx(turn * COST)] * budgeted
        assert [it for _, it in spends] == [0.0] * budgeted
    if closed:
        asyncio.run(router.aclose())
    assert len(asyncio.run(books(SQLStore(where)))[0]) == 3
    asyncio.run(router.aclose())


def test_a_loop_per_report_loses_no_cost(tmp_path: Path) -> None:
    """Costs that callers say are booked likewise, and corrected."""
    where = tmp_path / "router.db"
    router = a_router(where)
    ids = [asyncio.run(router.route(ASKED)).id for _ in range(2)]
    for id_, cost in ((ids[0], 0.25), (ids[1], 0.5), (ids[0], 0.125)):
        asyncio.run(router.feedback(id_, cost=cost))
    costs, _ = asyncio.run(books(SQLStore(where)))
    assert sorted(costs) == [0.125, 0.5]
    asyncio.run(router.aclose())


def test_who_waits_for_money_does_in_every_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that finds all of it set aside has others settle and goes on, in a second loop as in the first."""
    monkeypatch.setattr(gathering, "GATHER", 600.0)
    ledger = Ledger(MemoryStore())

    async def two() -> float:
        await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
        made = await ledger.reserve([ANNA], 0.9, kept=True)
        second = asyncio.create_task(ledger.reserve([ANNA], 0.9))
        await asyncio.sleep(0.001)
        settling = asyncio.create_task(ledger.settle(made.id, 0.0, soon=True))
        other = await second
        await ledger.release(other.id)
        return (await settling).amount

    for _ in range(2):
        assert asyncio.run(asyncio.wait_for(two(), 20)) == 0.9


def test_a_loop_that_was_only_closed_is_settled_by_the_next() -> None:
    """What hung in it when it was dropped is booked as soon as the router is used again, once."""
    store = MemoryStore()
    router = router_of(CHEAP, client=ScriptedProvider(lambda _: REPLY), store=store)
    dropped = asyncio.new_event_loop()
    dropped.run_until_complete(router.complete(ASKED))
    for task in asyncio.all_tasks(dropped):
        task.cancel()
    while asyncio.all_tasks(dropped):
        dropped.run_until_complete(asyncio.sleep(0))
    dropped.close()

    async def end() -> list[float]:
        ledger = await router.ledger()
        await router.aclose()
        return [it.cost for it in (await ledger.records()).records]

    assert asyncio.run(end()) == [pytest.approx(COST)]


class Halting:
    """Says one piece, and then nothing."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        raise NotImplementedError

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta | ModelReply]:
        yield Delta(text="one " * 500)
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Nothing to release."""


@pytest.mark.parametrize("reading", [False, True])
def test_a_stream_that_its_loop_ends_is_paid(tmp_path: Path, reading: bool) -> None:
    """Whether a task reads it or nobody does when the loop goes: what came is on record."""
    where = tmp_path / "router.db"
    asyncio.run(limited(where))
    router = router_of(CHEAP, client=Halting(), store=SQLStore(where))
    kept: list[object] = []

    async def read() -> None:
        stream = await router.stream(ASKED)
        kept.append(stream)
        pieces = aiter(stream)
        await anext(pieces)
        if reading:
            kept.append(asyncio.create_task(anext(pieces)))
            await asyncio.sleep(0)

    asyncio.run(read())
    costs, spends = asyncio.run(books(SQLStore(where)))
    assert len(costs) == 1
    ((settled, reserved),) = spends
    assert settled == pytest.approx(costs[0])
    assert (reserved, costs[0] > 0) == (0.0, True)
    asyncio.run(router.aclose())


async def log(where: Path) -> tuple[list[str], list[str]]:
    """Ids of the decisions on record, and of those of which an attempt is, as another process finds them."""
    store = SQLStore(where)
    await store.open()
    try:
        logged = [it async for it in store.log()]
        return [it.decision.id for it in logged], [it.decision.id for it in logged if it.executions]
    finally:
        await store.close()


@pytest.mark.parametrize("reading", [False, True])
def test_what_a_loop_gives_up_in_its_end_is_in_the_log(tmp_path: Path, reading: bool) -> None:
    """Decision and attempt are on record when it has ended; so is what the next loop decides, and closing works."""
    where = tmp_path / "router.db"
    router = router_of(CHEAP, client=Halting(), store=SQLStore(where))
    kept: list[object] = []

    async def cut() -> None:
        stream = await router.stream(ASKED)
        kept.append(stream)
        pieces = aiter(stream)
        await anext(pieces)
        if reading:
            kept.append(asyncio.create_task(anext(pieces)))
            await asyncio.sleep(0)

    asyncio.run(cut())
    decisions, attempts = asyncio.run(log(where))
    assert len(decisions) == 1
    assert attempts == decisions
    later = asyncio.run(router.route(ASKED))
    decisions, _ = asyncio.run(log(where))
    assert later.id in decisions
    asyncio.run(router.aclose())


def test_over_rest_what_its_loop_ends_is_logged_later_at_the_latest(
    tmp_path: Path, makers: dict[str, Maker], caplog: pytest.LogCaptureFixture
) -> None:
    """Its connections may be closed first, which is no fault: the next loop, or closing, writes the rest."""
    maker = makers["supabase"](tmp_path)
    router = router_of(CHEAP, client=Halting(), store=maker.connect())
    kept: list[object] = []

    async def cut() -> None:
        stream = await router.stream(ASKED)
        kept.append(stream)
        await anext(aiter(stream))

    async def attempts() -> list[int]:
        store = maker.connect()
        await store.open()
        found = [len(it.executions) async for it in store.log()]
        await store.close()
        return found

    for _ in range(3):
        asyncio.run(cut())
    asyncio.run(router.aclose())
    assert asyncio.run(attempts()) == [1, 1, 1]
    assert "client has been closed" not in caplog.text


def test_a_loop_whose_clean_up_routes_leaves_a_router_that_goes_on(tmp_path: Path) -> None:
    """What is decided as a loop ends is logged, and the next one keeps up with others, and closes."""
    where = tmp_path / "router.db"
    router = a_router(where)
    ids: list[str] = []

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await (await router.open()).replica.stop()  # as the loop's end does, in whatever order
            ids.append((await router.route(ASKED)).id)

    async def begin() -> None:
        ids.append((await router.route(ASKED)).id)
        kept.append(asyncio.create_task(clean_up()))
        await asyncio.sleep(0)

    async def again() -> bool:
        ids.append((await router.route(ASKED)).id)
        return (await router.open()).replica.is_running

    kept: list[object] = []
    asyncio.run(begin())
    assert asyncio.run(again())
    asyncio.run(router.aclose())
    decisions, _ = asyncio.run(log(where))
    assert sorted(decisions) == sorted(ids)
    assert len(ids) == 3


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left in a loop, and close it."""
    while left := asyncio.all_tasks(loop):
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left))
    loop.close()


@pytest.mark.parametrize("used", [False, True])
def test_a_loop_that_was_dropped_holds_up_no_other(tmp_path: Path, used: bool) -> None:
    """Closed in another loop, used there before or not, a router has all on record."""
    where = tmp_path / "router.db"
    router = a_router(where)
    dropped = asyncio.new_event_loop()
    answers = [dropped.run_until_complete(router.complete(ASKED))]
    if used:
        answers.append(asyncio.run(asyncio.wait_for(router.complete(ASKED), 20)))
    asyncio.run(asyncio.wait_for(router.aclose(), 20))
    decisions, attempts = asyncio.run(log(where))
    assert sorted(decisions) == sorted(attempts) == sorted(it.decision_id for it in answers)
    end(dropped)


def test_loops_that_take_turns_have_one_keeper_each_at_most(tmp_path: Path) -> None:
    """A router that is used in two loops by turns keeps up in one of them; the others' keepers end."""
    router = a_router(tmp_path / "router.db")
    loops = [asyncio.new_event_loop() for _ in range(2)]
    keepers = set()
    for turn in range(6):
        engine = loops[turn % 2].run_until_complete(router.open())
        keepers.add(engine.replica._keeper)
    loops[1].run_until_complete(router.aclose())
    for loop in loops:
        own = [it for it in keepers if it.get_loop() is loop]
        loop.run_until_complete(asyncio.wait(own, timeout=20))
    assert [it.done() for it in keepers] == [True] * 6
    for loop in loops:
        end(loop)


class Interrupted(MemoryStore):
    """Whose first writes are cancelled before they are made, as the loop's end may do."""

    left = 1

    async def end(self, closing: Closing) -> Reservation:
        self._interrupt()
        return await super().end(closing)

    async def book(self, booking: Booking) -> bool:
        self._interrupt()
        return await super().book(booking)

    def _interrupt(self) -> None:
        if self.left:
            self.left -= 1
            raise asyncio.CancelledError


@pytest.mark.parametrize("budgeted", [False, True])
def test_a_payment_that_was_interrupted_is_made_again(budgeted: bool) -> None:
    """Cancelled on its way to the books it is booked when the loop ends, once."""
    store = Interrupted()
    router = router_of(CHEAP, client=ScriptedProvider(lambda _: REPLY), store=store)

    async def ask() -> None:
        if budgeted:
            await (await router.ledger()).set_budget(ANNA, TOTAL, 1.0, actor="admin")
        await router.complete(ASKED)

    async def known() -> list[float]:
        return [it.cost for it in (await Ledger(store).records()).records]

    asyncio.run(ask())
    assert asyncio.run(known()) == [pytest.approx(COST)]
