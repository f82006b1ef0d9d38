"""Bodies of Conductor's ``/records``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from conduit.api.compatibility import Taken, Usd
from conduit.api.directives import Name
from conduit.budgets.cost_rows import row_of
from conduit.core.costs import CostKind, CostRecord

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
        row: dict[str, Any] = row_of(record)
        return cls(**row)


class BookedRecord(RecordBody):
    """A record, and whether it was new."""

    booked: bool


class Records(BaseModel):
    """Records, the newest first."""

    records: list[RecordBody]
    cursor: str | None = Field(description="Asks for the next page; null at the end.")
