"""Standings: what is known of budgets is at most a second old, and costs a look a second."""

from __future__ import annotations

import asyncio

import pytest

from conduit.budgets.ledger import Ledger
from conduit.budgets.standings import LATE, PATIENCE, SUPPOSED, Standings
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.clocks import ManualClock
from conduit.core.errors import StoreError
from conduit.core.spending import Spend
from conduit.stores.memory import MemoryStore

NOW = 1_763_700_000.0
ANNA, BOB = Scope(ScopeKind.USER, "anna"), Scope(ScopeKind.USER, "bob")
TOTAL = Window(Period.TOTAL)


class Counting(MemoryStore):
    """Counts looks, each of which takes a turn of the loop; may be out of reach."""

    looks = 0
    away = False
    frozen: asyncio.Event | None = None

    async def spends(self, scopes=None, *, now):  # type: ignore[no-untyped-def]
        self.looks += 1
        await asyncio.sleep(0)
        if self.frozen is not None:
            await self.frozen.wait()
        if self.away:
            raise StoreError("away")
        return await super().spends(scopes, now=now)


async def some() -> tuple[Standings, Ledger, Counting, ManualClock]:
    clock, store = ManualClock(NOW), Counting()
    ledger = Ledger(store, clock=clock)
    await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
    return Standings(ledger, clock=clock), ledger, store, clock


def figures(spends: list[Spend]) -> list[tuple[float, float]]:
    return [(it.settled, it.reserved) for it in spends]


async def test_a_look_serves_for_a_second() -> None:
    """Also one that found nothing; afterwards it is taken again."""
    standings, ledger, store, clock = await some()
    for _ in range(5):
        assert len(await standings.of([ANNA, BOB])) == 1
    assert store.looks == 1
    other = Ledger(store, clock=clock)
    await other.set_budget(BOB, TOTAL, 1.0, actor="another process")
    assert len(await standings.of([ANNA, BOB])) == 1
    clock.advance(1.5)
    assert len(await standings.of([ANNA, BOB])) == 2
    assert store.looks == 2
    assert ledger.edition == 1


async def test_where_nobody_has_a_budget_nobody_asks_for_a_second() -> None:
    """One look that finds none at all serves for every account, until one is made here or time passes."""
    clock, store = ManualClock(NOW), Counting()
    ledger = Ledger(store, clock=clock)
    standings = Standings(ledger, clock=clock)
    assert not standings.are_none
    assert await standings.of([ANNA]) == []
    assert standings.are_none
    clock.advance(1.5)
    assert not standings.are_none
    assert await standings.of([ANNA]) == []
    await ledger.set_budget(BOB, TOTAL, 1.0, actor="admin")
    assert not standings.are_none
    assert await standings.of([ANNA]) == []
    assert not standings.are_none


async def test_an_edit_here_is_known_at_once() -> None:
    """A budget that was just made is looked up, whatever is remembered."""
    standings, ledger, _, _ = await some()
    assert await standings.of([BOB]) == []
    await ledger.set_budget(BOB, TOTAL, 0.5, actor="admin")
    (spend,) = await standings.of([BOB])
    assert spend.budget.limit == 0.5
    await ledger.remove_budget(BOB, TOTAL, actor="admin")
    assert await standings.of([BOB]) == []


async def test_what_happens_here_moves_the_figures_without_a_look() -> None:
    """Set aside, settled, released and booked: as the books say."""
    standings, ledger, store, clock = await some()
    await standings.of([ANNA])
    one, two = [await ledger.reserve([ANNA], 0.25) for _ in range(2)]
    standings.claimed(one)
    standings.claimed(two)
    assert figures(await standings.of([ANNA])) == [(0.0, 0.5)]
    await ledger.settle(one.id, 0.125)
    standings.ended(one, 0.125)
    await ledger.release(two.id)
    standings.ended(two, 0.0)
    standings.booked([ANNA, BOB], 0.0625)
    assert figures(await standings.of([ANNA])) == [(0.1875, 0.0)]
    assert store.looks == 1
    clock.advance(2.0)
    assert figures(await standings.of([ANNA])) == [(0.125, 0.0)]


async def test_many_at_once_share_a_look() -> None:
    """Tasks that want the same at the same moment wait for one answer."""
    standings, _, store, _ = await some()
    found = await asyncio.gather(*(standings.of([ANNA, BOB]) for _ in range(20)))
    assert {len(it) for it in found} == {1}
    assert store.looks == 1


async def test_a_look_that_takes_long_serves_who_waited_for_it() -> None:
    """It is as new as can be had; who asked again for a newer one would ask for ever."""
    clock = ManualClock(NOW)

    class Crawling(Counting):
        async def spends(self, scopes=None, *, now):  # type: ignore[no-untyped-def]
            clock.advance(LATE + 1)
            return await super().spends(scopes, now=now)

    store = Crawling()
    ledger = Ledger(store, clock=clock)
    await ledger.set_budget(ANNA, TOTAL, 1.0, actor="admin")
    async with asyncio.timeout(20):
        assert len(await Standings(ledger, clock=clock).of([ANNA])) == 1
    assert store.looks == 1


async def test_a_look_that_fails_is_nobodys_answer() -> None:
    """Who waited for it asks again: a budget is never taken for absent."""
    standings, _, store, _ = await some()
    store.away = True
    failed = await asyncio.gather(*(standings.of([ANNA]) for _ in range(3)), return_exceptions=True)
    assert {type(it) for it in failed} == {StoreError}
    store.away = False
    assert len(await standings.of([ANNA])) == 1


