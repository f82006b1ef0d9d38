"""The command behind ``./migrate.sh``, called in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.cli.migrate import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and a home of its own, with no variable set."""
    for name in ("DATABASE_URL", "SUPABASE_URL", "CONDUIT_DATABASE_URL", "CONDUIT_DATABASE_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONDUIT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_default_is_the_file_in_the_data_folder(folder: Path) -> None:
    """With no address set it uses the user's file, and makes its folder."""
    assert main([]) == 0
    assert (folder / "data" / "conduit.db").is_file()


def test_env_file_names_the_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL is read from .env; the environment wins over it."""
    (folder / ".env").write_text(f"DATABASE_URL=sqlite:///{folder}/from_file.db\n")
    assert main(["up"]) == 0
    assert (folder / "from_file.db").is_file()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder}/other.db")
    assert main(["up"]) == 0
    assert (folder / "other.db").is_file()


def test_sql_is_printed_for_the_database_in_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL's statements are printed without a server and without the password."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@localhost:1/x")
    assert main(["sql"]) == 0
    printed = capsys.readouterr().out
    assert "JSONB" in printed
    assert "secret" not in printed


def test_an_error_is_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done is said on standard error."""
    monkeypatch.setenv("DATABASE_URL", "mysql://root@localhost/x")
    assert main(["status"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("migrate.sh: databases of kind 'mysql'")
    assert printed.err.count("\n") == 1


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """--help names every command and where the database comes from."""
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = capsys.readouterr().out
    for word in ("up", "down", "status", "sql", "DATABASE_URL", "dropped"):
        assert word in printed


def test_an_unknown_command_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no command is shown."""
    with pytest.raises(SystemExit, match="2"):
        main(["sideways"])
    assert "sideways" in capsys.readouterr().err


def test_a_project_over_rest_is_not_migrated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only Supabase over REST is set up, no file is made and the line says what to do."""
    monkeypatch.setenv("SUPABASE_URL", "https://name.supabase.co")
    assert main(["up"]) == 2
    assert "set DATABASE_URL" in capsys.readouterr().err
    assert not (folder / "data").exists()
