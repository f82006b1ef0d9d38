"""``conduit demo`` for people: tables, sentences and prompts."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from conduit.cli import demo_words

from .conftest import Run
from .demo_data import MODELS, write_parquet


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture takes longer than all the rest, and has tests of its own."""
    monkeypatch.setattr("conduit.cli.demo.draw", lambda _: None)


def test_the_tables_name_every_choice_and_fit_eighty_columns(conduit: Run) -> None:
    """Models, random, the best mixture and Conduit each have a line, none wider than 80."""
    ran = conduit("demo", "--limit", "20")
    for name in ("google/gemini-2.5-pro", "random", "best constant mixture", "Conduit"):
        assert name in ran.out
    written = [line for line in ran.out.splitlines() if not line.startswith(("Pic", "Data"))]
    assert max(map(len, written)) <= 80
    assert "Conduit saved" in ran.out
    assert "\x1b" not in ran.out


def test_falling_below_the_mixture_is_said_plainly(conduit: Run, tmp_path: Path) -> None:
    """Always a model that is dearer and worse than another is below the mixture, and it says so."""
    path = write_parquet(tmp_path / "made.parquet", prompts=10)
    frame = pd.read_parquet(path)
    dear = frame["model"] == MODELS[0]
    frame.loc[dear, ["quality", "cost_usd"]] = [0.2, 0.02]
    frame.loc[~dear, ["quality", "cost_usd"]] = [0.8, 0.01]
    frame.to_parquet(path)
    ran = conduit("demo", "--data", path, "--policy", f"fixed:{MODELS[0]}")
    said = " ".join(ran.out.split())
    assert "is .6000 below the best constant mixture" in said
    assert "Conduit spent $0.100 more than always using" in said


def test_a_choice_that_is_a_mixture_is_called_its_equal(conduit: Run) -> None:
    """Always the best model is neither above nor below the mixture that is the best model."""
    ran = conduit("demo", "--limit", "20", "--policy", "fixed:google/gemini-2.5-pro")
    assert "is that of the best constant mixture" in " ".join(ran.out.split())


def test_a_run_in_sample_says_so(conduit: Run) -> None:
    """Figures that flatter are never shown without the word."""
    assert "In sample" not in conduit("demo", "--limit", "5").out
    assert "In sample" in conduit("demo", "--limit", "5").out


def test_on_a_terminal_a_bar_moves_and_results_stay_clean(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar is on standard error, counts to the end, and leaves the JSON alone."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    ran = conduit("demo", "--json", "--limit", "5")
    assert ran.json["prompts"] == 5
    assert "5/5" in ran.err


def test_queries_print_three_lines_per_prompt(conduit: Run) -> None:
    """Prompt, model with cost and latency, and the running totals; latency is unknown here."""
    lines = conduit("demo", "--limit", "4", "--queries").out.splitlines()
    start = [line for line in lines if line.startswith(("Prompt: ", "-> ", "Total spend: "))]
    assert len(start) == 12
    for prompt, routed, total in zip(start[::3], start[1::3], start[2::3], strict=True):
        assert prompt.startswith("Prompt: ")
        assert re.fullmatch(r"-> Routed to \S+ \| cost \$[\d.]+ \| latency unknown", routed)
        assert re.fullmatch(
            r"Total spend: [\d.]+ USD \| Savings vs google/gemini-2.5-pro: -?[\d.]+ USD", total
        )


def test_the_last_totals_are_the_report(conduit: Run) -> None:
    """What the last prompt's line adds up to is what the report says."""
    ran = conduit("demo", "--json", "--limit", "4", "--queries")
    spend, saved = ran.json["spend_usd"], ran.json["saved_usd"]
    *_, total = [line for line in ran.err.splitlines() if line.startswith("Total spend")]
    said = [float(number) for number in re.findall(r"(-?[\d.]+) USD", total)]
    assert said == pytest.approx([spend, saved], rel=5e-3)


def test_recorded_latency_is_shown(conduit: Run, tmp_path: Path) -> None:
    """In whole milliseconds, as the seed's demo writes it."""
    path = write_parquet(tmp_path / "made.parquet", prompts=3, latency=True)
    out = conduit("demo", "--data", path, "--queries").out
    assert len(re.findall(r"latency \d+ms$", out, re.MULTILINE)) == 3


@pytest.mark.parametrize("amount", [1.23e-7, 0.00002934, 0.0999, 0.897, 1.0, 26.84, 99.999, 1234.5])
def test_money_keeps_three_digits(amount: float) -> None:
    """Whatever its size, an amount reads back within half a percent."""
    assert float(demo_words.usd(amount)[1:].replace(",", "")) == pytest.approx(amount, rel=5e-3)
    assert demo_words.usd(-amount) == "-" + demo_words.usd(amount)
