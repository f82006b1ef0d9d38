"""``conduit list``, and prompts that command-line tools answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..providers.fake_tools import NAMES, calls
from ..providers.loopback import Answer
from .conftest import Run, Served

NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on the machine of who tests."""
    monkeypatch.setenv("CONDUIT_LMSTUDIO_BASE_URL", NOBODY)


def test_json_says_what_is_missing(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, machine: Path
) -> None:
    """Every provider has an entry with these keys, and is not ready without what it needs."""
    monkeypatch.setenv("PATH", str(machine))
    ran = conduit("list", "--json")
    assert (ran.code, ran.err) == (0, "")
    rows = {row.pop("name"): row for row in ran.json}
    assert rows["openai"] == {
        "kind": "API",
        "needs": "OPENAI_API_KEY",
        "default_parallelism": 32,
        "ready": False,
        "missing": "OPENAI_API_KEY is not set",
    }
    assert rows["claude-code"] == {
        "kind": "CLI",
        "needs": "the command claude",
        "default_parallelism": 4,
        "ready": False,
        "missing": "the command claude is not on PATH",
    }
    assert rows["lmstudio"]["missing"] == f"no LM Studio server answers at {NOBODY}"
    assert not any(row["ready"] for row in rows.values())


def test_what_is_there_is_ready(conduit: Run, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, a program, another address, and a server that has a model."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-0001")
    monkeypatch.setenv("OPENAI_BASE_URL", NOBODY)
    with Served() as served:
        served.answers = lambda _: Answer(body={"data": [{"id": "qwen"}]})
        monkeypatch.setenv("CONDUIT_LMSTUDIO_BASE_URL", f"{served.server.url}/v1")
        rows = conduit("list", "--json").json
    ready = {"anthropic", "claude-code", "lmstudio", "openai", "openai-codex"}
    assert {row["name"] for row in rows if row["ready"]} == ready
    assert {row["name"] for row in rows if row["missing"] is None} == ready


def test_the_table(conduit: Run, tools: Path) -> None:
    """One line per provider, with what it needs and how it stands."""
    lines = [" ".join(line.split()) for line in conduit("list").out.splitlines()]
    assert lines[0] == "provider kind needs parallelism status"
    assert "openai-codex CLI the command codex 4 ready" in lines
    assert "openrouter API OPENROUTER_API_KEY 32 OPENROUTER_API_KEY is not set" in lines


@pytest.mark.parametrize("provider", NAMES)
def test_a_tool_answers(conduit: Run, tools: Path, provider: str) -> None:
    """Alone it takes its own model, at what it reports; nothing else is needed."""
    ran = conduit("run", "2+2?", "--provider", provider, "--json")
    assert ran.code == 0
    assert (ran.json["text"], ran.json["provider"]) == ("echo of 2+2?", provider)
    assert ran.json["cost"] == (0.0125 if provider == "claude-code" else 0)


def test_a_tool_with_model_and_effort(conduit: Run, tools: Path) -> None:
    """Both are passed on."""
    options = ("--provider", "openai-codex", "--model", "gpt-5", "--reasoning", "high")
    assert conduit("run", "2+2?", *options).out == "echo of 2+2?\n"
    (call,) = calls(tools)
    assert "--model=gpt-5" in call["arguments"]
    assert '--config=model_reasoning_effort="high"' in call["arguments"]


def test_reasoning_is_for_one_provider(conduit: Run, tools: Path) -> None:
    """Elsewhere it is refused before anything is asked."""
    ran = conduit("run", "2+2?", "--provider", "claude-code", "--reasoning", "high")
    assert (ran.code, "add --provider openai-codex" in ran.error) == (2, True)
    assert not tools.exists()


@pytest.mark.parametrize("provider", NAMES)
def test_a_missing_tool(
    conduit: Run, monkeypatch: pytest.MonkeyPatch, machine: Path, provider: str
) -> None:
    """One line says which command it is and how to get it."""
    monkeypatch.setenv("PATH", str(machine))
    ran = conduit("run", "2+2?", "--provider", provider)
    assert (ran.code, f"needs the command {NAMES[provider]!r}" in ran.error) == (2, True)
