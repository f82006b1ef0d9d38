"""``conduit db``: what it says, and what it refuses."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from .conftest import Run, contents
from .log_data import MODELS, write_log


@pytest.fixture
def log(database: Path) -> Path:
    """A database with a log."""
    return write_log(database, decisions=12)


def test_status_of_a_log(conduit: Run, log: Path) -> None:
    """Programs and people are told the same."""
    status = conduit("db", "status", "--json").json
    assert (status["place"], status["kind"], status["up_to_date"]) == (str(log), "sqlite", True)
    assert status["contents"]["rows"]["decisions"] == 12
    assert sum(arm["ratings"] for arm in status["contents"]["arms"].values()) == 12
    assert status["contents"]["lag"] == 0.0
    said = conduit("db", "status").out
    assert f"revision {status['revision']}, the newest" in said
    assert all(model in said for model in MODELS)


def test_status_makes_nothing(conduit: Run, database: Path) -> None:
    """Looking at a database that is not there does not make it."""
    assert "does not exist yet" in conduit("db", "status").out
    assert conduit("db", "status", "--json").json["exists"] is False
    assert not database.exists()


def test_learned_state_moves_to_another_database(conduit: Run, log: Path, tmp_path: Path) -> None:
    """Exported and imported, it is there; the second time it is there already."""
    file, other = str(tmp_path / "learned.zip"), str(tmp_path / "other.db")
    made = conduit("db", "export", file, "--json").json
    taken = conduit("db", "import", file, "--database", other, "--json").json
    assert taken["sha256"] == made["sha256"]
    assert (taken["changed"], sorted(taken["arms"])) == (True, sorted(MODELS))
    assert "nothing changed" in conduit("db", "import", file, "--database", other).out
    ran = conduit("db", "import", file)
    assert ran.code == 2
    assert "has learned already; add --merge" in ran.error
    ran = conduit("db", "import", file, "--merge", "--replace")
    assert "exclude one another" in ran.error


def test_purge_looks_asks_and_forgets(conduit: Run, log: Path) -> None:
    """Nothing goes for --dry-run or without a yes; then all that is older does."""
    before = contents(log)
    looked = conduit("db", "purge", "--older-than", "0s", "--dry-run", "--json").json
    assert looked["done"] is False
    assert looked["rows"]["decisions"] == 12
    ran = conduit("db", "purge", "--older-than", "0s")
    assert ran.code == 2
    assert "there is no terminal to ask" in ran.error
    assert contents(log) == before
    done = conduit("db", "purge", "--older-than", "0s", "--yes", "--json").json
    assert (done["done"], done["rows"]) == (True, looked["rows"])
    assert conduit("db", "purge", "--user", "nobody", "--yes", "--json").json["done"] is False


def test_refit_and_its_record(conduit: Run, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild reads the whole log, and the record says who asked for it."""
    monkeypatch.setenv("CONDUIT_ACTOR", "ada")
    done = conduit("db", "refit", "--json").json
    assert (done["decisions"], done["skipped"]) == (12, 0)
    assert done["observations"] > 12
    (change,) = conduit("db", "changes", "--json").json
    assert (change["actor"], change["action"]) == ("ada", "refit")
    assert "ada" in conduit("db", "changes").out


def test_another_encoder_without_prompts(conduit: Run, log: Path) -> None:
    """The line counts what would be lost and names the way to lose it."""
    with sqlite3.connect(log) as connection:
        connection.execute("UPDATE decisions SET layout = 'another'")
        connection.execute("UPDATE meta SET layout = 'another'")
    connection.close()
    ran = conduit("db", "refit", "--encoder", "hashing")
    assert ran.code == 2
    assert "lose 12 observed decisions without their prompts; add --drop-unreadable" in ran.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["purge"], "nothing says what to forget; give --older-than 30d, --user ID"),
        (["purge", "--older-than", "30"], "'30' is no age; write it as in 90s"),
        (["purge", "--older-than", "-1d"], "'-1d' is no age"),
        (["import", "nothing.zip"], "nothing.zip cannot be read"),
        (["export", "x.zip", "--database", "absent.db"], "absent.db does not exist"),
        (["refit", "--encoder", "luck"], "unknown encoder 'luck'"),
        (["status", "--database", "mysql://host/name"], "kind 'mysql' are not supported"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    conduit: Run, log: Path, arguments: list[str], said: str
) -> None:
    """Every refusal names the value and the remedy, and leaves the database as it was."""
    before = contents(log)
    ran = conduit("db", *arguments)
    assert ran.code == 2
    assert said in ran.error
    assert contents(log) == before


@pytest.mark.parametrize("command", [["export", "x.zip"], ["refit"], ["changes"]])
def test_a_database_of_a_newer_version_is_left_alone(
    conduit: Run, log: Path, command: list[str]
) -> None:
    """The line names both revisions; status still says which one it is."""
    with sqlite3.connect(log) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = contents(log)
    ran = conduit("db", *command)
    assert ran.code == 2
    assert "is at revision '9999'" in ran.error
    assert contents(log) == before
    assert conduit("db", "status", "--json").json["up_to_date"] is False
    said = conduit("db", "status").out
    assert "upgrade conduit-router" in said
    assert "migrate.sh" not in said


def test_supabase_over_rest_is_no_direct_connection(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only the REST address is known, the line says what is needed."""
    monkeypatch.setenv("SUPABASE_URL", "https://project.example")
    ran = conduit("db", "status")
    assert ran.code == 2
    assert "needs a direct connection" in ran.error
