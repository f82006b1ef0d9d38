"""``conduit warm-start``: labelled outcomes in a file decide from the first request on."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from .conftest import Run, contents

MODELS = ("gpt-4o-mini", "gpt-4o")
VERSE, CODE = "write a ballad about autumn rain", "def parse(line): return line.split()"


def rows(models: tuple[str, ...] = MODELS) -> list[dict[str, Any]]:
    """The first model is good at verse and the last one at code, ten times each."""
    return [
        {
            "query_id": f"{kind}{turn}",
            "query_text": text + "!" * turn,
            "model": model,
            "quality": 0.95 if (kind == "v") == (model == models[0]) else 0.05,
            "cost_usd": 1e-4,
            "latency_s": 2.0 if turn else None,
        }
        for kind, text in (("v", VERSE), ("c", CODE))
        for turn in range(10)
        for model in models
    ]


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set-up that routes among the models of the file."""
    monkeypatch.setenv("CONDUIT_MODELS", ",".join(MODELS))


def test_what_a_file_says_decides_the_next_route(conduit: Run, machine: Path) -> None:
    """Verse and code go to the models that the file says are good at them, by quality."""
    file = written(machine / "outcomes.jsonl", rows())
    ran = conduit("warm-start", file)
    assert (ran.code, ran.err) == (0, "Encoding 20 prompts …\n")
    assert "learned from 20 labelled prompts, at most 1000 ratings each" in ran.out
    assert [line.split()[1:] for line in ran.out.splitlines() if line.startswith("gpt")] == [
        ["20", "20", "-", "18"]
    ] * 2
    for prompt, model in ((VERSE, MODELS[0]), (CODE, MODELS[1])):
        decision = conduit("route", prompt, "--policy", "best", "--json").json
        assert decision["selected_model"] == model
        assert decision["estimates"][model]["mean"] > 0.7
        assert decision["estimates"][model]["observations"] == 20


def test_json_says_what_was_learned_and_where(conduit: Run, machine: Path, database: Path) -> None:
    """One object with the weights that were added; the second time nothing changes."""
    file = written(machine / "outcomes.jsonl", rows())
    first = conduit("warm-start", file, "--n-eff", "4", "--json").json
    before = contents(database)
    assert first["changed"] is True
    assert first["evidence"]["gpt-4o"] == {"quality": 4.0, "cost": 4.0, "latency": 4.0}
    assert (first["prompts"], first["n_eff"]) == (20, 4.0)
    assert first["database"] == str(database)
    second = conduit("warm-start", file, "--n-eff", "4", "--json").json
    assert second == first | {"changed": False, "evidence": {}}
    assert contents(database) == before
    said = conduit("warm-start", file, "--n-eff", "4").out
    assert said.startswith(f"nothing changed: {database} learned these outcomes on 20")


def test_another_database_is_another_memory(conduit: Run, machine: Path, database: Path) -> None:
    """--database names where the evidence goes, and nowhere else does."""
    file = written(machine / "outcomes.jsonl", rows())
    assert conduit("warm-start", file, "--database", machine / "own.db").code == 0
    assert not database.exists()
    learned = conduit("route", CODE, "--database", machine / "own.db", "--json").json
    assert learned["estimates"]["gpt-4o"]["observations"] == 20


def test_models_that_route_leaves_out_are_pointed_out(
    conduit: Run, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence on a model that is not chosen from is kept, and said to be of no use yet."""
    monkeypatch.setenv("CONDUIT_MODELS", MODELS[0])
    ran = conduit("warm-start", written(machine / "o.jsonl", rows()))
    assert ran.code == 0
    assert "warning: not chosen from by 'conduit route' as it is set up: gpt-4o\n" in ran.err


def broken(**changes: Any) -> list[dict[str, Any]]:
    """The rows with the first of them changed."""
    return [rows()[0] | changes, *rows()[1:]]


BAD = {
    "a missing column": (
        [{k: v for k, v in row.items() if k != "quality"} for row in rows()],
        "column 'quality' is missing",
    ),
    "unknown models": (rows(("gpt-4o", "x-1", "x-2")), "unknown models 'x-1', 'x-2'"),
    "a reward above 1": (broken(quality=1.5), "quality=1.5 of query 'v0' and model 'gpt-4o-mini'"),
    "a reward below 0": (broken(quality=-0.5), "quality=-0.5"),
    "a reward that is no number": (broken(quality=float("nan")), "quality=nan in row 0"),
    "a negative cost": (broken(cost_usd=-1), "cost_usd=-1.0"),
    "a hole": (rows()[1:], "has no row for model 'gpt-4o-mini'"),
    "nothing": ([], "0 rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_leaves_the_database_as_it_was(
    conduit: Run, machine: Path, database: Path, case: str
) -> None:
    """One line says what is wrong, with exit code 2; a database is neither changed nor made."""
    lines, said = BAD[case]
    bad, good = written(machine / "bad.jsonl", lines), written(machine / "good.jsonl", rows())
    ran = conduit("warm-start", bad)
    assert (ran.code, said in ran.error) == (2, True)
    assert not database.exists()
    conduit("warm-start", good)
    before = contents(database)
    assert conduit("warm-start", bad).code == 2
    assert contents(database) == before


@pytest.mark.parametrize("n_eff", ["0", "-3", "nan", "many"])
def test_a_weight_that_is_none_is_refused(conduit: Run, machine: Path, n_eff: str) -> None:
    """n_eff must be a number above 0."""
    ran = conduit("warm-start", written(machine / "o.jsonl", rows()), "--n-eff", n_eff)
    assert ran.code == 2
    assert n_eff in ran.error


def test_outcomes_that_all_count_travel(conduit: Run, machine: Path) -> None:
    """Without a limit n_eff is "all", in what is said and in exports; older ones have Infinity."""
    said = conduit("warm-start", written(machine / "o.jsonl", rows()), "--n-eff", "inf", "--json")
    assert (said.code, said.json["n_eff"]) == (0, "all")
    assert conduit("db", "export", machine / "new.zip").code == 0
    with ZipFile(machine / "new.zip") as new, ZipFile(machine / "old.zip", "w") as old:
        for name in new.namelist():
            old.writestr(name, new.read(name).replace(b'"n_eff": "all"', b'"n_eff": Infinity'))
    with ZipFile(machine / "old.zip") as old:
        assert b"Infinity" in old.read("manifest.json")
    for file in ("new.zip", "old.zip"):
        taken = conduit("db", "import", machine / file, "--database", f"{file}.db", "--json")
        assert (taken.code, taken.json["changed"]) == (0, True)


def test_state_of_another_layout_is_refused(conduit: Run, machine: Path, database: Path) -> None:
    """A database whose contexts mean something else is left as it was."""
    conduit("route", "hello")
    connection = sqlite3.connect(database)
    connection.execute("UPDATE meta SET layout = 'another/encoder'")
    connection.commit()
    connection.close()
    before = contents(database)
    ran = conduit("warm-start", written(machine / "o.jsonl", rows()))
    assert ran.code == 2
    assert "the stored state is of layout 'another/encoder'" in ran.err.splitlines()[-1]
    assert contents(database) == before


def test_a_file_that_is_not_there_is_named(conduit: Run) -> None:
    """No traceback, and no database."""
    ran = conduit("warm-start", "nowhere.parquet")
    assert (ran.code, "'nowhere.parquet' cannot be read" in ran.error) == (2, True)


def test_a_terminal_sees_a_bar(machine: Path) -> None:
    """Where standard error is a terminal, a bar counts the prompts that are encoded."""
    file = written(machine / "o.jsonl", rows())
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "conduit", "warm-start", str(file), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # Linux answers EIO where the other end is closed
        while more := os.read(ours, 4096):
            seen += more
    os.close(ours)
    assert b"20/20" in seen
    assert json.loads(done.stdout)["changed"] is True
