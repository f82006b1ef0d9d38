"""Cost records as people and programs read them: as JSON and as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from conduit.api.compatibility import Taken, Usd
from conduit.api.directives import Name
from conduit.budgets.csv_cells import csv_line
from conduit.budgets.ledger import Ledger
from conduit.core.costs import MOST_RECORDS, CostFilter, CostKind, CostPage, CostRecord

Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]


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


async def csv_lines(ledger: Ledger, wanted: CostFilter, page: CostPage) -> AsyncIterator[str]:
    """All records from a page on, one page in memory at a time."""
    yield csv_line(list(RecordBody.model_fields))
    while True:
        yield "".join(
            csv_line(list(RecordBody.of(record).model_dump(mode="json").values()))
            for record in page.records
        )
        if page.cursor is None:
            return
        page = await ledger.records(wanted, limit=MOST_RECORDS, cursor=page.cursor)
