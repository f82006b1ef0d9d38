"""One budget for several processes: nothing is lost, and nothing counts twice."""

from __future__ import annotations

from typing import cast

import pytest

from conduit.bandits.ledger import Ledger
from conduit.bandits.pacer import Pacer
from conduit.bandits.steering import BudgetPerRequest, Steering
from conduit.core.errors import StoreError
from conduit.core.ports import Store
from conduit.core.sharing import Edit, Json
from conduit.engines.decider import Decider
from conduit.engines.goals import Goal
from conduit.engines.shared_steering import SharedSteering
from conduit.stores.memory import MemoryStore

BUDGET = 1.0
CAPACITY = 100 * BUDGET


class Process:
    """A process as far as its spending goes; it stands in for the decider, too."""

    def __init__(self, store: Store) -> None:
        self.steering: Steering = BudgetPerRequest(pacer=Pacer.start(BUDGET))
        self._store = store
        decider = cast(Decider, self)
        self._shared = SharedSteering(decider, store=store, goal=Goal(budget=BUDGET))

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
