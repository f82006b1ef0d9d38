"""Conductor's ``/records``: what calls did cost, one by one."""

from __future__ import annotations

import time
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import Query, Request
from fastapi.responses import StreamingResponse

from conduit.api.compatibility import compatible_routes
from conduit.api.cost_records import BookedRecord, NewRecord, RecordBody, Records
from conduit.api.directives import Name
from conduit.api.gateway import Opened, opened
from conduit.budgets.cost_rows import csv_lines
from conduit.budgets.paying import accounts_of
from conduit.core.costs import MOST_RECORDS, CostFilter, CostKind, CostRecord
from conduit.engines.accounting import base_cost

routes = compatible_routes()
Moment = Annotated[float, Query(ge=0, le=1e11, allow_inf_nan=False)]


@routes.post("/records", summary="Conductor: put a cost on record")
async def record_cost(body: NewRecord, request: Request) -> BookedRecord:
    """For calls that were made without this server; of a known id, the record that is kept."""
    server = opened(request.scope)
    record = _record(body, server)
    booked = await server.ledger.record_cost(record, accounts_of(record))
    kept = None if booked else await server.ledger.record(record.id)
    return BookedRecord(**RecordBody.of(kept or record).model_dump(), booked=booked)


@routes.get(
    "/records",
    summary="Conductor: what calls did cost",
    response_model=Records,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def records(
    request: Request,
    *,
    shape: Annotated[
        Literal["dict", "csv"],
        Query(alias="format", description="dict: pages, as JSON; csv: all of them."),
    ] = "dict",
    user_id: Name | None = None,
    model: Name | None = None,
    task_type: Name | None = None,
    since: Annotated[Moment | None, Query(description="Seconds since the epoch.")] = None,
    until: Annotated[Moment | None, Query(description="Likewise, exclusive.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_RECORDS, description="Of one page.")] = MOST_RECORDS,
    cursor: Annotated[str | None, Query(description="Of the page before.")] = None,
) -> Records | StreamingResponse:
    """The newest first."""
    named = {"user": user_id, "model": model, "task_type": task_type}
    only = {name: value for name, value in named.items() if value is not None}
    wanted = CostFilter(since=since, until=until, only=only)
    ledger = opened(request.scope).ledger
    page = await ledger.records(wanted, limit=limit, cursor=cursor)
    if shape == "csv":
        lines = csv_lines(ledger, wanted, page)
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8")
    return Records(records=[RecordBody.of(it) for it in page.records], cursor=page.cursor)


def _record(body: NewRecord, server: Opened) -> CostRecord:
    given, made = body.prompt_tokens, body.completion_tokens
    providers = {arm.id: arm.provider for arm in server.router.arms}
    return CostRecord(
        id=body.id or uuid4().hex,
        at=time.time(),
        kind=CostKind.REPORTED,
        model=body.model,
        provider=providers.get(body.model, ""),
        cost=body.cost_usd,
        base_cost=base_cost(
            server.router.baseline,
            arm=body.model,
            cost=body.cost_usd,
            input_tokens=given,
            output_tokens=made,
        ),
        input_tokens=given,
        output_tokens=made,
        user=body.user_id,
        task_type=body.task_type,
    )
