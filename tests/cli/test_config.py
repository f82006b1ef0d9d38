"""``conduit config``: every setting, with its origin and no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import ROOT, Run


def test_config_lists_what_the_document_lists(conduit: Run) -> None:
    """docs/CONFIGURATION.md and the command name the same variables, in the same order and words."""
    text = (ROOT / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(CONDUIT_\w+)` \|.*\| (.*) \|$", text, re.MULTILINE)
    listed = conduit("config", "--json").json
    assert [(entry["variable"], entry["description"]) for entry in listed] == documented


def test_json_is_an_array_of_these_keys(conduit: Run) -> None:
    """Programs read a setting by these names."""
    keys = {"name", "variable", "value", "origin", "description"}
    assert all(set(entry) == keys for entry in conduit("config", "--json").json)


def test_origins_tell_where_a_value_came_from(
    conduit: Run, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment, an alias, .env and the default are told apart."""
    monkeypatch.setenv("CONDUIT_POLICY", "linucb")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    (machine / ".env").write_text("CONDUIT_SEED=7\n")
    found = {entry["name"]: entry for entry in conduit("config", "--json").json}
    told = {name: (found[name]["value"], found[name]["origin"]) for name in found}
    assert told["policy"] == ("linucb", "environment")
    assert told["log_level"] == ("WARNING", "alias LOG_LEVEL")
    assert told["seed"] == ("7", ".env")
    assert told["budget"] == (None, "default")


def test_the_table_has_a_line_per_setting(conduit: Run) -> None:
    """People see variable, value and origin of each setting, in one line each."""
    lines = conduit("config").out.splitlines()
    assert lines[0].split() == ["variable", "value", "origin"]
    assert len(lines) == 2 + len(conduit("config", "--json").json)
    assert ["CONDUIT_ENCODER", "hashing", "environment"] in [line.split() for line in lines]


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_secrets_are_masked(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    """Neither form shows a key or a password."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden-value")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hidden-value@host/name")
    out = conduit("config", *option).out
    assert "hidden-value" not in out
    assert "postgresql://me:********@host/name" in out


def test_a_setting_that_cannot_be_used(conduit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value ends with 2 and names variable, value and remedy."""
    monkeypatch.setenv("CONDUIT_BUDGET", "-1")
    ran = conduit("config")
    assert ran.code == 2
    assert ran.error == (
        "error: CONDUIT_BUDGET='-1' cannot be used; "
        "give a positive number of USD, or leave it unset"
    )


def test_colours_are_for_terminals(conduit: Run) -> None:
    """A pipe gets plain text."""
    assert "\x1b" not in conduit("config").out