async def test_what_calls_cost_of_what_was_set_aside_is_learned() -> None:
    """By money, over all calls that were settled here."""
    standings, ledger, _, _ = await some()
    assert standings.billed == SUPPOSED
    for amount, cost in ((0.4, 0.1), (0.1, 0.025)):
        made = await ledger.reserve([ANNA], amount)
        standings.claimed(made)
        standings.ended(made, cost)
    assert standings.billed == pytest.approx(0.25)


async def test_what_was_known_serves_while_the_store_is_away() -> None:
    """Of a scope that was looked at; one of which nothing is known waits for the store."""
    standings, _, store, clock = await some()
    await standings.of([ANNA])
    store.away = True
    clock.advance(5.0)
    assert len(await standings.of([ANNA])) == 1
    looks = store.looks
    assert len(await standings.of([ANNA])) == 1
    assert store.looks == looks
    with pytest.raises(StoreError):
        await standings.of([BOB])


async def test_where_nobody_has_a_budget_a_store_that_is_away_holds_nobody_up() -> None:
    """Strangers too: there was nothing to keep to when it was last asked."""
    standings, ledger, store, clock = await some()
    await ledger.remove_budget(ANNA, TOTAL, actor="admin")
    assert await standings.of([ANNA]) == []
    store.away = True
    clock.advance(5.0)
    assert await standings.of([ANNA, BOB]) == []


async def test_a_store_that_hangs_is_waited_for_a_moment_only() -> None:
    """Then what was known serves, and for all the next second without a wait."""
    standings, _, store, clock = await some()
    await standings.of([ANNA])
    store.frozen = asyncio.Event()
    clock.advance(5.0)
    assert len(await asyncio.wait_for(standings.of([ANNA]), 5.0)) == 1
    looks = store.looks
    assert len(await standings.of([ANNA])) == 1
    assert store.looks == looks
    store.frozen.set()
    await asyncio.sleep(0)


async def _waits(standings: Standings, store: Counting, scope: Scope) -> list[Spend]:
    """What is answered once a store goes on that was slow for longer than anybody is patient."""
    store.frozen = asyncio.Event()
    asked = asyncio.create_task(standings.of([scope]))
    done, _ = await asyncio.wait([asked], timeout=3 * PATIENCE)
    assert not done
    store.frozen.set()
    return await asked


@pytest.mark.parametrize("others", [False, True])
async def test_a_budget_that_was_just_made_is_waited_for(others: bool) -> None:
    """What was known before it serves for nothing, however long the store takes."""
    standings, ledger, store, _ = await some()
    if not others:
        await ledger.remove_budget(ANNA, TOTAL, actor="admin")
    assert await standings.of([BOB]) == []
    await ledger.set_budget(BOB, TOTAL, 0.0, actor="admin")
    assert [it.budget.limit for it in await _waits(standings, store, BOB)] == [0.0]


@pytest.mark.parametrize("others", [False, True])
async def test_what_was_known_long_ago_does_not_serve_while_the_store_is_slow(others: bool) -> None:
    """Another process may have made a budget since: the store is waited for."""
    standings, ledger, store, clock = await some()
    if not others:
        await ledger.remove_budget(ANNA, TOTAL, actor="admin")
    assert await standings.of([BOB]) == []
    await Ledger(store, clock=clock).set_budget(BOB, TOTAL, 0.0, actor="another process")
    clock.advance(3600.0)
    assert [it.budget.limit for it in await _waits(standings, store, BOB)] == [0.0]


async def test_what_was_known_serves_a_slow_store_for_some_seconds_only() -> None:
    """That it has served meanwhile makes it no younger."""
    standings, _, store, clock = await some()
    await standings.of([ANNA])
    store.frozen = asyncio.Event()
    for _ in range(3):
        clock.advance(LATE / 3 - 0.01)
        assert len(await asyncio.wait_for(standings.of([ANNA]), 5.0)) == 1
    clock.advance(2.0)
    asked = asyncio.create_task(standings.of([ANNA]))
    done, _ = await asyncio.wait([asked], timeout=3 * PATIENCE)
    assert not done
    store.frozen.set()
    assert len(await asked) == 1


async def test_a_store_that_went_away_after_an_edit_is_an_error() -> None:
    """What was known before a budget was made here is no answer."""
    standings, ledger, store, _ = await some()
    await standings.of([ANNA, BOB])
    await ledger.set_budget(BOB, TOTAL, 0.0, actor="admin")
    store.away = True
    with pytest.raises(StoreError):
        await standings.of([BOB])


def test_standings_outlive_their_loop() -> None:
    """A look that a loop was dropped with is taken again in the next."""

    async def begin() -> tuple[Standings, Counting]:
        standings, _, store, clock = await some()
        await standings.of([ANNA])
        clock.advance(1.5)
        store.frozen = asyncio.Event()
        assert len(await standings.of([ANNA])) == 1
        clock.advance(1.5)
        return standings, store

    dropped = asyncio.new_event_loop()
    standings, store = dropped.run_until_complete(begin())
    left = asyncio.all_tasks(dropped)
    store.frozen = None
    assert len(asyncio.run(asyncio.wait_for(standings.of([ANNA]), 5.0))) == 1
    for task in left:
        task.cancel()
    dropped.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    dropped.run_until_complete(dropped.shutdown_asyncgens())
    dropped.close()
