"""One budget for several processes: nothing is lost, and nothing counts twice."""

from __future__ import annotations

from typing import cast

import pytest

from conduit.bandits.ledger import Ledger
from conduit.bandits.pacer import Pacer
from conduit.bandits.steering import BudgetPerRequest, Steering
from conduit.bandits.window import BudgetPerWindow, Period
from conduit.core.clocks import ManualClock
from conduit.core.errors import StoreError
from conduit.core.ports import Store
from conduit.core.sharing import Edit, Json
from conduit.engines.decider import Decider
from conduit.engines.goals import Goal
from conduit.engines.shared_steering import SharedSteering
from conduit.stores.memory import MemoryStore

BUDGET = 1.0
NOON = 20_000.5 * 86400
CAPACITY = 100 * BUDGET


class Process:
    """A process as far as its spending goes; it stands in for the decider, too."""

    def __init__(
        self, store: Store, *, steering: Steering | None = None, now: float = NOON
    ) -> None:
        self.steering = steering or BudgetPerRequest(pacer=Pacer.start(BUDGET))
        self.clock = ManualClock(now)
        self._store = store
        self._shared = SharedSteering(
            cast(Decider, self), store=store, goal=Goal(budget=BUDGET), clock=self.clock
        )

    def adopt(self, ledger: Ledger) -> None:
        self.steering = self.steering.adopting(ledger)

    def serve(self, requests: int, *, cost: float) -> None:
        for _ in range(requests):
            steering = cast(BudgetPerRequest, self.steering)
            pacer = steering.pacer.decided(BUDGET).spend(cost)
            self.steering = BudgetPerRequest(pacer=pacer)

    async def exchange(self) -> None:
        await self._shared.exchange(known=await self._store.pulse())

    def amount(self, name: str) -> float:
        return self.steering.ledger().amounts[name]


def daily(store: Store, *, now: float = NOON) -> Process:
    """A process that keeps a budget per day, of which nothing is spent."""
    steering = BudgetPerWindow.begin(BUDGET, Period.DAY, now=now, spent=0.0)
    return Process(store, steering=steering, now=now)


def spend(process: Process, cost: float) -> None:
    """One request at that cost."""
    process.steering = process.steering.at(process.clock.now()).spend(cost)


class Ambiguous(MemoryStore):
    """A store whose answer can be lost once what was asked is done."""

    silent = False

    async def put_document(
        self, key: str, value: Json, *, expected: int, edit: Edit | None = None
    ) -> bool:
        put = await super().put_document(key, value, expected=expected, edit=edit)
        if self.silent:
            raise StoreError("the connection was cut", remedy="try again")
        return put


async def test_what_overflows_the_bucket_is_lost_once() -> None:
    """Eight processes that save money fill one bucket; none takes away what another left out."""
    store = MemoryStore()
    processes = [Process(store) for _ in range(8)]
    for process in processes:
        await process.exchange()
    for _ in range(20):
        for process in processes:
            process.serve(20, cost=0.0)
        for process in processes:
            await process.exchange()
    for process in processes:
        await process.exchange()
        assert process.amount("balance") == pytest.approx(CAPACITY)


async def test_an_answer_that_was_lost_counts_once() -> None:
    """Spending that was told, though the teller could not know, is not told again."""
    store = Ambiguous()
    one, other = Process(store), Process(store)
    await one.exchange()
    await other.exchange()
    one.serve(10, cost=0.5)
    store.silent = True
    with pytest.raises(StoreError, match="cut"):
        await one.exchange()
    store.silent = False
    one.serve(1, cost=2.0)
    await one.exchange()
    await other.exchange()
    for process in (one, other):
        assert process.amount("spent") == pytest.approx(7.0)
        assert process.amount("requests") == 11


@pytest.mark.parametrize("ahead", [2 * 86400.0, 3650 * 86400.0])
async def test_a_clock_that_was_ahead_ends_no_sharing(ahead: float) -> None:
    """What a process has told of a window that is yet to come is void: the others share their budget."""
    store = MemoryStore()
    one, other = daily(store), daily(store)
    await one.exchange()
    stray = daily(store, now=NOON + ahead)
    spend(stray, 0.5)
    await stray.exchange()
    await other.exchange()
    for _ in range(3):
        for process in (one, other):
            spend(process, 0.0625)
            await process.exchange()
    await one.exchange()
    for process in (one, other):
        assert process.amount("spent") == 0.375
        assert process.amount("served") == 6


async def test_a_clock_a_little_ahead_opens_the_day_for_all() -> None:
    """Where one process enters a day minutes before the others, what it spends there counts when they do."""
    store, night = MemoryStore(), 20_001 * 86400.0 - 60.0
    one, other = daily(store, now=night), daily(store, now=night)
    await one.exchange()
    await other.exchange()
    one.clock.advance(120.0)
    spend(one, 0.25)
    await one.exchange()
    await other.exchange()
    other.clock.advance(120.0)
    spend(other, 0.125)
    await other.exchange()
    assert other.amount("spent") == 0.375
