"""Conductor's ``/records``: what calls did cost, one by one."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.compatibility import Taken, Usd, compatible_routes
from conduit.api.directives import Name
from conduit.api.gateway import Opened, opened
from conduit.budgets.ledger import Ledger
from conduit.core.budgets import Scope, ScopeKind
from conduit.core.costs import MOST_RECORDS, CostFilter, CostKind, CostPage, CostRecord

routes = compatible_routes()
Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]
Moment = Annotated[float, Query(ge=0, le=1e11, allow_inf_nan=False)]


class NewRecord(Taken):
    """A cost that was paid elsewhere; it counts in the budgets of its user, model and task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "user_123",
                    "cost_usd": 0.008,
                    "model": "gpt-4o-mini",
                    "task_type": "chat",
                }
            ]
        }
    )

    user_id: Name
    cost_usd: Usd
    model: Name
    task_type: Name | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    id: Name | None = Field(default=None, description="The same one again is booked once.")


class RecordBody(BaseModel):
    """What one call did cost, failed ones included; in USD."""

    id: str
    timestamp: str = Field(description="ISO 8601, UTC.")
    user_id: str | None
    cost_usd: float
    model: str
    task_type: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    baseline_cost_usd: float
    provider: str
    kind: CostKind
    session: str | None
    decision_id: str | None

    @classmethod
    def of(cls, record: CostRecord) -> RecordBody:
        """The same for people."""
        return cls(
            id=record.id,
            timestamp=datetime.fromtimestamp(record.at, UTC).isoformat(),
            user_id=record.user,
            cost_usd=record.cost,
            model=record.model,
            task_type=record.task_type,
            prompt_tokens=record.input_tokens,
            completion_tokens=record.output_tokens,
            baseline_cost_usd=record.base_cost,
            provider=record.provider,
            kind=record.kind,
            session=record.session,
            decision_id=record.decision_id,
        )


class BookedRecord(RecordBody):
    """A record, and whether it was new."""

    booked: bool


class Records(BaseModel):
    """Records, the newest first."""

    records: list[RecordBody]
    cursor: str | None = Field(description="Asks for the next page; null at the end.")


@routes.post("/records", summary="Conductor: put a cost on record")
async def record_cost(body: NewRecord, request: Request) -> BookedRecord:
    """For calls that were made without this server."""
    server = opened(request.scope)
    record = _record(body, server)
    scopes = [Scope(ScopeKind.USER, body.user_id), Scope(ScopeKind.MODEL, body.model)]
    if body.task_type is not None:
        scopes.append(Scope(ScopeKind.TASK_TYPE, body.task_type))
    booked = await server.ledger.record_cost(record, scopes)
    return BookedRecord(**RecordBody.of(record).model_dump(), booked=booked)


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
    cursor: Annotated[str | None, Query(max_length=256, description="Of the page before.")] = None,
) -> Records | StreamingResponse:
    """The newest first."""
    named = {"user": user_id, "model": model, "task_type": task_type}
    only = {name: value for name, value in named.items() if value is not None}
    wanted = CostFilter(since=since, until=until, only=only)
    ledger = opened(request.scope).ledger
    page = await ledger.records(wanted, limit=limit, cursor=cursor)
    if shape == "csv":
        lines = _lines(ledger, wanted, page)
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8")
    return Records(records=[RecordBody.of(it) for it in page.records], cursor=page.cursor)


def _record(body: NewRecord, server: Opened) -> CostRecord:
    given, made = body.prompt_tokens, body.completion_tokens
    price, base_cost = server.router.baseline.price, body.cost_usd
    if price is not None and given is not None and made is not None:
        base_cost = price.cost(input_tokens=given, output_tokens=made)
    providers = {arm.id: arm.provider for arm in server.router.arms}
    return CostRecord(
        id=body.id or uuid4().hex,
        at=time.time(),
        kind=CostKind.REPORTED,
        model=body.model,
        provider=providers.get(body.model, ""),
        cost=body.cost_usd,
        base_cost=base_cost,
        input_tokens=given,
        output_tokens=made,
        user=body.user_id,
        task_type=body.task_type,
    )


async def _lines(ledger: Ledger, wanted: CostFilter, page: CostPage) -> AsyncIterator[str]:
    """All records from a page on, one page in memory at a time."""
    yield _line(list(RecordBody.model_fields))
    while True:
        yield "".join(
            _line(list(RecordBody.of(record).model_dump(mode="json").values()))
            for record in page.records
        )
        if page.cursor is None:
            return
        page = await ledger.records(wanted, limit=MOST_RECORDS, cursor=page.cursor)


def _line(cells: list[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _harmless(cell: object) -> object:
    """Names are their users' own: none may be a formula in somebody's spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell
