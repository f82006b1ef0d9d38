"""``conduit route``: a decision without a call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run, contents

KEYS = {
    "decision_id", "query_id", "user_id", "selected_model", "confidence", "reasoning",
    "probabilities", "estimates", "features", "fallback_chain", "constraints_relaxed", "policy",
    "layout", "created_at", "forced",
}  # fmt: skip


def test_json_is_one_object_with_these_keys(conduit: Run) -> None:
    """Programs read a decision by these names; nothing else is on standard output."""
    ran = conduit("route", "What is 2+2?", "--json")
    assert ran.code == 0
    assert set(ran.json) == KEYS
    estimate, *_ = ran.json["estimates"].values()
    assert set(estimate) == {"mean", "std", "cost", "cost_high", "latency", "observations"}
    assert set(ran.json["features"]) == {
        "token_count",
        "complexity_score",
        "domain",
        "domain_confidence",
    }


def test_probabilities_belong_to_the_estimates(conduit: Run) -> None:
    """Every model has a probability and an estimate; the probabilities sum to 1."""
    said = conduit("route", "What is 2+2?", "--json").json
    assert said["probabilities"].keys() == said["estimates"].keys()
    assert sum(said["probabilities"].values()) == pytest.approx(1)
    assert said["probabilities"][said["selected_model"]] > 0


def test_text_shows_the_same_decision(conduit: Run, database: Path) -> None:
    """People read model, reasoning, a line per model, and how to give feedback."""
    ran = conduit("route", "What is 2+2?")
    lines = ran.out.splitlines()
    model, _, confidence = lines[0].partition(" ")
    assert confidence.startswith("(confidence ")
    assert lines[1].startswith(f"{model} was drawn with probability ")
    decision = lines[-2].removeprefix("decision ")
    assert lines[-1] == f"rate it: conduit feedback {decision} --rating 1..5"
    assert decision in "\n".join(contents(database))
    assert ran.err == ""


def test_piped_tables_are_not_cut(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, machine: Path
) -> None:
    """However long a name and narrow the window, a table in a pipe holds each row on one line."""
    name = "a-model-with-" + "a-very-" * 20 + "long-name"
    (machine / "models").mkdir()
    (machine / "models" / "registry.yaml").write_text(
        f"models:\n  - {{id: {name}, provider: openai, input_price: 1, output_price: 2}}\n"
    )
    monkeypatch.setenv("COLUMNS", "40")
    lines = [line.split() for line in conduit("route", "hi").out.splitlines()]
    assert [name, "100.0%"] in [words[:2] for words in lines]


def test_a_forced_model_is_the_only_one(conduit: Run) -> None:
    """--model takes that model, by any name it answers to, and says it was asked for."""
    said = conduit("route", "hi", "--model", "openai/gpt-4o", "--json").json
    assert said["selected_model"] == "gpt-4o"
    assert said["probabilities"]["gpt-4o"] == 1
    assert said["forced"] is True
    assert said["fallback_chain"] == []


def test_a_model_that_no_setting_chose_may_be_asked_for(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--model reaches beyond CONDUIT_MODELS, as the caller knows what they want."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini")
    assert conduit("route", "hi", "--model", "gpt-4o", "--json").json["selected_model"] == "gpt-4o"


def test_a_provider_narrows_the_choice(conduit: Run) -> None:
    """--provider leaves that provider's models and no other."""
    said = conduit("route", "hi", "--provider", "Groq", "--json").json
    possible = {name for name, share in said["probabilities"].items() if share > 0}
    assert possible == {"gpt-oss-20b", "gpt-oss-120b"}


def test_a_preferred_provider_gains_and_excludes_nobody(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--prefer-provider raises the share of its model, and the other stays possible."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini,gpt-oss-120b")  # at one price

    def shares(provider: str) -> tuple[float, float]:
        said = conduit("route", "hi", "--prefer-provider", provider, "--json").json
        shares = said["probabilities"]
        return shares["gpt-4o-mini"], shares["gpt-oss-120b"]

    mini, oss = shares("openai")
    assert mini > oss > 0
    mini, oss = shares("Groq")
    assert oss > mini > 0


def test_what_matters_moves_the_odds(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dear model that answers better is likelier when quality matters than when cost does."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini,gpt-4o")
    for model, rating in (("gpt-4o-mini", 2), ("gpt-4o", 5)) * 3:
        decision = conduit("route", "hi", "--model", model, "--json").json["decision_id"]
        conduit("feedback", decision, "--rating", rating)

    def share(goal: str) -> float:
        said = conduit("route", "hi", "--optimize-for", goal, "--json").json
        return float(said["probabilities"]["gpt-4o"])

    assert share("quality") > share("cost")


@pytest.mark.parametrize(
    ("policy", "model"), [("cheapest", "gpt-oss-20b"), ("fixed:gpt-4o", "gpt-4o")]
)
def test_a_policy_decides(conduit: Run, policy: str, model: str) -> None:
    """--policy takes the place of the configured one."""
    said = conduit("route", "hi", "--policy", policy, "--json").json
    assert (said["policy"], said["selected_model"]) == (policy, model)


def test_max_tokens_bounds_the_expected_cost(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shorter answer is expected to cost less, by option or by setting."""

    def cost(*options: str) -> float:
        said = conduit("route", "hi", *options, "--json").json
        return float(said["estimates"]["gpt-4o"]["cost"])

    assert cost("--max-tokens", "10") < cost()
    by_option = cost("--max-tokens", "10")
    monkeypatch.setenv("CONDUIT_MAX_TOKENS", "10")
    assert cost() == by_option


def test_the_decision_is_kept_where_the_call_says(
    conduit: Run, machine: Path, database: Path
) -> None:
    """--database is used instead of the setting's file, and the hint repeats it, quoted."""
    elsewhere = machine / "my notes" / "other.db"
    ran = conduit("route", "hi", "--user-id", "ada", "--database", elsewhere)
    assert ran.out.endswith(f"--database '{elsewhere}'\n")
    assert elsewhere.exists()
    assert not database.exists()
    assert any("'ada'" in line for line in contents(elsewhere))


def test_the_prompt_is_not_stored(conduit: Run, database: Path) -> None:
    """The database holds the decision and no word of the prompt."""
    conduit("route", "xylophone")
    dump = "\n".join(contents(database))
    assert "INSERT INTO" in dump
    assert "xylophone" not in dump


def test_json_is_readable_by_every_program(conduit: Run) -> None:
    """The JSON is ASCII and has no NaN, so that strict readers take it."""
    out = conduit("route", "grün", "--json").out
    assert out.isascii()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(out, parse_constant=refuse)
