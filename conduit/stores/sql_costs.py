"""Units of work on costs: records of calls, and their sums, which the database adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    distinct,
    func,
    null,
    select,
    true,
    tuple_,
    update,
)

from conduit.core.budgets import DAY, NANO, nanos
from conduit.core.costs import (
    CostFilter,
    CostKind,
    CostPage,
    CostQuality,
    CostRecord,
    CostTotal,
    GroupBy,
)
from conduit.core.outcomes import Signal
from conduit.stores.cost_sums import Place, day, page
from conduit.stores.sql_dialect import COUNTED, insert_new, whole
from conduit.stores.sql_schema import costs, observations

_RENAMED = {"user": "user_id"}
_COLUMNS = {it.name: _RENAMED.get(it.name, it.name) for it in fields(CostRecord)}
_KNOWN = (
    select(costs)
    .where(costs.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(costs.c.id)
    .with_for_update()
)
_REQUEST = func.coalesce(costs.c.decision_id, costs.c.id)
_RATED = and_(
    observations.c.decision_id == costs.c.decision_id,
    observations.c.arm == costs.c.model,
    observations.c.signal == Signal.RATING.value,
)


def known_costs(conn: Connection, ids: Sequence[str]) -> dict[str, CostRecord]:
    """Those of some records that are there already, by id, locked."""
    if not ids:
        return {}
    return {row.id: _record_of(row) for row in conn.execute(_KNOWN, {"ids": ids})}


def read_record(conn: Connection, id_: str) -> CostRecord | None:
    """A record; None where there is none."""
    row = conn.execute(select(costs).where(costs.c.id == id_)).one_or_none()
    return None if row is None else _record_of(row)


def write_costs(conn: Connection, records: Sequence[CostRecord]) -> int:
    """Keep records, except those that another process has kept; how many were kept."""
    if not records:
        return 0
    rows = sorted(map(_row, records), key=lambda row: str(row["id"]))
    return conn.execute(insert_new(conn, costs), rows, execution_options=COUNTED).rowcount


def correct_costs(conn: Connection, records: Sequence[CostRecord]) -> None:
    """Put records in the place of those that are known by their ids."""
    for record in records:
        conn.execute(update(costs).where(costs.c.id == record.id).values(_row(record)))


def read_page(conn: Connection, wanted: CostFilter, *, limit: int, after: Place | None) -> CostPage:
    """Records, the newest first, that came before a place."""
    query = select(costs).where(_meant(wanted))
    if after is not None:
        query = query.where(tuple_(costs.c.at, costs.c.id) < after)
    query = query.order_by(costs.c.at.desc(), costs.c.id.desc()).limit(limit + 1)
    return page([*map(_record_of, conn.execute(query))], limit=limit)


def read_totals(
    conn: Connection, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
) -> list[CostTotal]:
    """Sums per group, the dearest first, and days from the latest."""
    key, cost = _key(conn, group_by), func.sum(costs.c.cost)
    query = select(
        key.label("key"),
        cost.label("cost"),
        func.sum(costs.c.base_cost).label("base_cost"),
        func.count(distinct(_REQUEST)).label("requests"),
        func.count().label("calls"),
        func.coalesce(func.sum(costs.c.input_tokens), 0).label("input_tokens"),
        func.coalesce(func.sum(costs.c.output_tokens), 0).label("output_tokens"),
    ).where(_meant(wanted))
    rows = conn.execute(_grouped(query, group_by, key, cost).limit(limit))
    return [_total_of(row, group_by) for row in rows if row.calls]


def read_qualities(
    conn: Connection, group_by: GroupBy | None, wanted: CostFilter, *, limit: int
) -> list[CostQuality]:
    """The mean rating, in the order of the sums, of those of the first groups that have one."""
    key = _key(conn, group_by)
    answers = (  # one for each, whatever calls it took
        select(key.label("key"), func.max(observations.c.value).label("value"))
        .select_from(costs.join(observations, _RATED))
        .where(_meant(wanted))
        .group_by(*_keys(key, group_by), observations.c.decision_id, observations.c.arm)
        .subquery()
    )
    mean = func.avg(answers.c.value).label("quality")
    rated = func.count(answers.c.value).label("rated")
    if group_by is None:
        query: Select[Any] = select(null().label("key"), mean, rated)
    else:
        rates = select(answers.c.key, mean, rated).group_by(answers.c.key).subquery()
        cost = func.sum(costs.c.cost)
        sums: Select[Any] = select(key.label("key"), cost.label("cost")).where(_meant(wanted))
        top = _grouped(sums, group_by, key, cost).limit(limit).subquery()
        same = top.c.key.is_not_distinct_from(rates.c.key)
        found: Select[Any] = select(top.c.key, rates.c.quality, rates.c.rated)
        found = found.select_from(top.join(rates, same))
        query = found.order_by(*_order(group_by, top.c.key, top.c.cost))
    return [
        CostQuality(key=_name(row.key, group_by), quality=row.quality, rated=row.rated)
        for row in conn.execute(query)
        if row.rated
    ]


def _key(conn: Connection, group_by: GroupBy | None) -> ColumnElement[Any]:
    if group_by is None:
        return null()
    return whole(conn, costs.c.at / DAY) if group_by is GroupBy.DAY else _column(group_by)


def _grouped(
    query: Select[Any],
    group_by: GroupBy | None,
    key: ColumnElement[Any],
    cost: ColumnElement[Any],
) -> Select[Any]:
    """In the order that is promised; without a grouping there is one row, of nothing too."""
    if group_by is None:
        return query
    return query.group_by(key).order_by(*_order(group_by, key, cost))


def _keys(key: ColumnElement[Any], group_by: GroupBy | None) -> list[ColumnElement[Any]]:
    return [] if group_by is None else [key]


def _order(
    group_by: GroupBy, key: ColumnElement[Any], cost: ColumnElement[Any]
) -> list[ColumnElement[Any]]:
    return [key.desc()] if group_by is GroupBy.DAY else [cost.desc(), key.nulls_first()]


def _name(key: Any, group_by: GroupBy | None) -> str | None:
    name: str | None = day(int(key)) if group_by is GroupBy.DAY else key
    return name


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


def _total_of(row: Row[Any], group_by: GroupBy | None) -> CostTotal:
    """PostgreSQL answers decimal sums of whole numbers."""
    return CostTotal(
        key=_name(row.key, group_by),
        cost=int(row.cost) / NANO,
        base_cost=int(row.base_cost) / NANO,
        requests=row.requests,
        calls=row.calls,
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
    )
