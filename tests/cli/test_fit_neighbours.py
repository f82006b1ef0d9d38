"""``conduit fit-neighbours``: labels in a file become what the policy knn judges by."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.stores.neighbours_file import load_neighbours

from .conftest import Run
from .test_warm_start import BAD, CODE, MODELS, VERSE, rows, written


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set-up that routes among the models of the file."""
    monkeypatch.setenv("CONDUIT_MODELS", ",".join(MODELS))


def test_what_was_fitted_decides_a_route(
    conduit: Run, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of prompt goes to the model whose labels on the nearest queries are best."""
    out = machine / "labels" / "outcomes.knn"
    ran = conduit("fit-neighbours", written(machine / "o.jsonl", rows()), "--out", out)
    assert ran.code == 0
    assert "20 labelled queries of gpt-4o, gpt-4o-mini" in ran.out
    monkeypatch.setenv("CONDUIT_NEIGHBOURS", str(out))
    for prompt, model in ((VERSE, MODELS[0]), (CODE, MODELS[1])):
        said = conduit("route", prompt, "--policy", "knn", "--json").json
        assert said["selected_model"] == model


def test_json_says_what_was_written(conduit: Run, machine: Path) -> None:
    """One object whose digest is that of the file, with the number of neighbours that was asked for."""
    file, out = written(machine / "o.jsonl", rows()), machine / "o.knn"
    said = conduit("fit-neighbours", file, "--out", out, "--k", "3", "--json").json
    read = load_neighbours(out, digest=said["digest"])
    assert (read.k, read.arms, len(read)) == (3, tuple(sorted(MODELS)), 20)
    assert said == {
        "file": str(file),
        "out": str(out),
        "digest": said["digest"],
        "encoder": read.encoder,
        "prompts": 20,
        "models": sorted(MODELS),
        "k": 3,
    }


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_writes_nothing(conduit: Run, machine: Path, case: str) -> None:
    """One line says what is wrong, with exit code 2, as for a warm start."""
    lines, said = BAD[case]
    out = machine / "o.knn"
    ran = conduit("fit-neighbours", written(machine / "bad.jsonl", lines), "--out", out)
    assert (ran.code, said in ran.error) == (2, True)
    assert not out.exists()


def test_no_neighbours_and_no_place_are_refused(conduit: Run, machine: Path) -> None:
    """Zero neighbours, and a folder in the place of a file, end with 2."""
    file = written(machine / "o.jsonl", rows())
    assert conduit("fit-neighbours", file, "--out", machine / "o.knn", "--k", "0").code == 2
    assert not (machine / "o.knn").exists()
    assert conduit("fit-neighbours", file, "--out", machine).code == 2
