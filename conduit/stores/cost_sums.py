"""Costs in memory: what a filter means, pages, and sums, which the tables' queries must equal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import nlargest
from typing import TypeAlias

from conduit.core.budgets import DAY, NANO, nanos
from conduit.core.costs import CostFilter, CostPage, CostQuality, CostRecord, CostTotal, GroupBy
from conduit.core.errors import InvalidInputError

Place: TypeAlias = tuple[float, str]
"""Of a record among all: its moment and its id."""
Ratings: TypeAlias = Mapping[tuple[str, str], float]
"""By decision and arm, 0 to 1."""


def parse_cursor(cursor: str) -> Place:
    """Where the page before ended.

    Raises:
        InvalidInputError: for a text that no page gave.
    """
    at, _, id_ = cursor.partition(" ")
    try:
        moment = float(at)
    except ValueError:
        moment = math.nan
    if not math.isfinite(moment):
        raise InvalidInputError(
            f"cursor={cursor[:40]!r} is of no page", remedy="pass the one that a page gave"
        )
    return moment, id_


def page(records: Sequence[CostRecord], *, limit: int) -> CostPage:
    """Of one record more than the page holds, where there is one."""
    some = tuple(records[:limit])
    more = len(records) > limit
    return CostPage(records=some, cursor=f"{some[-1].at!r} {some[-1].id}" if more else None)


def page_of(
    records: Iterable[CostRecord], wanted: CostFilter, *, limit: int, after: Place | None
) -> CostPage:
    """Records, the newest first, that came before a place."""
    some = (it for it in records if _meant(it, wanted) and (after is None or _place(it) < after))
    return page(nlargest(limit + 1, some, key=_place), limit=limit)


def totals_of(
    records: Iterable[CostRecord], group_by: GroupBy | None, wanted: CostFilter
) -> list[CostTotal]:
    """Sums per group, the dearest first and days from the latest."""
    groups = _groups(records, group_by, wanted)
    totals = [_total(key, some) for key, some in groups.items()]
    if group_by is GroupBy.DAY:
        return sorted(totals, key=lambda it: it.key or "", reverse=True)
    return sorted(totals, key=lambda it: (-it.cost, it.key or ""))


def qualities_of(
    records: Sequence[CostRecord],
    ratings: Ratings,
    group_by: GroupBy | None,
    wanted: CostFilter,
    *,
    limit: int,
) -> list[CostQuality]:
    """The mean rating, in the order of their sums, of those of the first groups that have one."""
    groups = _groups(records, group_by, wanted)
    order = totals_of(records, group_by, wanted)[:limit]
    found = (_quality(it.key, groups[it.key], ratings) for it in order)
    return [it for it in found if it.rated]


def day(number: int) -> str:
    """The calendar day that many days after the epoch, as ``2026-11-21``."""
    return datetime.fromtimestamp(number * DAY, UTC).strftime("%Y-%m-%d")


def _place(record: CostRecord) -> Place:
    return record.at, record.id


def _meant(record: CostRecord, wanted: CostFilter) -> bool:
    if wanted.since is not None and record.at < wanted.since:
        return False
    if wanted.until is not None and record.at >= wanted.until:
        return False
    return all(_key(record, GroupBy(name)) == value for name, value in wanted.only.items())


def _groups(
    records: Iterable[CostRecord], group_by: GroupBy | None, wanted: CostFilter
) -> dict[str | None, list[CostRecord]]:
    groups: dict[str | None, list[CostRecord]] = {}
    for record in records:
        if _meant(record, wanted):
            key = None if group_by is None else _key(record, group_by)
            groups.setdefault(key, []).append(record)
    return groups


def _key(record: CostRecord, group_by: GroupBy) -> str | None:
    if group_by is GroupBy.DAY:
        return day(int(record.at // DAY))
    key: str | None = getattr(record, group_by.value)
    return key


def _total(key: str | None, records: Sequence[CostRecord]) -> CostTotal:
    return CostTotal(
        key=key,
        cost=sum(nanos(it.cost, what="a cost") for it in records) / NANO,
        base_cost=sum(nanos(it.base_cost, what="a cost") for it in records) / NANO,
        requests=len({it.decision_id or it.id for it in records}),
        calls=len(records),
        input_tokens=sum(it.input_tokens or 0 for it in records),
        output_tokens=sum(it.output_tokens or 0 for it in records),
    )


def _quality(key: str | None, records: Iterable[CostRecord], ratings: Ratings) -> CostQuality:
    answered = {(it.decision_id or "", it.model) for it in records}
    rated = [ratings[it] for it in answered if it in ratings]
    mean = math.fsum(rated) / len(rated) if rated else 0.0
    return CostQuality(key=key, quality=mean, rated=len(rated))
