"""Cost records as people and spreadsheets read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from conduit.budgets.cost_reports import CostReports
from conduit.budgets.csv_cells import csv_line
from conduit.core.costs import MOST_RECORDS, CostFilter, CostPage, CostRecord

COLUMNS = (
    "id",
    "timestamp",
    "user_id",
    "cost_usd",
    "model",
    "task_type",
    "prompt_tokens",
    "completion_tokens",
    "baseline_cost_usd",
    "provider",
    "kind",
    "session",
    "decision_id",
)
"""Names of what a row holds."""


def row_of(record: CostRecord) -> dict[str, object]:
    """A record by :data:`COLUMNS`: USD, and the moment as ISO 8601 in UTC."""
    return {
        "id": record.id,
        "timestamp": datetime.fromtimestamp(record.at, UTC).isoformat(),
        "user_id": record.user,
        "cost_usd": record.cost,
        "model": record.model,
        "task_type": record.task_type,
        "prompt_tokens": record.input_tokens,
        "completion_tokens": record.output_tokens,
        "baseline_cost_usd": record.base_cost,
        "provider": record.provider,
        "kind": record.kind.value,
        "session": record.session,
        "decision_id": record.decision_id,
    }


async def pages(
    reports: CostReports, wanted: CostFilter, first: CostPage | None = None
) -> AsyncIterator[CostPage]:
    """All records, the newest first, one page in memory at a time.

    Args:
        reports: that hold them.
        wanted: which.
        first: page that was read already.
    """
    page = first or await reports.records(wanted, limit=MOST_RECORDS)
    yield page
    while page.cursor is not None:
        page = await reports.records(wanted, limit=MOST_RECORDS, cursor=page.cursor)
        yield page


async def csv_lines(
    reports: CostReports, wanted: CostFilter, first: CostPage | None = None
) -> AsyncIterator[str]:
    """The same as CSV, which no spreadsheet takes for formulas: a line of names, then pages."""
    yield csv_line(COLUMNS)
    async for page in pages(reports, wanted, first):
        yield "".join(csv_line(row_of(record).values()) for record in page.records)
