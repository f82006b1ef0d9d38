"""``conduit explore`` prints what orkestra's README prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conduit.cli.main import main

PRINTED = Path(__file__).with_name("explored.txt")
"""The README's block, but for the import."""


@pytest.fixture
def explored(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints."""
    assert main(["explore"]) == 0
    return capsys.readouterr().out


def test_the_page_is_the_readmes(explored: str) -> None:
    """Catalogue, predictions, simulation, strategies and the programming interface, to the letter."""
    assert explored == PRINTED.read_text()


def test_nothing_is_stored_but_the_encoded_router(explored: str, tmp_path: Path) -> None:
    """No database is made; the cache folder holds the default router as this encoder sees it."""
    assert explored
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert files[0].startswith("default-hashing-v1-256-")


def test_own_prompts_are_looked_at_in_the_place_of_the_three(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are numbered, and with --json every figure is there, unrounded."""
    assert main(["explore", "What is the capital of\nPeru?", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (prompt,) = said["prompts"]
    assert (prompt["label"], prompt["prompt"]) == ("1", "What is the capital of\nPeru?")
    assert [it["cost"] for it in prompt["routes"]] == pytest.approx([0.00325, 0.0165, 0.01125])
    assert prompt["strategies"]["smartest"] == {
        "provider": "google",
        "model": "gemini-3-flash-preview",
        "cost": pytest.approx(0.00325),
    }
    assert said["providers"][1]["models"][2]["output_price"] == 75.0
    assert main(["explore", "What is the capital of\nPeru?"]) == 0
    assert "  [1] What is the capital of Peru?\n" in capsys.readouterr().out


def test_an_empty_prompt_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 2 and says so."""
    assert main(["explore", "  "]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


def test_an_own_price_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue has the prices that hold, to their last digit."""
    monkeypatch.setenv("CONDUIT_PRICING_JSON", '{"o3": {"input": 0.0125, "output": 4}}')
    assert main(["explore", "hello"]) == 0
    assert "$0.0125/$4.00 per 1M tokens" in capsys.readouterr().out
