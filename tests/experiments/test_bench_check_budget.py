"""A budget check is as much work after any history, and the experiment that times it sees the truth."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from conduit.core.budgets import NANO
from experiments import bench_check_budget
from experiments.bench_check_budget import FEW, USER, Timed, checks_of, prepared
from experiments.check_history import NANOS
from tests.simple.control_house import own_house


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where nothing of the user's is touched."""
    with own_house(tmp_path, monkeypatch):
        yield tmp_path


@pytest.fixture
def taken() -> Iterator[list[int]]:
    """How many steps SQLite's machine has taken, on all connections that are made meanwhile."""
    steps, counter = [0], count(1)

    def watch(connection: sqlite3.Connection, _: object) -> None:
        def step() -> None:
            steps[0] = next(counter)

        connection.set_progress_handler(step, 1)

    event.listen(Engine, "connect", watch)
    yield steps
    event.remove(Engine, "connect", watch)


def test_a_check_takes_as_many_steps_after_a_hundred_thousand_calls(
    folder: Path, taken: list[int]
) -> None:
    """The database does the same work, step by step, and answers the sum of all calls."""
    steps = []
    for calls in (FEW, 100_000):
        controller, wrong = prepared(folder / f"{calls}.db", calls)
        assert wrong == 0
        before = taken[0]
        (rolling,) = (it for it in controller.check_budget(USER, 0.01) if it.budget.window.rolling)
        steps.append(taken[0] - before)
        assert round(rolling.settled * NANO) == calls * NANOS
    assert steps[0] == steps[1] > 0


def test_a_small_run_reports(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three files are asked, by two clocks; the figures are kept and the last line is the verdict."""
    where = folder / "figures.json"
    bench_check_budget.main(["--rounds", "2", "--size", "1500", "--json", str(where)])
    figures = json.loads(where.read_text())
    assert {clock: len(it["many"]) for clock, it in figures["seconds"].items()} == {
        "wall clock": 2,
        "processor": 2,
    }
    assert capsys.readouterr().out.splitlines()[-1] == figures["verdict"]


def test_what_takes_longer_or_is_wrong_is_seen() -> None:
    """A tenth more than equal files differ by, or a nanodollar."""
    same = Timed(few=(1.0, 1.0, 1.0), again=(1.01, 0.99, 1.0), many=(1.0, 1.01, 0.99))
    slow = Timed(few=(1.0, 1.0, 1.0), again=(1.01, 0.99, 1.0), many=(1.1, 1.11, 1.09))
    assert all(check.holds for check in checks_of({"clock": same}, 0))
    assert not all(check.holds for check in checks_of({"clock": slow}, 0))
    assert not all(check.holds for check in checks_of({"clock": same}, 1))
