"""Every example runs, offline, as a user would start it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.conduit.test_snippets import ROOT, python

EXAMPLES = sorted(ROOT.glob("examples/*/*.py"))

SAYS = {
    "hello_world.py": "Route to: ",
    "simple_router.py": "Four.",
    "one_line.py": "gpt-4o-mini: $",
    "providers.py": "cheapest: google/gemini-3-flash-preview",
    "basic_routing.py": "[cost] Prove that the square root of 2 is irrational.",
    "hot_swap.py": "It comes back, with all that was learned of it.",
    "with_constraints.py": "no model fits max_cost=$0",
    "caching.py": "5 misses, 10 hits",
    "explicit_feedback.py": "a sonnet for the moon",
    "implicit_feedback.py": "learned retry of",
    "combined_feedback.py": "credited to large",
    "service.py": "4 answers, 3 ratings",
    "monitoring.py": "/health/ready: ok",
    "folder.py": "second run: haiku.md.prompt.md skipped",
    "telemetry.py": 'result="rate_limit"} 1.0',
}


def test_the_service_has_a_key_of_its_own(tmp_path: Path) -> None:
    """A key that the user's own server asks for does not lock the example out."""
    (tmp_path / ".env").write_text("CONDUIT_API_KEY=a-key-of-the-user\n")
    example = ROOT / "examples" / "04_production" / "service.py"
    ran = python(example.read_text(), tmp_path, CONDUIT_ENCODER="hashing")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert SAYS["service.py"] in ran.stdout


def test_a_key_of_openrouter_alone_is_no_model(tmp_path: Path) -> None:
    """Its models have to be named: until one is, scripted answers stand in."""
    example = ROOT / "examples" / "01_quickstart" / "simple_router.py"
    key = {"OPENROUTER_API_KEY": "a-key-that-is-never-sent"}
    ran = python(example.read_text(), tmp_path, CONDUIT_ENCODER="hashing", **key)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert SAYS["simple_router.py"] in ran.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_and_says_what_it_shows(example: Path, tmp_path: Path) -> None:
    """Exit code 0, nothing on standard error, and the line it exists for."""
    ran = python(example.read_text(), tmp_path, CONDUIT_ENCODER="hashing")
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    assert SAYS[example.name] in ran.stdout


INVENTED = [
    path
    for path in EXAMPLES
    if not {"Router()", "Router(seed=0)"} & set(re.findall(r"Router\([^)]*\)", path.read_text()))
]
"""Examples that do more than decide among the models of the machine."""


@pytest.mark.parametrize("example", INVENTED, ids=lambda path: path.name)
def test_an_example_leaves_no_mark_on_the_database_of_the_machine(
    example: Path, tmp_path: Path
) -> None:
    """With DATABASE_URL set, neither invented models nor invented costs get there."""
    url = f"sqlite:///{tmp_path / 'real.db'}"
    ran = python(example.read_text(), tmp_path, CONDUIT_ENCODER="hashing", DATABASE_URL=url)
    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "real.db").exists()
