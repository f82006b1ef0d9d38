"""The money report: its lines, its total, and whether all groups are listed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conduit.budgets.cost_reports import ALL
from conduit.budgets.ledger import Ledger
from conduit.budgets.money_report import money_report
from conduit.core.costs import CostFilter, CostTotal, GroupBy
from conduit.stores.memory import MemoryStore
from tests.stores.builders import a_cost


class Busy(Ledger):
    """Books a call of somebody new whenever groups have been read."""

    async def report(
        self, group_by: str | None, wanted: CostFilter = ALL, *, limit: int = 1000
    ) -> Sequence[CostTotal]:
        found = await super().report(group_by, wanted, limit=limit)
        if group_by is not None:
            await self.record_cost(a_cost("late", 1.0, user="late"))
        return found


async def booked(ledger: Ledger, users: int) -> Ledger:
    for number in range(users):
        await ledger.record_cost(a_cost(str(number), 1.0, user=f"user-{number}"))
    return ledger


async def test_a_call_booked_meanwhile_takes_no_group_away() -> None:
    """The lines were all there were when they were read, whatever the total says by now."""
    ledger = await booked(Busy(MemoryStore()), 2)
    report = await money_report(ledger, GroupBy.USER, CostFilter(), limit=3)
    assert report.whole is not None
    assert (len(report.lines), report.whole.total.calls) == (2, 3)
    assert report.is_complete


@pytest.mark.parametrize(("users", "complete"), [(0, True), (2, True), (3, True), (4, False)])
async def test_only_a_group_beyond_the_limit_is_missing(users: int, complete: bool) -> None:
    """As many groups as there may be lines are all listed; one more is not."""
    ledger = await booked(Ledger(MemoryStore()), users)
    report = await money_report(ledger, GroupBy.USER, CostFilter(), limit=3)
    assert len(report.lines) == min(users, 3)
    assert report.is_complete is complete
