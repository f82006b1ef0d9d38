"""What calls did cost, one by one: for programs, for spreadsheets, and for data frames."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from conduit.budgets.cost_rows import COLUMNS, csv_lines, pages, row_of
from conduit.core.costs import CostFilter, CostRecord
from conduit.core.errors import ConfigurationError, InvalidInputError
from conduit.simple.control.bookkeeper import Bookkeeper

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("dict", "csv", "parquet")
Row: TypeAlias = dict[str, object]
Exported: TypeAlias = list[Row] | str | bytes
ROWS = 100_000
"""Of a row group; all of one are in memory at once."""


def exported(keeper: Bookkeeper, form: str, wanted: CostFilter) -> Exported:
    """The records that are wanted, the newest first.

    Args:
        keeper: has them read, a page at a time.
        form: one of :data:`FORMATS`.
        wanted: which.

    Raises:
        InvalidInputError: for another format.
        ConfigurationError: for Parquet without pyarrow.
    """
    if form == "dict":
        return [row_of(record) for record in _records(keeper, wanted)]
    if form == "csv":
        return "".join(keeper.each(lambda ledger: csv_lines(ledger, wanted)))
    if form == "parquet":
        return _parquet(_records(keeper, wanted))
    raise InvalidInputError(
        f"records are not exported as {form!r}", remedy=f"choose one of: {', '.join(FORMATS)}"
    )


def _records(keeper: Bookkeeper, wanted: CostFilter) -> Iterator[CostRecord]:
    for page in keeper.each(lambda ledger: pages(ledger, wanted)):
        yield from page.records


def _parquet(records: Iterable[CostRecord]) -> bytes:
    try:
        import pyarrow as pa  # noqa: PLC0415  # heavy, and in an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "pyarrow, which writes Parquet files, is not installed",
            remedy="pip install 'conduit-router[parquet]', or export as csv",
        ) from error
    schema, file = _schema(pa), io.BytesIO()
    with parquet.ParquetWriter(file, schema) as writer:
        for rows in _groups(records):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return file.getvalue()


def _schema(arrow: pa) -> pa.Schema:
    """Of :data:`~conduit.budgets.cost_rows.COLUMNS`; the moment is a timestamp in UTC."""
    kinds = {
        "timestamp": arrow.timestamp("us", tz="UTC"),
        "cost_usd": arrow.float64(),
        "baseline_cost_usd": arrow.float64(),
        "prompt_tokens": arrow.int64(),
        "completion_tokens": arrow.int64(),
    }
    return arrow.schema([(column, kinds.get(column, arrow.string())) for column in COLUMNS])


def _groups(records: Iterable[CostRecord]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for record in records:
        row = row_of(record)
        rows.append(row | {"timestamp": datetime.fromisoformat(str(row["timestamp"]))})
        if len(rows) == ROWS:
            yield rows
            rows = []
    yield rows
