"""The calls that the first README of Conduit printed, unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

MINIMAL = """
# Minimal example - just 5 lines!
import asyncio
from conduit.engines.router import Router
from conduit.core.models import Query

async def main():
    router = Router()
    decision = await router.route(Query(text="What is 2+2?"))
    print(f"Route to: {decision.selected_model} (confidence: {decision.confidence:.0%})")

asyncio.run(main())
"""

ENV_FILE = """
# LLM Provider API Keys (at least one required)
OPENAI_API_KEY=your_openai_key_here
ANTHROPIC_API_KEY=your_anthropic_key_here
GOOGLE_API_KEY=your_google_key_here
GROQ_API_KEY=your_groq_key_here

# Supabase (required)
SUPABASE_URL=https://your-project.supabase.co
SUPABASE_ANON_KEY=your_anon_key_here

# Redis (optional - Phase 2+)
REDIS_URL=redis://localhost:6379

# Application
LOG_LEVEL=INFO
ENVIRONMENT=development
"""


def python(code: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder of its own, with nothing but what a new user has."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "SYSTEMROOT", "TMPDIR")}
    own = {"CONDUIT_CACHE_DIR": str(folder / "cache"), "CONDUIT_DATA_DIR": str(folder / "data")}
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=folder,
        env=kept | own | {"PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_minimal_example_runs_without_a_key(tmp_path: Path) -> None:
    """The five lines print a model and a confidence, with nothing set up."""
    ran = python(MINIMAL, tmp_path, CONDUIT_ENCODER="hashing")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Route to: ")
    assert ran.stdout.strip().endswith("%)")


def test_the_env_file_with_its_placeholders_counts_as_unset(tmp_path: Path) -> None:
    """The README's .env, pasted as it is, warns about each placeholder and routes all the same."""
    (tmp_path / ".env").write_text(ENV_FILE)
    ran = python(MINIMAL, tmp_path, CONDUIT_ENCODER="hashing")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Route to: ")
    for variable in ("OPENAI_API_KEY", "GROQ_API_KEY"):
        assert variable in ran.stderr
    assert "your_openai_key_here" not in ran.stderr


def test_the_literal_password_placeholder_is_one_clear_line(tmp_path: Path) -> None:
    """A DATABASE_URL that still contains [password] says so, without a traceback at the command."""
    url = "postgresql://postgres.your-project:[password]@aws-0-region.pooler.supabase.com:6543/postgres"
    code = "import sys; from conduit.cli.main import main; sys.argv = ['conduit', 'route', 'hi']; sys.exit(main())"
    ran = python(code, tmp_path, DATABASE_URL=url, CONDUIT_ENCODER="hashing")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "[password]" in ran.stderr


@pytest.mark.parametrize(
    "path",
    [
        "examples/01_quickstart/hello_world.py",
        "examples/01_quickstart/simple_router.py",
        "examples/02_routing/basic_routing.py",
        "examples/02_routing/with_constraints.py",
        "examples/03_optimization/explicit_feedback.py",
        "examples/03_optimization/implicit_feedback.py",
        "examples/03_optimization/combined_feedback.py",
        "migrations/DEPLOYMENT.md",
        "migrations/001_initial_schema.sql",
        "migrate.sh",
        "docs/ARCHITECTURE.md",
        "AGENTS.md",
        "LICENSE",
    ],
)
def test_the_files_that_the_readme_names_exist(path: str) -> None:
    """Whoever follows a link of the README finds what it promises."""
    assert (ROOT / path).is_file()
