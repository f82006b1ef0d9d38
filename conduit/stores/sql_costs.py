"""Units of work on costs: records of calls, and their sums, which the database adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    distinct,
    func,
    select,
    true,
    tuple_,
)

from conduit.core.budgets import DAY, NANO, nanos
from conduit.core.costs import (
    CostFilter,
    CostKind,
    CostPage,
    CostRecord,
    CostTotal,
    GroupBy,
)
from conduit.stores.cost_sums import Place, day, page
from conduit.stores.sql_dialect import COUNTED, insert_new, whole
from conduit.stores.sql_schema import costs

_RENAMED = {"user": "user_id"}
_COLUMNS = {it.name: _RENAMED.get(it.name, it.name) for it in fields(CostRecord)}
_KNOWN = select(costs).where(costs.c.id.in_(bindparam("ids", expanding=True)))
_REQUEST = func.coalesce(costs.c.decision_id, costs.c.id)


def known_costs(conn: Connection, ids: Sequence[str]) -> dict[str, CostRecord]:
    """Those of some records that are there already, by id."""
    if not ids:
        return {}
    return {row.id: _record_of(row) for row in conn.execute(_KNOWN, {"ids": ids})}


def write_costs(conn: Connection, records: Sequence[CostRecord]) -> int:
    """Keep records, except those that another process has kept; how many were kept."""
    if not records:
        return 0
    rows = sorted(map(_row, records), key=lambda row: str(row["id"]))
    return conn.execute(insert_new(conn, costs), rows, execution_options=COUNTED).rowcount


def read_page(conn: Connection, wanted: CostFilter, *, limit: int, after: Place | None) -> CostPage:
    """Records, the newest first, that came before a place."""
    query = select(costs).where(_meant(wanted))
    if after is not None:
        query = query.where(tuple_(costs.c.at, costs.c.id) < after)
    query = query.order_by(costs.c.at.desc(), costs.c.id.desc()).limit(limit + 1)
    return page([*map(_record_of, conn.execute(query))], limit=limit)


def read_totals(
    conn: Connection, group_by: GroupBy, wanted: CostFilter, *, limit: int
) -> list[CostTotal]:
    """Sums per group, the dearest first, and days from the latest."""
    by_day = group_by is GroupBy.DAY
    key = whole(conn, costs.c.at / DAY) if by_day else _column(group_by)
    cost = func.sum(costs.c.cost)
    query = (
        select(
            key.label("key"),
            cost.label("cost"),
            func.sum(costs.c.base_cost).label("base_cost"),
            func.count(distinct(_REQUEST)).label("requests"),
            func.count().label("calls"),
            func.coalesce(func.sum(costs.c.input_tokens), 0).label("input_tokens"),
            func.coalesce(func.sum(costs.c.output_tokens), 0).label("output_tokens"),
        )
        .where(_meant(wanted))
        .group_by(key)
        .order_by(*([key.desc()] if by_day else [cost.desc(), key.nulls_first()]))
        .limit(limit)
    )
    return [_total_of(row, by_day=by_day) for row in conn.execute(query)]


def _column(group_by: GroupBy) -> ColumnElement[str | None]:
    column: ColumnElement[str | None] = costs.c[_RENAMED.get(group_by.value, group_by.value)]
    return column


def _meant(wanted: CostFilter) -> ColumnElement[bool]:
    meant: ColumnElement[bool] = true()
    if wanted.since is not None:
        meant &= costs.c.at >= wanted.since
    if wanted.until is not None:
        meant &= costs.c.at < wanted.until
    for name, value in wanted.only.items():
        meant &= _column(GroupBy(name)) == value
    return meant


def _row(record: CostRecord) -> dict[str, Any]:
    row = {column: getattr(record, name) for name, column in _COLUMNS.items()}
    row["cost"] = nanos(record.cost, what="a cost")
    row["base_cost"] = nanos(record.base_cost, what="a cost")
    return row


def _record_of(row: Row[Any]) -> CostRecord:
    values = row._asdict()
    values |= {"user": values.pop("user_id"), "kind": CostKind(row.kind)}
    return CostRecord(**values | {"cost": row.cost / NANO, "base_cost": row.base_cost / NANO})


def _total_of(row: Row[Any], *, by_day: bool) -> CostTotal:
    """PostgreSQL answers decimal sums of whole numbers."""
    return CostTotal(
        key=day(int(row.key)) if by_day else row.key,
        cost=int(row.cost) / NANO,
        base_cost=int(row.base_cost) / NANO,
        requests=row.requests,
        calls=row.calls,
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
    )
