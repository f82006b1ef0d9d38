"""What was spent, as people ask for it: records and sums."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from conduit.core.costs import (
    MOST_RECORDS,
    CostFilter,
    CostPage,
    CostQuality,
    CostRecord,
    CostTotal,
    GroupBy,
)
from conduit.core.spending import BudgetStore

ALL = CostFilter()
"""Every cost there is."""


class CostReports:
    """Reads what calls did cost.

    Args:
        store: that keeps the books; open.
        before: is awaited first, so that who has just paid finds it.
    """

    def __init__(self, store: BudgetStore, *, before: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._before = before

    async def record(self, record_id: str) -> CostRecord | None:
        """What is known by an id; None where nothing is."""
        await self._before()
        return await self._store.cost(record_id)

    async def records(
        self, wanted: CostFilter = ALL, *, limit: int = 100, cursor: str | None = None
    ) -> CostPage:
        """What calls did cost, the newest first; as quick after any history.

        Raises:
            InvalidInputError: for a limit outside 1 to 1000, or a cursor that no page gave.
        """
        await self._before()
        return await self._store.cost_page(wanted, limit=limit, cursor=cursor)

    async def report(
        self, group_by: str | None, wanted: CostFilter = ALL, *, limit: int = MOST_RECORDS
    ) -> Sequence[CostTotal]:
        """Sums per user, model, day, …: the dearest first, and days from the latest.

        Args:
            group_by: one of :class:`~conduit.core.costs.GroupBy`; None adds up everything.
            wanted: which costs.
            limit: most groups, 1 to 1000.

        Raises:
            InvalidInputError: for a grouping that costs are not kept by, or a limit out of range.
        """
        by = None if group_by is None else GroupBy.named(group_by)
        await self._before()
        return await self._store.cost_totals(by, wanted, limit=limit)

    async def qualities(
        self, group_by: str | None, wanted: CostFilter = ALL, *, limit: int = MOST_RECORDS
    ) -> Sequence[CostQuality]:
        """The mean rating of the answers behind those sums, for groups of them that have one.

        Args:
            group_by: likewise.
            wanted: likewise.
            limit: likewise.

        Raises:
            InvalidInputError: likewise.
        """
        by = None if group_by is None else GroupBy.named(group_by)
        await self._before()
        return await self._store.cost_qualities(by, wanted, limit=limit)
