"""Experiments on stores: what they measure at a small size, and when they fall short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import bench_store, growth


def test_bench_store_measures_both_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rates of the store and of the driver, bytes written, and the verdict as the last line."""
    file = tmp_path / "figures.json"
    code = bench_store.main(["--seeds", "1", "--size", "600", "--json", str(file)])
    figures = json.loads(file.read_text())
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == figures["verdict"]
    assert code == (1 if "short" in last else 0)
    for what in ("decisions", "feedback"):
        assert all(rate > 0 for side in figures["rates"][what].values() for rate in side)
    assert figures["wal_bytes_per_feedback"] > 100
    assert figures["arm_state_rows"] == 5


def test_bench_store_holds_or_falls_short() -> None:
    """Less than half of the driver's rate, or a table that swells, is said by name."""
    rates = {"decisions": bench_store.Rates([40.0], [100.0])}
    checks = bench_store.checks_of(rates, {"arm_state_megabytes": 65.0})
    assert [check.holds for check in checks] == [False, False]
    rates = {"decisions": bench_store.Rates([50.0], [100.0])}
    checks = bench_store.checks_of(rates, {"arm_state_megabytes": 64.0})
    assert [check.holds for check in checks] == [True, True]


def test_growth_looks_at_every_tenth(tmp_path: Path) -> None:
    """Ten moments, each with a memory, an opening and the plans of the statements of a request."""
    file = tmp_path / "figures.json"
    growth.main(["--seeds", "1", "--size", "2500", "--json", str(file)])
    moments = json.loads(file.read_text())["moments"]
    assert [it["decisions"] for it in moments] == [501, 1001, 1501, 2001, 2501]
    assert all(it["memory"] > 10 and it["opening"] > 0 and it["statements"] > 10 for it in moments)


def test_growth_knows_a_table_that_is_read_from_end_to_end() -> None:
    """More memory, a longer opening or one scan at the end, and the check of that name fails."""
    first = growth.Moment(
        decisions=1, memory=100.0, opening=0.1, scans=(), statements=9, database=1.0
    )
    worse = growth.Moment(
        decisions=10, memory=117.0, opening=0.16, scans=("SELECT",), statements=9, database=9.0
    )
    assert [check.holds for check in growth.checks_of([first, first])] == [True, True, True]
    assert [check.holds for check in growth.checks_of([first, worse])] == [False, False, False]
