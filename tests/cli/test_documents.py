"""Every command and program that the documents print works as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conduit.cli.main import main

from .conftest import PRICES, ROOT, Served
from .demo_data import write_parquet
from .log_data import write_log

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "AGENTS.md",
    *sorted(ROOT.glob("docs/*.md")),
    ROOT / "migrations/DEPLOYMENT.md",
]
SET_UP = {
    # What `make` itself runs, or a fresh clone's own set-up; .ci/run goes through them.
    "python3 -m venv .venv",
    "source .venv/bin/activate",
    "pip install -e .",
    'pip install -e ".[dev]"',
    "pytest --cov=conduit",
    "mypy conduit/",
    "ruff check conduit/",
    "black --check conduit/",
}


def blocks(language: str) -> list[tuple[str, str]]:
    """(document, text) of every fenced block of a language."""
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(path.name, text) for path in DOCUMENTS for text in fence.findall(path.read_text())]


def commands() -> list[str]:
    """Every line of every bash block, comments and settings apart."""
    lines = [
        line.split("  #")[0].strip() for _, text in blocks("bash") for line in text.splitlines()
    ]
    return [
        line
        for line in dict.fromkeys(lines)
        if line and not line.startswith("#") and not re.match(r"(export )?[A-Z_]+=\S*$", line)
    ]


CONDUIT = [line for line in commands() if re.search(r"(^|\| )conduit ", line)]
OTHERS = [line for line in commands() if line not in CONDUIT]


@pytest.mark.parametrize("line", CONDUIT)
@pytest.mark.usefixtures("openai")
def test_a_documented_command_succeeds(line: str, machine: Path, database: Path) -> None:
    """Each line of the documents that calls conduit ends with exit code 0."""
    if "evaluate" in line:
        write_log(database)
    if "conduit db" in line:
        write_log(database, decisions=10)
    if "db import" in line:
        assert main(["db", "export", str(machine / "learned.zip")]) == 0
    folder = machine / "bin"
    folder.mkdir()
    write_parquet(machine / "outcomes.parquet", models=tuple(PRICES))
    shim = folder / "conduit"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conduit "$@"\n')
    shim.chmod(0o755)
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


@pytest.mark.parametrize("line", OTHERS)
def test_a_documented_set_up_line_is_one_that_is_run(line: str) -> None:
    """make targets exist; anything else is part of the set-up that a fresh clone goes through."""
    if line.startswith("make "):
        target = line.split()[1]
        assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert line in SET_UP or (ROOT / line.split(maxsplit=1)[0]).is_file()


@pytest.mark.parametrize(("name", "program"), blocks("python"))
def test_a_documented_program_runs(name: str, program: str, machine: Path, openai: Served) -> None:
    """Each python block of the documents is a whole program that runs."""
    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, f"{name}: {ran.stderr}"
    assert ran.stdout
