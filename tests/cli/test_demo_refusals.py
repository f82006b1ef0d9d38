"""``conduit demo`` and what it refuses: one line, exit code 2, and nothing lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Run, contents
from .demo_data import write_parquet

BAD = (
    (("--limit", "0"), "limit=0"),
    (("--limit", "-3"), "limit=-3"),
    (("--budget", "0"), "budget=0"),
    (("--budget", "-1"), "budget=-1"),
    (("--budget", "nan"), "budget=nan"),
    (("--budget", "inf"), "budget=inf"),
    (("--budget", "0.00001"), "llama-3.1-8b-instruct"),
    (("--quality-target", "95"), "quality_target=95"),
    (("--quality-target", "0"), "quality_target=0"),
    (("--quality-target", "0.9", "--budget", "0.001"), "quality_target=0.9"),
    (("--policy", "nonsense"), "nonsense"),
    (("--policy", "fixed:nobody"), "nobody"),
    (("--optimize-for", "fame"), "fame"),
    (("--optimize-for", "speed"), "speed"),
    (("--seed", "-1"), "seed=-1"),
    (("--data", "nowhere.parquet"), "nowhere.parquet"),
    (("--database", "postgresql://host/name"), "postgresql://host/name"),
    (("--encoder", "nonsense"), "nonsense"),
)
"""Arguments, and what the error names."""


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture takes longer than all the rest, and has tests of its own."""
    monkeypatch.setattr("conduit.cli.demo.draw", lambda _: None)


def test_bad_input_is_one_line_and_leaves_what_was_learned(conduit: Run, machine: Path) -> None:
    """Even with --fresh, an error deletes nothing."""
    conduit("demo", "--json", "--limit", "3")
    database = machine / "data" / "demo.db"
    before = contents(database)
    for arguments, named in BAD:
        ran = conduit("demo", "--json", "--limit", "3", "--fresh", *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        error = ran.err.splitlines()[-1]
        assert error.startswith("error: ")
        assert named in error
        assert contents(database) == before


def test_speed_without_latency_says_what_is_missing(conduit: Run, tmp_path: Path) -> None:
    """The setting counts like the option, and the error names latency."""
    path = write_parquet(tmp_path / "made.parquet")
    assert "latency" in conduit("demo", "--data", path, "--optimize-for", "speed").error


def test_speed_from_the_settings_is_refused_as_well(
    conduit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the wish comes from makes no difference."""
    monkeypatch.setenv("CONDUIT_OPTIMIZE_FOR", "speed")
    assert "latency" in conduit("demo", "--limit", "3").error


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
@pytest.mark.parametrize("kind", ["text", "sqlite", "service"])
def test_a_file_that_is_no_demo_database_is_neither_used_nor_deleted(
    conduit: Run, tmp_path: Path, kind: str, fresh: tuple[str, ...]
) -> None:
    """Notes, another program's database and the service's own stay byte for byte."""
    path = tmp_path / "theirs.db"
    if kind == "text":
        path.write_text("notes that took a year to write")
    elif kind == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE precious (value)")
    else:
        assert conduit("route", "What is 2+2?", "--database", path).code == 0
    before = path.read_bytes()
    ran = conduit("demo", "--limit", "3", "--database", path, *fresh)
    assert ran.code == 2
    assert "is not a database of the demo" in ran.error
    assert path.read_bytes() == before


def test_the_services_database_is_refused_even_before_it_exists(
    conduit: Run, database: Path
) -> None:
    """The demo never plants its file where the service will look."""
    ran = conduit("demo", "--limit", "3", "--database", database)
    assert ran.code == 2
    assert "service" in ran.error
    assert not database.exists()


def test_a_place_that_can_be_no_file_is_an_error(conduit: Run, tmp_path: Path) -> None:
    """A file where a folder should be, or a folder where a file should be."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for place in ("file/demo.db", "folder"):
        ran = conduit("demo", "--limit", "3", "--database", tmp_path / place, "--fresh")
        assert ran.code == 2
        assert "cannot be read" in ran.error
    assert (tmp_path / "folder").is_dir()


def test_an_empty_file_may_become_a_demo_database(conduit: Run, tmp_path: Path) -> None:
    """A name reserved by a temporary file is free to use."""
    path = tmp_path / "reserved.db"
    path.touch()
    assert conduit("demo", "--json", "--limit", "3", "--database", path).json["prompts"] == 3
    assert conduit("demo", "--json", "--limit", "3", "--database", path).json["in_sample"]


def test_fresh_deletes_the_database_and_nothing_beside_it(conduit: Run, tmp_path: Path) -> None:
    """Neighbours keep their bytes; only the file and its own -wal and -shm go."""
    path = tmp_path / "mine.db"
    conduit("demo", "--limit", "3", "--database", path)
    neighbour = tmp_path / "mine.db.backup"
    neighbour.write_bytes(path.read_bytes())
    assert conduit("demo", "--json", "--limit", "3", "--database", path, "--fresh").code == 0
    assert neighbour.exists()


def test_another_encoder_is_refused_and_keeps_what_was_learned(conduit: Run, machine: Path) -> None:
    """State learned in one layout is never read in another."""
    conduit("demo", "--limit", "3")
    database = machine / "data" / "demo.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE meta SET layout = 'another-encoder/x', dim = 7")
    before = contents(database)
    ran = conduit("demo", "--json", "--limit", "3")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert contents(database) == before


def test_missing_weights_are_an_error_that_says_how_to_get_them(
    conduit: Run, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for meaning where there is none to be had, --fresh still deletes nothing."""
    conduit("demo", "--limit", "3")
    before = contents(machine / "data" / "demo.db")
    monkeypatch.setattr(
        "conduit.features.encoders.opening.missing_libraries", lambda _: ("onnxruntime",)
    )
    ran = conduit("demo", "--limit", "3", "--fresh", "--encoder", "minilm")
    assert ran.code == 2
    assert "pip install" in ran.err.splitlines()[-1]
    assert contents(machine / "data" / "demo.db") == before
