"""The server of Conductor's README: its lines unchanged but for the app's name, the port and the key."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
KEY = "sesame-1234"

OPTIONS = """
export CONDUCTOR_DB_PATH="conductor.db"
export CONDUCTOR_API_KEY="your-api-key"  # if set, require X-API-Key header
"""
SERVE = "uvicorn conduit.api.main:app --host 0.0.0.0 --port 0"
REQUEST = r"""
curl -X POST http://localhost:8000/llm \
  -H "Content-Type: application/json" \
  -H "X-API-Key: your-api-key" \
  -d '{"prompt":"Summarize this note","quality":"auto"}'
"""


class Machine:
    """Where somebody follows the README.

    Args:
        folder: they work in.
    """

    def __init__(self, folder: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
        self.folder = folder
        self.environ = kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CURL_HOME": str(folder),
            "CONDUIT_OFFLINE": "1",
            "CONDUIT_ENCODER": "hashing",
            "CONDUIT_DATA_DIR": str(folder / "data"),
            "CONDUIT_CACHE_DIR": str(folder / "cache"),
        }

    def start(self, lines: str) -> subprocess.Popen[str]:
        """Run some lines of a shell; the last one becomes the process."""
        return subprocess.Popen(
            ["bash", "-c", lines.replace("your-api-key", KEY)],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def curl(self, lines: str) -> tuple[int, Any]:
        """Run a request; its status and its JSON."""
        asked = self.start(f'{lines.strip()} -s -w "\\n%{{http_code}}"')
        out, err = asked.communicate(timeout=60)
        assert asked.returncode == 0, err
        body, _, status = out.rpartition("\n")
        return int(status), json.loads(body)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the server of the README runs; its port 8000 is the one that was free."""
    machine = Machine(tmp_path_factory.mktemp("conductor"))
    server = machine.start(f"{OPTIONS}\nexec {SERVE}")
    assert server.stderr is not None
    said = ""
    try:
        while not (found := re.search(r"running on http://\S+:(\d+)", said)):
            line = server.stderr.readline()
            assert line, said
            said += line
        (machine.folder / ".curlrc").write_text(
            f'connect-to = "localhost:8000:127.0.0.1:{found[1]}"\nnoproxy = "*"\n'
        )
        yield machine
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_the_request_of_the_readme_is_answered(machine: Machine) -> None:
    """The curl of the README gets the fields of Conductor's Response, as printed there."""
    status, said = machine.curl(REQUEST)
    assert status == 200, said
    assert said["text"]
    assert said["model"] in {"scripted-small", "scripted-medium", "scripted-large"}
    for name in ("cost", "saved", "baseline_cost"):
        assert isinstance(said[name], float)
    for name in ("prompt_tokens", "completion_tokens"):
        assert isinstance(said[name], int)
    assert said["cost"] > 0
    assert said["saved"] == pytest.approx(said["baseline_cost"] - said["cost"])


@pytest.mark.parametrize("header", ["X-API-Key: wrong", "X-Something: else"])
def test_the_key_is_required_where_it_is_set(machine: Machine, header: str) -> None:
    """Without the key of CONDUCTOR_API_KEY as X-API-Key the answer is 401, with a detail."""
    status, said = machine.curl(REQUEST.replace("X-API-Key: your-api-key", header))
    assert status == 401
    assert "X-API-Key" in said["detail"]
    assert KEY not in said["detail"]


def test_what_was_spent_is_in_the_file_that_was_named(machine: Machine) -> None:
    """CONDUCTOR_DB_PATH names the SQLite file that cost records are kept in."""
    status, said = machine.curl(REQUEST)
    assert status == 200
    path = machine.folder / "conductor.db"
    with closing(sqlite3.connect(path)) as books:
        rows = books.execute("SELECT decision_id FROM costs").fetchall()
    assert (said["decision_id"],) in rows
