"""``./migrate.sh``, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conduit.stores.sql_schema import HEAD

SCRIPT = Path(__file__).parents[2] / "migrate.sh"


def _run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHON": sys.executable,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    return subprocess.run(
        [str(SCRIPT), *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_whole_visit(tmp_path: Path) -> None:
    """Without an argument it migrates the SQLite file up; status, down and up do what they say."""
    path = tmp_path / "own data" / "conduit.db"
    for arguments, said in (
        (("status",), "does not exist yet"),
        ((), f"is now at revision {HEAD} (before: empty)"),
        (("status",), f"is up to date at revision {HEAD}"),
        (("down",), f"(before: {HEAD})"),
        (("up",), f"is now at revision {HEAD}"),
    ):
        done = _run(tmp_path, *arguments, CONDUIT_DATABASE_PATH=str(path))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(str(path))
        assert said in done.stdout
        assert done.stdout.count("\n") == 1


def test_it_is_plain_sh_and_executable() -> None:
    """Any POSIX shell runs it."""
    assert SCRIPT.read_text().startswith("#!/bin/sh\n")
    assert SCRIPT.stat().st_mode & 0o111 == 0o111
    subprocess.run(["/bin/sh", "-n", str(SCRIPT)], check=True)


def test_the_readmes_placeholder_is_one_line(tmp_path: Path) -> None:
    """DATABASE_URL copied with [password] in it is an error that says what to put there."""
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgresql://postgres.your-project:[password]"
        "@aws-0-region.pooler.supabase.com:6543/postgres\n"
    )
    done = _run(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "[password]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """No traceback reaches the user."""
    (tmp_path / "notes.txt").write_text("no database at all\n" * 50)
    done = _run(tmp_path, CONDUIT_DATABASE_PATH=str(tmp_path / "notes.txt"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "is not a database" in done.stderr


def test_a_python_without_conduit_is_one_line(tmp_path: Path) -> None:
    """Where nothing is installed yet, it says what to run first."""
    done = _run(tmp_path, PYTHON="/usr/bin/false")
    assert (done.returncode, done.stdout) == (2, "")
    assert "make install" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_virtual_environment_of_the_project_comes_first(tmp_path: Path) -> None:
    """A copy of the script beside a .venv runs that one's python, unless PYTHON names another."""
    script = tmp_path / "migrate.sh"
    script.write_text(SCRIPT.read_text())
    script.chmod(0o755)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$0 $*"\n')
    python.chmod(0o755)
    other = tmp_path / "other"
    other.write_text(python.read_text())
    other.chmod(0o755)
    for chosen, environ in ((python, {}), (other, {"PYTHON": str(other)})):
        done = subprocess.run(
            [str(script), "status"],
            env={"PATH": "/usr/bin:/bin"} | environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"{chosen} -m conduit.cli.migrate status\n" in done.stdout
