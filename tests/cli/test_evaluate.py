"""``conduit evaluate``: figures for people and programs, refusals, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run, contents
from .log_data import GOOD, write_log

KEYS = {
    "policy", "against", "optimize_for", "decisions", "excluded", "logged_policies", "rated",
    "priced", "changed", "logged", "target", "difference",
}  # fmt: skip


@pytest.fixture(scope="module")
def random_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log") / "log.db")


@pytest.mark.parametrize("model", GOOD)
def test_json_tells_what_a_fixed_model_gives(conduit: Run, random_log: Path, model: str) -> None:
    """Where ratings are one number per model, every method finds that number."""
    said = conduit("evaluate", "--policy", f"fixed:{model}", "--database", random_log, "--json")
    assert (said.code, set(said.json)) == (0, KEYS)
    assert (said.json["decisions"], said.json["rated"], said.json["priced"]) == (160, 160, 160)
    assert said.json["excluded"] == {}
    assert said.json["logged_policies"] == {"random": 160}
    quality = said.json["target"]["quality"]
    assert quality["snips"]["value"] == pytest.approx(GOOD[model])
    for method in ("snips", "dr"):
        assert quality[method]["low"] - 1e-9 <= GOOD[model] <= quality[method]["high"] + 1e-9
        gap = said.json["difference"]["quality"][method]
        assert gap["low"] - 1e-9 <= GOOD[model] - 0.75 <= gap["high"] + 1e-9
    assert said.json["logged"]["quality"]["low"] < said.json["logged"]["quality"]["value"]


def test_the_table_has_a_row_for_every_figure(conduit: Run, random_log: Path) -> None:
    """People see the log, the policy by both methods, and the difference by both."""
    said = conduit("evaluate", "--policy", "cheapest", "--database", random_log)
    assert said.code == 0
    assert "160 decisions, logged by random; left out: none; 160 rated, 160 priced." in said.out
    firsts = [line.split("  ")[0] for line in said.out.splitlines()]
    assert [first for first in firsts if first in {"logged", "cheapest", "− logged"}] == [
        "logged", "cheapest", "cheapest", "− logged", "− logged",
    ]  # fmt: skip


def test_two_policies_are_compared_with_each_other(conduit: Run, random_log: Path) -> None:
    """--against takes the place of the log, and turns the sign when the two change places."""
    figures = []
    for pair in (("cheapest", "fixed:gpt-4o"), ("fixed:gpt-4o", "cheapest")):
        arguments = ("--policy", pair[0], "--against", pair[1], "--database", random_log)
        said = conduit("evaluate", *arguments, "--json").json
        assert said["against"] == pair[1]
        figures.append(said["difference"]["quality"]["dr"]["value"])
    assert figures[0] == pytest.approx(-figures[1])
    assert figures[0] < 0


def test_the_trade_off_is_the_policy_s(conduit: Run, random_log: Path) -> None:
    """--optimize-for is said back, and another trade-off decides otherwise."""
    shares = {}
    for wanted in ("quality", "cost"):
        arguments = ("--policy", "epsilon_greedy", "--optimize-for", wanted, "--json")
        said = conduit("evaluate", *arguments, "--database", random_log).json
        assert said["optimize_for"] == wanted
        shares[wanted] = said["target"]["spend"]["dr"]["value"]
    assert shares["cost"] < shares["quality"]


def test_without_a_trade_off_each_decision_has_its_own(
    conduit: Run, random_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever routing optimizes for today, a log was made with what it was made with."""
    arguments = ("evaluate", "--policy", "epsilon_greedy", "--database", random_log, "--json")
    said = []
    for today in ("cost", "quality"):
        monkeypatch.setenv("CONDUIT_OPTIMIZE_FOR", today)
        said.append(conduit(*arguments).json)
    assert said[0] == said[1]
    assert said[0]["optimize_for"] == "logged"
    balanced = conduit(*arguments, "--optimize-for", "balanced").json
    assert balanced["target"] == said[0]["target"]


def test_a_threshold_on_complexity_knows_the_tiers(conduit: Run, random_log: Path) -> None:
    """The catalogue says which model is cheap, and simple prompts go there."""
    said = conduit("evaluate", "--policy", "complexity", "--database", random_log, "--json").json
    assert said["target"]["quality"]["dr"]["value"] == pytest.approx(0.6, abs=0.05)


def test_what_the_log_cannot_answer_is_refused_in_one_line(conduit: Run, tmp_path: Path) -> None:
    """A log made without chance, and one that is too short, say what is missing: exit code 1."""
    sure = write_log(tmp_path / "sure.db", policy="fixed:gpt-4o", decisions=60)
    ran = conduit("evaluate", "--policy", "cheapest", "--database", sure)
    assert ran.code == 1
    assert "without chance" in ran.error
    short = write_log(tmp_path / "short.db", decisions=10)
    ran = conduit("evaluate", "--policy", "cheapest", "--database", short, "--json")
    assert ran.code == 1
    assert "the outcome of 10 decisions is known, and 50 are needed" in ran.error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--policy", "luck"], "unknown policy 'luck'"),
        (["--policy", "fixed:gpt-99"], "unknown model 'gpt-99'"),
        (["--policy", "best", "--against", "luck"], "unknown policy 'luck'"),
        (["--policy", "thompson_noncontextual"], "needs estimates of its own"),
        (["--policy", "knn"], "needs estimates of its own"),
        (["--policy", "ucb1"], "needs estimates of its own"),
        (["--policy", "best", "--optimize-for", "luck"], "luck"),
        ([], "--policy"),
    ],
)
def test_bad_input_is_one_line(
    conduit: Run, random_log: Path, options: list[str], said: str
) -> None:
    """Unknown names are named with exit code 2, and the database stays as it was."""
    before = contents(random_log)
    ran = conduit("evaluate", *options, "--database", random_log)
    assert ran.code == 2
    assert said in ran.error
    assert contents(random_log) == before


def test_an_empty_log_and_a_missing_database(conduit: Run, database: Path) -> None:
    """Without a log there is nothing to say: exit code 2, and asking creates nothing."""
    ran = conduit("evaluate", "--policy", "best")
    assert ran.code == 2
    assert f"there is no database at {database}" in ran.error
    assert not database.exists()
    write_log(database, decisions=0)
    ran = conduit("evaluate", "--policy", "best")
    assert ran.code == 2
    assert "the log is empty" in ran.error


def test_a_log_that_nobody_rated_still_tells_of_spend(conduit: Run, random_log: Path) -> None:
    """Quality is refused by name below the table while spend is answered."""
    import shutil
    import sqlite3

    unrated = random_log.with_name("unrated.db")
    shutil.copy(random_log, unrated)
    connection = sqlite3.connect(unrated)
    connection.execute("DELETE FROM observations WHERE signal = 'rating'")
    connection.commit()
    connection.close()
    said = conduit("evaluate", "--policy", "cheapest", "--database", unrated)
    assert said.code == 0
    assert "quality of cheapest refused: the outcome of 0 decisions is known" in said.out
    figures = conduit("evaluate", "--policy", "cheapest", "--database", unrated, "--json").json
    assert figures["target"]["quality"]["dr"]["refused"]["reason"] == "no_outcomes"
    assert figures["target"]["spend"]["dr"]["value"] > 0
