"""What the reliability experiments show, in small: crashes, replicas, and servers that go away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments import chaos, crash, replicas


def _figures(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(path.read_text())
    return figures


def test_ten_kills_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten kills per database: nothing acknowledged is lost or there twice, and all sums are equal."""
    code = crash.main(["--kills", "10", "--json", str(tmp_path / "crash.json")])
    kills = _figures(tmp_path / "crash.json")["kills"]
    assert [it["database"] for it in kills].count("postgresql") == 10
    assert len(kills) == 20
    assert sum(it["promised"] for it in kills) >= 20
    assert (sum(it["missing"] for it in kills), sum(it["twice"] for it in kills)) == (0, 0)
    assert max(it["error"] for it in kills) <= 1e-9
    assert code == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("crash (10 kills): 8 of 8 hold")


def test_a_store_that_is_not_atomic_is_caught(tmp_path: Path) -> None:
    """The same kills find out a store that writes an observation in two transactions."""
    code = crash.main(["--kills", "4", "--torn", "--json", str(tmp_path / "torn.json")])
    assert code == 1
    assert max(it["error"] for it in _figures(tmp_path / "torn.json")["kills"]) > 1e-9


def test_replicas_learn_what_one_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes end with the state of one, and with the sums of their common log."""
    monkeypatch.setattr(replicas, "SIZES", (1, 3))
    replicas.main(["--rounds", "2", "--size", "48", "--json", str(tmp_path / "replicas.json")])
    rows = _figures(tmp_path / "replicas.json")["rows"]
    assert [row["processes"] for row in rows] == [1, 3]
    assert all(row["online_error"] <= 1e-9 and row["recorded_error"] <= 1e-9 for row in rows)


def test_requests_are_answered_whatever_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis and PostgreSQL go and come back: all is answered, and nothing promised is lost."""
    monkeypatch.setattr(chaos, "AWAY", 0.3)
    code = chaos.main(["--json", str(tmp_path / "chaos.json")])
    assert code == 0, _figures(tmp_path / "chaos.json")["verdict"]
