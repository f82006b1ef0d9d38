"""``llm()``, sessions and configuration as Conductor's README prints them."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from . import snippets
from .places import Ran, offline, script


def test_one_line(ran: dict[str, Ran]) -> None:
    """The first snippet prints an answer, the cheap model, its cost, and what it saved."""
    text, model, cost, saved = ran["one line"].lines
    assert text
    assert model == "gpt-4o-mini"
    assert float(cost) > 0
    assert float(saved) > 10 * float(cost)


def test_one_line_is_a_whole_program(tmp_path: Path) -> None:
    """As a script that just ends it prints its four lines, warns of nothing, and leaves its record."""
    machine = offline(tmp_path)
    lines = script(machine, snippets.ONE_LINE)
    with closing(sqlite3.connect(tmp_path / "data" / "offline.db")) as database:
        (cost,) = database.execute("select cost from costs").fetchone()
    assert float(lines[2]) == pytest.approx(cost / 1e9, abs=1e-9)
    assert len(lines) == 4


def test_auto_model_selection(ran: dict[str, Ran]) -> None:
    """Auto decides, "low" takes the cheap model and "high" the good one."""
    assert ran["selection"].lines == ["gpt-4o-mini", "gpt-4o-mini", "gpt-4o"]


def test_the_table_of_four_prompts(ran: dict[str, Ran]) -> None:
    """Untrained, all four prompts of the README go where it says, and a dry run says the same."""
    assert dict(zip(snippets.TABLE, ran["table"].lines, strict=True)) == {
        prompt: f"{model} {model}" for prompt, model in snippets.TABLE.items()
    }


def test_a_session_prints_its_totals_and_a_full_breakdown(ran: dict[str, Ran]) -> None:
    """Cost and saving add up, the share is a percentage, the report has a line for each step."""
    cost, saved, share, *report = ran["session"].lines
    baseline = float(cost) + float(saved)
    assert float(cost) > 0
    assert float(share) == pytest.approx(100 * float(saved) / baseline)
    steps = [line.split() for line in report if line.split()[0].isdecimal()]
    assert [step[0] for step in steps] == ["1", "2", "3"]
    assert {step[1] for step in steps} <= {"gpt-4o-mini", "gpt-4o"}
    assert sum(float(step[4].strip("$")) for step in steps) == pytest.approx(float(cost), abs=2e-6)


def test_a_strict_session_prints_its_total(ran: dict[str, Ran]) -> None:
    """Two calls fit into a dollar."""
    cost, *report = ran["strict session"].lines
    assert 0 < float(cost) < 1
    assert any("budget $1.0" in line for line in report)


def test_a_dry_run_is_a_dict_of_model_and_reason(ran: dict[str, Ran]) -> None:
    """The fields of the README, and nothing else."""
    result = ast.literal_eval(ran["dry run"].lines[0])
    assert list(result) == ["model", "reason"]
    assert result["model"] == "gpt-4o-mini"
    assert result["reason"]


def test_configuration_by_program(ran: dict[str, Ran]) -> None:
    """The README's prices and models are the ones that hold anyway."""
    assert ran["configuration"].lines == ran["one line"].lines


def test_configuration_by_variables(tmp_path: Path, ran: dict[str, Ran]) -> None:
    """The README's variables are stronger than what a program sets."""
    machine = offline(tmp_path)
    exported = (line.removeprefix("export ") for line in snippets.VARIABLES.strip().splitlines())
    for name, value in (line.split("=", 1) for line in exported):
        machine.environ[name] = value.strip("'")
    dear = snippets.CONFIGURATION.replace("0.15", "15").replace("0.60", "60")
    assert script(machine, dear + snippets.ONE_LINE) == ran["one line"].lines


def test_a_key_may_be_passed(ran: dict[str, Ran]) -> None:
    """As in the README's set-up."""
    assert ran["key"].lines
    assert "sk-..." not in "".join(ran["key"].lines)
