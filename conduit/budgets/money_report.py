"""Spend, savings and quality group by group: the ready answer to what it did cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from conduit.budgets.cost_reports import CostReports
from conduit.core.costs import CostFilter, CostQuality, CostTotal, GroupBy
from conduit.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One group, or all of them together.

    Args:
        total: what it did cost.
        quality: how its answers were rated; None where none was.
    """

    total: CostTotal
    quality: CostQuality | None

    @property
    def saved_pct(self) -> float | None:
        """Saving in percent of the baseline's cost, negative where it cost more; None of nothing."""
        base = self.total.base_cost
        return 100 * self.total.saved / base if base else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyReport:
    """What some calls did cost.

    Args:
        by: what they are added up by.
        wanted: which calls.
        lines: the dearest groups, first the dearest; or days, from the latest.
        whole: all that is meant, groups without a line included; None where nothing was spent.
        limit: most lines there could have been.
    """

    by: GroupBy
    wanted: CostFilter
    lines: tuple[Line, ...]
    whole: Line | None
    limit: int

    @property
    def is_complete(self) -> bool:
        """Whether every group has a line; calls that were booked while it was made take none away."""
        if len(self.lines) < self.limit:
            return True
        calls = 0 if self.whole is None else self.whole.total.calls
        return sum(line.total.calls for line in self.lines) >= calls


async def money_report(
    reports: CostReports, by: GroupBy, wanted: CostFilter, *, limit: int = 1000
) -> MoneyReport:
    """Add up, in the database, what calls did cost and how their answers were rated.

    Args:
        reports: reads the books.
        by: one line for each of these.
        wanted: which costs.
        limit: most lines, 1 to 1000.

    Raises:
        InvalidInputError: for a span that ends before it begins, or a limit out of range.
    """
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise InvalidInputError(
            "the span ends before it begins", remedy="give an earlier --since or a later --until"
        )
    lines = _lines(
        await reports.report(by, wanted, limit=limit),
        await reports.qualities(by, wanted, limit=limit),
    )
    whole = _lines(await reports.report(None, wanted), await reports.qualities(None, wanted))
    return MoneyReport(
        by=by, wanted=wanted, lines=lines, whole=next(iter(whole), None), limit=limit
    )


async def daily_costs(
    reports: CostReports, by: GroupBy, key: str | None, wanted: CostFilter
) -> Mapping[str, CostTotal]:
    """What one group did cost per day, of the latest thousand.

    Args:
        reports: reads the books.
        by: kind of the group.
        key: of the group; None for all groups together.
        wanted: which costs.
    """
    some = wanted if key is None else replace(wanted, only={**wanted.only, by.value: key})
    return {it.key: it for it in await reports.report(GroupBy.DAY, some) if it.key is not None}


def _lines(totals: Sequence[CostTotal], qualities: Sequence[CostQuality]) -> tuple[Line, ...]:
    known = {it.key: it for it in qualities}
    return tuple(Line(total=it, quality=known.get(it.key)) for it in totals)
