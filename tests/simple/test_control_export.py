"""Records that leave the books: for programs, spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from pyarrow import parquet

from conduit import CostController, SQLiteStorage
from conduit.budgets import cost_rows
from conduit.core.errors import ConfigurationError
from tests.simple.control_house import own_house


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CostController]:
    """With three costs, one of them of a user who would like to be a formula."""
    with own_house(tmp_path, monkeypatch):
        controller = CostController(SQLiteStorage(tmp_path / "conductor.db"))
        controller.record_cost("anna", 0.5, "gpt-4o", "chat", id="a", prompt_tokens=7)
        controller.record_cost("=HYPERLINK(1)", 0.25, "gpt-4o", 'a "quoted", line', id="b")
        controller.record_cost("ben", 0.000000001, "gpt-4o-mini", id="c")
        yield controller


def test_rows_are_the_records_the_newest_first(controller: CostController) -> None:
    """Narrowed by whose they are, what they were for, and when."""
    rows = controller.export_records()
    assert [row["id"] for row in rows] == ["c", "b", "a"]
    assert rows[2] | {"timestamp": ""} == {
        "id": "a",
        "timestamp": "",
        "user_id": "anna",
        "cost_usd": 0.5,
        "model": "gpt-4o",
        "task_type": "chat",
        "prompt_tokens": 7,
        "completion_tokens": None,
        "baseline_cost_usd": 0.5,
        "provider": "",
        "kind": "reported",
        "session": None,
        "decision_id": None,
    }
    assert [row["id"] for row in controller.export_records("dict", user_id="ben")] == ["c"]
    assert [row["id"] for row in controller.export_records("dict", task_type="chat")] == ["a"]
    assert controller.export_records("dict", since=time.time() + 1) == []


def test_csv_can_be_read_back_and_holds_no_formula(controller: CostController) -> None:
    """What begins like a formula gets an apostrophe; commas and quotes stay what they are."""
    rows = list(csv.DictReader(io.StringIO(controller.export_records("csv"))))
    assert [row["id"] for row in rows] == ["c", "b", "a"]
    assert rows[1]["user_id"] == "'=HYPERLINK(1)"
    assert rows[1]["task_type"] == 'a "quoted", line'
    assert [float(row["cost_usd"]) for row in rows] == [1e-9, 0.25, 0.5]
    assert rows[0]["task_type"] == ""


def test_parquet_has_types(controller: CostController) -> None:
    """Numbers are numbers, moments are timestamps in UTC, and what nobody said is null."""
    table = parquet.read_table(io.BytesIO(controller.export_records("parquet")))
    assert tuple(table.column_names) == cost_rows.COLUMNS
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == ["c", "b", "a"]
    assert rows[2]["timestamp"].astimezone(UTC).timestamp() <= time.time()
    assert (rows[2]["prompt_tokens"], rows[0]["task_type"]) == (7, None)
    assert rows[1]["user_id"] == "=HYPERLINK(1)"


def test_nothing_exports_too(controller: CostController) -> None:
    """No rows, a line of names, a table without rows."""
    assert controller.export_records("dict", user_id="nobody") == []
    assert controller.export_records("csv", user_id="nobody").splitlines() == [
        ",".join(cost_rows.COLUMNS)
    ]
    table = parquet.read_table(io.BytesIO(controller.export_records("parquet", user_id="nobody")))
    assert table.num_rows == 0


def test_pages_make_one_export(controller: CostController, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages it takes, every record is there once."""
    monkeypatch.setattr(cost_rows, "MOST_RECORDS", 2)
    assert [row["id"] for row in controller.export_records()] == ["c", "b", "a"]
    assert len(controller.export_records("csv").splitlines()) == 1 + 3


def test_without_pyarrow_the_extra_is_named(
    controller: CostController, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And CSV is offered in its place."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"conduit-router\[parquet\]"):
        controller.export_records("parquet")
