"""``CostController`` and ``SQLiteStorage`` as Conductor's README prints them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from . import snippets
from .places import Ran, offline, script


def test_cost_control(ran: dict[str, Ran]) -> None:
    """The report of the day has the cost that was recorded, and who spent it."""
    total, spenders = ran["costs"].lines
    assert float(total) == pytest.approx(0.008)
    assert "user_123" in spenders


def test_the_reference_of_the_controller(ran: dict[str, Ran]) -> None:
    """A call of four arguments is recorded; the report of all users has both."""
    assert float(ran["controller"].lines[-1]) >= 0.01


def test_the_storage_is_one_file_that_processes_share(tmp_path: Path) -> None:
    """Two programs that end leave both of their records, and the budget, in conductor.db."""
    machine = offline(tmp_path)
    for _ in range(2):
        assert script(machine, snippets.STORAGE) == []
    with closing(sqlite3.connect(tmp_path / "conductor.db")) as database:
        rows = database.execute("select user_id, cost, model, task_type from costs").fetchall()
        assert rows == [("user_123", 8_000_000, "gpt-4o-mini", "chat")] * 2
        assert database.execute("select scope from budgets").fetchall() == [("user:user_123",)]
