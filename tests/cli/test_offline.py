"""Offline: nobody is called or paid, and every command sees what was done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run, Served


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, machine: Path) -> Path:
    """A machine that is offline; where its decisions are kept."""
    monkeypatch.setenv("CONDUIT_OFFLINE", "1")
    return machine / "data" / "offline.db"


def test_every_command_sees_what_was_asked_offline(conduit: Run, offline: Path) -> None:
    """A decision of llm() can be rated, counted, evaluated and looked after."""
    program = "import conduit; print(conduit.llm('What is 2+2?').decision_id)"
    decision = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60)
    rated = conduit("feedback", decision.strip(), "--rating", 5, "--json")
    assert (rated.code, rated.json["changed"]) == (0, True)
    status = conduit("db", "status", "--json").json
    assert (status["place"], status["contents"]["rows"]["decisions"]) == (str(offline), 1)
    assert "there is no database" not in conduit("evaluate").error
    assert sum(row["calls"] or 0 for row in conduit("models", "--json").json) == 1
    assert not (offline.parent / "conduit.db").exists()


def test_offline_run_calls_nobody(conduit: Run, openai: Served, offline: Path) -> None:
    """With a key and an address set, no connection is opened, and the answer is a scripted one."""
    ran = conduit("run", "What is 2+2?", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["text"].endswith("answers offline: What is 2+2?")
    assert (openai.bodies, openai.server.connections) == ([], 0)
    assert conduit("feedback", ran.json["decision_id"], "--rating", 4).code == 0
    assert offline.exists()


def test_offline_run_asks_for_no_key(conduit: Run, offline: Path) -> None:
    """Any model of the catalogue lends its name and price."""
    ran = conduit("run", "What is 2+2?", "--model", "gpt-4o-mini")
    assert (ran.code, ran.out) == (0, "gpt-4o-mini answers offline: What is 2+2?\n")


def test_a_named_database_is_used_offline_too(
    conduit: Run, offline: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names a file for a call, or for all that is offline, means that file."""
    named, for_all = machine / "named.db", machine / "for_all.db"
    assert conduit("run", "What is 2+2?", "--database", named).code == 0
    status = conduit("db", "status", "--json", "--database", named).json
    assert status["contents"]["rows"]["decisions"] == 1
    monkeypatch.setenv("CONDUIT_OFFLINE_DATABASE", str(for_all))
    assert conduit("run", "What is 2+2?").code == 0
    assert conduit("db", "status", "--json").json["place"] == str(for_all)
    assert not offline.exists()


@pytest.mark.parametrize(
    ("variable", "scheme"), [("DATABASE_URL", "sqlite:///"), ("CONDUCTOR_DB_PATH", "")]
)
def test_the_database_of_real_models_hears_of_no_scripted_one(
    conduit: Run, offline: Path, monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    """What is set for every program books no invented costs: it is not even made."""
    real = offline.parent / "real.db"
    monkeypatch.setenv(variable, f"{scheme}{real}")
    assert conduit("run", "What is 2+2?").code == 0
    assert conduit("db", "status", "--json").json["place"] == str(offline)
    assert (real.exists(), offline.exists()) == (False, True)
