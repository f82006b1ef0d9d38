"""``conduit models``: who can be chosen, at what price."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.catalog.registry import read_registry

from .conftest import PRICES, Run, Served

KEYS = {
    "id", "provider", "tier", "input_price", "output_price", "key_set", "baseline", "available",
    "observations", "calls",
}  # fmt: skip


def test_json_is_an_array_of_these_keys(conduit: Run) -> None:
    """Without a key the whole registry is shown, priced, with one baseline and nothing learned."""
    rows = conduit("models", "--json").json
    assert [row["id"] for row in rows] == [arm.id for arm in read_registry().arms]
    assert all(set(row) == KEYS for row in rows)
    assert all(row["output_price"] > 0 and row["available"] for row in rows)
    assert [row["baseline"] for row in rows].count(True) == 1
    assert {(row["key_set"], row["observations"], row["calls"]) for row in rows} == {
        (False, None, None)
    }


def test_keys_choose_the_models(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one key, its provider's models are shown; --all shows the others as not available."""
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    mine = conduit("models", "--json").json
    assert {(row["provider"], row["key_set"]) for row in mine} == {("google", True)}
    everything = conduit("models", "--all", "--json").json
    assert len(everything) == len(read_registry().arms)
    assert {row["id"] for row in everything if row["available"]} == {row["id"] for row in mine}
    assert {row["key_set"] for row in everything if not row["available"]} == {False}


def test_a_baseline_that_is_no_choice_is_shown(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model that savings are measured against is listed even where it cannot be chosen."""
    monkeypatch.setenv("CONDUIT_MODELS", "gpt-4o-mini")
    monkeypatch.setenv("CONDUIT_BASELINE", "gpt-4o")
    rows = {row["id"]: row for row in conduit("models", "--json").json}
    assert rows.keys() == PRICES.keys()
    assert (rows["gpt-4o"]["baseline"], rows["gpt-4o"]["available"]) == (True, False)


def test_own_prices_and_unknown_ones(conduit: Run, openai: Served) -> None:
    """At a private address given prices count, and a model without one shows none."""
    rows = {row["id"]: row for row in conduit("models", "--all", "--json").json}
    assert rows["gpt-4o-mini"]["input_price"] == PRICES["gpt-4o-mini"]["input"]
    assert rows["gpt-6.1-sol"]["input_price"] is None


def test_a_server_of_one_s_own_needs_no_key(conduit: Run, machine: Path) -> None:
    """A local server's models show that no key is asked for."""
    (machine / "models").mkdir()
    (machine / "models" / "registry.yaml").write_text(
        "models:\n  - {id: local, provider: lmstudio, input_price: 0, output_price: 0}\n"
    )
    (row,) = conduit("models", "--json").json
    assert row["key_set"] is None
    assert "not needed" in conduit("models").out


def test_the_table_has_a_line_per_model(conduit: Run) -> None:
    """People see one line per model, one of them starred, and without a key what to set."""
    ran = conduit("models")
    lines = ran.out.splitlines()[2:-1]
    assert [line.split()[0] for line in lines] == [arm.id for arm in read_registry().arms]
    assert ["*" in line for line in lines].count(True) == 1
    assert ran.err.startswith("no API key is set: to call models, set one of OPENAI_API_KEY, ")


def test_looking_creates_no_database(conduit: Run, database: Path) -> None:
    """Where nothing was learned, nothing is made."""
    conduit("models")
    assert not database.exists()


def test_ratings_are_counted(conduit: Run) -> None:
    """What was learned is shown per model, from the database that is named."""
    decision = conduit("route", "hi", "--model", "gpt-4o", "--json").json["decision_id"]
    conduit("feedback", decision, "--rating", "4")
    rows = {row["id"]: row for row in conduit("models", "--json").json}
    assert (rows["gpt-4o"]["observations"], rows["gpt-4o-mini"]["observations"]) == (1, 0)
    elsewhere = conduit("models", "--json", "--database", "nowhere.db").json
    assert {row["observations"] for row in elsewhere} == {None}
