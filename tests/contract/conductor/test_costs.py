"""``CostController`` and ``SQLiteStorage`` as Conductor's README prints them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from . import snippets
from .places import THREADS, Ran, at_once, in_jupyter, offline, script, times

SNIPPETS = {
    "costs": snippets.COSTS,
    "storage": snippets.STORAGE,
    "controller": f"{snippets.CONTROLLER}\nprint(report.total_cost_usd)",
    "sqlite": snippets.SQLITE,
}
RECORDS = {"costs": 1, "storage": 1, "controller": 1, "sqlite": 0}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """What Jupyter said of every snippet."""
    return in_jupyter(offline(tmp_path_factory.mktemp("jupyter")), SNIPPETS)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every snippet, alone and in 32 threads."""
    return at_once(offline(tmp_path_factory.mktemp("threads")), SNIPPETS)


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


@pytest.mark.parametrize("name", SNIPPETS)
def test_it_runs_in_jupyter(cells: dict[str, tuple[str, str]], name: str) -> None:
    """A real kernel, whose event loop runs, takes every snippet as it is."""
    status, said = cells[name]
    assert status == "ok", said


@pytest.mark.parametrize("name", RECORDS)
def test_costs_of_32_threads_add_up(ran: dict[str, Ran], name: str) -> None:
    """Thirty-two at once book what one books, thirty-two times, to the nanodollar."""
    assert ran[name].alone.total() == RECORDS[name]
    assert ran[name].together == times(ran[name].alone, THREADS)
