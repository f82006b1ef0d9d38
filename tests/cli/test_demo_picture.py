"""The picture of ``conduit demo``."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

from conduit.cli.demo_labels import _apart
from conduit.cli.demo_picture import picture_path

from .conftest import Run
from .demo_data import write_parquet


def test_it_says_where_things_are_and_what_to_try(conduit: Run, machine: Path) -> None:
    """Picture and database are named by their paths, and the last line is a command."""
    lines = conduit("demo", "--limit", "5").out.splitlines()
    assert f"Picture:   {machine / 'data' / 'demo.png'}" in lines
    assert f"Database:  {machine / 'data' / 'demo.db'}" in lines
    assert lines[-1].startswith("Try next:  conduit ")


def test_without_matplotlib_there_is_no_picture_and_a_line_says_why(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else of the report is there."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "conduit.cli.demo_picture.find_spec",
        lambda name: None if name == "matplotlib" else found(name),
    )
    ran = conduit("demo", "--json", "--limit", "3")
    assert ran.json["picture"] is None
    assert "pip install 'conduit-router[experiments]'" in ran.err


def test_a_picture_that_cannot_be_written_costs_no_figure(conduit: Run, machine: Path) -> None:
    """A folder in the picture's place makes it null; the figures are still printed."""
    (machine / "data" / "demo.png").mkdir(parents=True)
    ran = conduit("demo", "--json", "--limit", "3")
    assert ran.json["picture"] is None
    assert "cannot be written" in ran.err


@pytest.mark.parametrize("models", [1, 9])
def test_the_picture_copes_with_any_number_of_models(
    conduit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: int
) -> None:
    """One model has no mixture, and many are not all named; both give a picture."""
    names = tuple(f"maker/model-{k}-with-a-very-long-name" for k in range(models))
    monkeypatch.setattr("tests.cli.demo_data.MODELS", names)
    path = write_parquet(tmp_path / "made.parquet", prompts=12)
    said = conduit("demo", "--json", "--data", path).json
    assert Path(said["picture"]).stat().st_size > 10_000


def test_a_picture_never_takes_the_databases_name() -> None:
    """A database that ends in .png keeps its file."""
    assert picture_path(Path("a/demo.db")) == Path("a/demo.png")
    assert picture_path(Path("a/demo.png")) == Path("a/demo.png.png")


def test_labels_are_moved_apart_and_stay_in_order() -> None:
    """Neighbours are at least the gap apart, and what fits stays below the top."""
    placed = _apart([0.0, 0.01, 0.02, 0.98, 0.99], 0.15)
    assert placed == sorted(placed)
    assert min(b - a for a, b in pairwise(placed)) >= 0.15 - 1e-12
    assert max(placed) <= 1.0
