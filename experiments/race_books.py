"""The books of a race: made before it, and audited after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Period, Scope, Window
from conduit.core.costs import GroupBy
from conduit.stores.sql import SQLStore
from experiments.race_clients import Lap

ACTOR = "budget_race"
CAP = 1.0
"""USD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One race.

    Args:
        where: what kind of database, and by how many processes.
        billed: USD, by the models.
        seconds: it took.
        lap: what became of the calls.
        cap: USD.
        spent: USD, by the ledger.
        reserved: USD still set aside, by the ledger.
        recorded: USD, by the records of costs.
        records: how many.
        early: mean USD of the calls that spent the first half of the cap.
        late: of those that spent the second.
    """

    where: str
    billed: float
    seconds: float
    lap: Lap
    cap: float = CAP
    spent: float = 0.0
    reserved: float = 0.0
    recorded: float = 0.0
    records: int = 0
    early: float = 0.0
    late: float = 0.0


async def prepared(address: str, account: Scope, cap: float) -> None:
    """Make the budget that is raced for, of which nothing is ever given back."""
    store = SQLStore(address)
    await store.open()
    await Ledger(store).set_budget(account, Window(Period.TOTAL), cap, actor=ACTOR)
    await store.close()


async def audited(found: Race, address: str) -> Race:
    """The race with what the books say."""
    store = SQLStore(address)
    await store.open()
    ledger = Ledger(store)
    (spend,) = await ledger.standing()
    totals = await ledger.report(GroupBy.API_KEY)
    costs = await _costs(ledger)
    await store.close()
    half = next((n for n in range(len(costs)) if sum(costs[:n]) > found.cap / 2), len(costs))
    return replace(
        found,
        spent=spend.settled,
        reserved=spend.reserved,
        recorded=sum(total.cost for total in totals),
        records=sum(total.calls for total in totals),
        early=_mean(costs[:half]),
        late=_mean(costs[half:]),
    )


async def _costs(ledger: Ledger) -> list[float]:
    """Of all calls, in USD, in order."""
    costs: list[float] = []
    cursor = None
    while True:
        page = await ledger.records(limit=1000, cursor=cursor)
        costs += [record.cost for record in page.records]
        cursor = page.cursor
        if cursor is None:
            return costs[::-1]


def _mean(costs: Sequence[float]) -> float:
    return sum(costs) / len(costs) if costs else 0.0
