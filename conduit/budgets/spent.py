"""Who spent how much in a period: the report that all faces give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conduit.budgets.cost_reports import CostReports
from conduit.core.budgets import Period
from conduit.core.costs import CostFilter, CostTotal, GroupBy

TOP = 10
"""Spenders that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """What was spent in the calendar period (UTC) that is now; in USD.

    Args:
        period: which; a total one counts since ever.
        since: when it began, in seconds since the epoch.
        group_by: what the groups are.
        total_cost_usd: of all costs.
        total_saved_usd: against the baseline; negative where more was spent.
        total_requests: that were paid for.
        groups: the dearest first, 1,000 at most; the key is None where nobody said.
        spenders: the dearest users, :data:`TOP` at most.
    """

    period: Period
    since: float
    group_by: GroupBy
    total_cost_usd: float
    total_saved_usd: float
    total_requests: int
    groups: tuple[CostTotal, ...]
    spenders: tuple[CostTotal, ...]

    @property
    def breakdown(self) -> dict[str, float]:
        """USD by group, the dearest first; ``""`` where nobody said."""
        return {total.key or "": total.cost for total in self.groups}

    @property
    def top_spenders(self) -> list[tuple[str, float]]:
        """The dearest users, and USD of each."""
        return [(total.key or "", total.cost) for total in self.spenders]


async def cost_report(
    reports: CostReports,
    group_by: str,
    period: Period,
    *,
    now: float,
    only: Mapping[str, str] | None = None,
) -> CostReport:
    """Sums of the period so far.

    Args:
        reports: that hold what was spent.
        group_by: one of :class:`~conduit.core.costs.GroupBy`.
        period: that is reported on.
        now: seconds since the epoch.
        only: values by the name of a grouping, as :class:`~conduit.core.costs.CostFilter` has them.

    Raises:
        InvalidInputError: for a grouping that costs are not kept by.
    """
    by, since = GroupBy.named(group_by), period.starts(now)
    wanted = CostFilter(since=since, only=only or {})
    groups = await reports.report(by, wanted)
    users = await reports.report(GroupBy.USER, wanted, limit=TOP + 1)
    whole = next(iter(await reports.report(None, wanted)), None)
    return CostReport(
        period=period,
        since=since,
        group_by=by,
        total_cost_usd=0.0 if whole is None else whole.cost,
        total_saved_usd=0.0 if whole is None else whole.saved,
        total_requests=0 if whole is None else whole.requests,
        groups=tuple(groups),
        spenders=tuple([total for total in users if total.key is not None][:TOP]),
    )
