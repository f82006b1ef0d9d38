"""Bookings that wait a moment for others: nobody who needs them does."""

from __future__ import annotations

import asyncio

import pytest

from conduit.budgets import gathering
from conduit.budgets.ledger import Ledger
from conduit.core.clocks import ManualClock
from conduit.core.costs import CostKind, CostRecord
from conduit.core.spending import Closing, Reservation
from conduit.stores.memory import MemoryStore
from tests.budgets.test_ledger import ANNA, DAILY, NOW, a_ledger, figures


@pytest.fixture(autouse=True)
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment that only somebody in a hurry ends."""
    monkeypatch.setattr(gathering, "GATHER", 600.0)


async def _going(*starting: asyncio.Task[object]) -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in starting)


async def test_who_looks_at_the_books_finds_what_was_paid() -> None:
    """Costs that gather are booked before anybody is told how a budget stands."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.5, id="a")
    settling = asyncio.create_task(ledger.settle("a", 0.25, soon=True))
    await _going(settling)
    assert await figures(ledger) == (0.25, 0.0)
    assert (await settling).cost == 0.25


async def test_who_waits_for_money_has_it_freed() -> None:
    """A call that does not fit while others gather is let in at once."""
    ledger, _ = await a_ledger()
    await ledger.reserve([ANNA], 0.9, id="a")
    settling = asyncio.create_task(ledger.settle("a", 0.1, soon=True))
    await _going(settling)
    assert (await ledger.reserve([ANNA], 0.8, id="b")).amount == 0.8


async def test_a_budget_does_not_count_what_was_spent_before_it() -> None:
    """A cost that gathers while a budget is made belongs to the time before."""
    ledger = Ledger(MemoryStore(), clock=ManualClock(NOW))
    record = CostRecord(
        id="r",
        at=NOW,
        kind=CostKind.ANSWER,
        model="m",
        provider="p",
        cost=0.5,
        base_cost=0.5,
    )
    booking = asyncio.create_task(ledger.record_cost(record, [ANNA], soon=True))
    await _going(booking)
    await ledger.set_budget(ANNA, DAILY, 1.0, actor="admin")
    assert await figures(ledger) == (0.0, 0.0)
    assert [it.id for it in (await ledger.records()).records] == ["r"]


async def test_costs_that_end_together_are_booked_together() -> None:
    """After the moment all of them go to the store before the first has come back."""

    class Slow(MemoryStore):
        under_way = most = 0

        async def end(self, closing: Closing) -> Reservation:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(0)
            self.under_way -= 1
            return await super().end(closing)

    store = Slow()
    ledger = Ledger(store, clock=ManualClock(NOW))
    await ledger.set_budget(ANNA, DAILY, 1.0, actor="admin")
    for name in "abc":
        await ledger.reserve([ANNA], 0.1, id=name)
    settling = [asyncio.create_task(ledger.settle(name, 0.1, soon=True)) for name in "abc"]
    await _going(*settling)
    assert store.most == 0
    assert await figures(ledger) == (0.3, 0.0)
    assert store.most == 3
