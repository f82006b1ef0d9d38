"""The command line on a Supabase project over REST."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.postgres import Databases
from tests.servers.supabase import ANON_KEY, SERVICE_KEY, SupabaseServer

from .conftest import Run


@pytest.fixture
def project(
    databases: Databases, supabase_server: SupabaseServer, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The address of an empty project, which is set up."""
    url = supabase_server.project(databases.new())
    monkeypatch.setenv("SUPABASE_URL", url)
    monkeypatch.setenv("SUPABASE_ANON_KEY", SERVICE_KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-that-is-never-sent")
    return url


def test_a_decision_is_kept_and_rated_in_the_project(
    conduit: Run, database: Path, project: str
) -> None:
    """What one command decides, the next one rates, and a third one knows; no file appears."""
    route = ("route", "What is 2+2?", "--model", "gpt-4o-mini", "--json")
    decided = conduit(*route).json["decision_id"]
    assert conduit("feedback", decided, "--rating", "5", "--json").json["changed"]
    assert not conduit("feedback", decided, "--rating", "5", "--json").json["changed"]
    known = {it["id"]: it["observations"] for it in conduit("models", "--json").json}
    assert known["gpt-4o-mini"] == 1
    assert not database.exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SUPABASE_ANON_KEY", "sb_secret_wrong", "refuses this key; copy the service role's key"),
        ("SUPABASE_ANON_KEY", ANON_KEY, "by row level security; give the service role's key"),
        ("SUPABASE_ANON_KEY", "", "SUPABASE_URL is set and SUPABASE_ANON_KEY is not; set"),
        ("SUPABASE_URL", "", "SUPABASE_ANON_KEY is set and SUPABASE_URL is not; set"),
        ("SUPABASE_URL", "http://127.0.0.1:1/x", "cannot be reached; check SUPABASE_URL"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_is_wrong_with_a_project_is_one_line(
    conduit: Run,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    said: str,
) -> None:
    """The remedy is named, the key is not, the code is 2, and no file is started instead."""
    monkeypatch.setenv(variable, value)
    ran = conduit("route", "hi")
    assert ran.code == 2
    assert said in ran.error
    assert "sb_" not in ran.error.replace("sb_secret_…", "")
    assert not database.exists()
