"""``conduit feedback``: what was said changes the next decision, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run, Served, contents


@pytest.fixture
def decided(conduit: Run) -> str:
    """A decision for gpt-4o-mini."""
    return str(conduit("route", "hi", "--model", "gpt-4o-mini", "--json").json["decision_id"])


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        (["--rating", "5"], 1.0),
        (["--rating", "2"], 0.25),
        (["--quality-score", "0.3"], 0.3),
        (["--met-expectations"], 1.0),
        (["--not-met-expectations"], 0.0),
        (["--rating", "5", "--not-met-expectations"], 0.6),
    ],
)
def test_an_opinion_is_one_rating(
    conduit: Run, decided: str, said: list[str], reward: float
) -> None:
    """Stars, scores and expectations become one rating in 0..1 of the model that was chosen."""
    ran = conduit("feedback", decided, *said, "--json")
    assert ran.code == 0
    assert ran.json == {
        "decision_id": decided,
        "changed": True,
        "changes": [
            {
                "model": "gpt-4o-mini",
                "signal": "rating",
                "value": pytest.approx(reward),
                "previous": None,
            }
        ],
    }


def test_measurements_are_told_in_their_units(conduit: Run, decided: str) -> None:
    """Seconds and tokens go in and come back as such, though their logarithms are learned."""
    options = ["--no-error", "--latency", "1.2", "--output-tokens", "80", "--model", "gpt-4o"]
    changes = conduit("feedback", decided, *options, "--json").json["changes"]
    assert {(it["model"], it["signal"]): it["value"] for it in changes} == {
        ("gpt-4o", "error"): 1.0,
        ("gpt-4o", "latency"): pytest.approx(1.2),
        ("gpt-4o", "tokens"): pytest.approx(80),
    }


def test_cost_is_told_in_usd(conduit: Run, decided: str) -> None:
    """A cost without tokens is learned, and told in USD."""
    assert conduit("feedback", decided, "--cost", "0.002").out == "gpt-4o-mini: cost 0.002 USD\n"


def test_an_error_is_learned(conduit: Run, decided: str) -> None:
    """A failed call of one's own counts against the model's availability."""
    ran = conduit("feedback", decided, "--error")
    assert ran.out == "gpt-4o-mini: error 0 of 1\n"


def test_the_same_again_changes_nothing(conduit: Run, decided: str, database: Path) -> None:
    """Equal feedback is accepted, said to be known, and leaves every row as it was."""
    assert conduit("feedback", decided, "--rating", "4").out == "gpt-4o-mini: rating 0.75 of 1\n"
    before = contents(database)
    ran = conduit("feedback", decided, "--rating", "4")
    assert (ran.code, ran.out) == (0, "nothing changed: all of it was known already\n")
    assert conduit("feedback", decided, "--rating", "4", "--json").json["changed"] is False
    assert contents(database) == before


def test_another_rating_replaces_the_first(conduit: Run, decided: str) -> None:
    """A changed mind is told with what it replaces, and counts once."""
    conduit("feedback", decided, "--rating", "5")
    ran = conduit("feedback", decided, "--rating", "1")
    assert ran.out == "gpt-4o-mini: rating 0 of 1, before: 1\n"
    counts = {row["id"]: row["observations"] for row in conduit("models", "--json").json}
    assert counts["gpt-4o-mini"] == 1


def test_ratings_move_the_next_decision(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After bad ratings of one of two equally dear models, it is less likely than before."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini,gpt-oss-120b")

    def share() -> float:
        said = conduit("route", "hi", "--json").json
        return float(said["probabilities"]["gpt-4o-mini"])

    before = share()
    for _ in range(5):
        decision = conduit("route", "hi", "--model", "gpt-4o-mini", "--json").json["decision_id"]
        conduit("feedback", decision, "--rating", "1")
    assert share() < before / 2


def test_the_model_that_answered_is_credited(conduit: Run, openai: Served) -> None:
    """Feedback on a run goes to the model that served it."""
    ran = conduit("run", "hello", "--json").json
    changes = conduit("feedback", ran["decision_id"], "--rating", "5", "--json").json["changes"]
    assert [it["model"] for it in changes] == [ran["model"]]


def test_another_database_is_asked(conduit: Run, machine: Path) -> None:
    """--database finds the decision where it was made."""
    elsewhere = str(machine / "other.db")
    decision = conduit("route", "hi", "--database", elsewhere, "--json").json["decision_id"]
    assert conduit("feedback", decision, "--rating", "5").code == 2
    assert conduit("feedback", decision, "--rating", "5", "--database", elsewhere).code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "feedback without a value"),
        (["--rating", "6"], "rating=6.0 is out of range; give 1..5"),
        (["--rating", "0"], "rating=0.0 is out of range; give 1..5"),
        (["--rating", "nan"], "rating=nan is out of range"),
        (["--quality-score", "1.5"], "quality_score=1.5 is out of range; give 0..1"),
        (["--latency", "-1"], "latency=-1.0 is out of range"),
        (["--cost", "inf"], "cost=inf is out of range"),
        (["--cost", "1e308"], "cost=1e+308 is out of range; give 0..2,000,000 USD"),
        (["--output-tokens", "-3"], "output_tokens=-3 is out of range"),
        (["--rating", "5", "--model", "gpt-9"], "unknown model 'gpt-9'; choose one of: "),
    ],
)
def test_feedback_that_cannot_be_used(
    conduit: Run, decided: str, database: Path, options: list[str], said: str
) -> None:
    """A value out of range ends with 2 and one line; the database is as it was."""
    before = contents(database)
    ran = conduit("feedback", decided, *options)
    assert ran.code == 2
    assert said in ran.error
    assert contents(database) == before


def test_an_unknown_decision(conduit: Run, decided: str, database: Path) -> None:
    """Feedback for a decision nobody made ends with 2 and changes nothing."""
    before = contents(database)
    ran = conduit("feedback", "nobody", "--rating", "5")
    assert ran.code == 2
    assert "unknown decision 'nobody'" in ran.error
    assert contents(database) == before


def test_no_database_is_made_for_an_unknown_decision(conduit: Run, database: Path) -> None:
    """Where nothing was ever decided, looking creates no file."""
    assert "unknown decision 'nobody'" in conduit("feedback", "nobody", "--rating", "5").error
    assert not database.exists()
