"""Every command and program that the documents print works as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conduit.cli.main import main
from conduit.settings import SETTINGS

from ..batch.answering import write
from ..providers.fake_tools import install
from .conftest import PRICES, ROOT, Served
from .cost_data import some_costs, write_costs
from .demo_data import write_parquet
from .log_data import write_log
from .serving import served
from .test_train_router import TIERS, written
from .test_train_router import rows as labels

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "AGENTS.md",
    *sorted(ROOT.glob("docs/*.md")),
    ROOT / "migrations/DEPLOYMENT.md",
]
ONE_LINE = re.compile(
    r"^(import conduit as o|from conduit import .*\b(allm|llm|llm_dry_run)\b)", re.M
)
"""Programs of the one-line faces, which call whatever the machine has: they are run offline."""
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


def links() -> list[tuple[Path, str]]:
    """(document, target) of every link that leads to a file of ours, or to a heading."""
    link = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
    return [
        (path, to) for path in DOCUMENTS for to in dict.fromkeys(link.findall(path.read_text()))
    ]


def anchors(document: Path) -> set[str]:
    """What the headings of a document are called in links."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("document", "target"), links(), ids=lambda it: getattr(it, "name", it))
def test_a_link_leads_somewhere(document: Path, target: str) -> None:
    """The file is there, and so is the heading."""
    name, _, anchor = target.partition("#")
    found = document.parent / name if name else document
    assert found.exists()
    assert not anchor or anchor in anchors(found)


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


SERVING = [line for line in commands() if line.startswith("conduit serve")]
ASKING = [line for line in commands() if line.startswith("curl ")]
CONDUIT = [
    line for line in commands() if re.search(r"(^|\| )conduit ", line) and line not in SERVING
]
OTHERS = [line for line in commands() if line not in (*CONDUIT, *SERVING, *ASKING)]
KEPT = {"CONDUIT_DATA_DIR", "CONDUIT_CACHE_DIR", "CONDUIT_ENCODER"}
"""Settings of the test's own machine, which holds offline, too."""
ADDRESS = "http://127.0.0.1:8000"
"""Where the documents say that the server is."""
KEYS = {"CONDUIT_API_KEY": "a-key-of-yours", "CONDUIT_ADMIN_KEY": "an-admin-s"}


@pytest.mark.parametrize("line", CONDUIT)
@pytest.mark.usefixtures("openai")
def test_a_documented_command_succeeds(line: str, machine: Path, database: Path) -> None:
    """Each line of the documents that calls conduit ends with exit code 0."""
    if "evaluate" in line:
        write_log(database)
    if "conduit report" in line:
        write_costs(database, *some_costs())
    if "conduit db" in line:
        write_log(database, decisions=10)
    if "db import" in line:
        assert main(["db", "export", str(machine / "learned.zip")]) == 0
    if "conduit batch" in line:
        write(machine / "prompts", note__md="What is 2+2?", sum__json="And 3+3?")
    folder = install(machine / "bin")
    write_parquet(machine / "outcomes.parquet", models=tuple(PRICES))
    written(machine / "labels.jsonl", labels(TIERS))
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


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that answers offline, and asks for keys."""
    folder = tmp_path_factory.mktemp("gateway")
    own = KEYS | {"CONDUIT_DATA_DIR": str(folder), "CONDUIT_ENCODER": "hashing"}
    with served("--offline", environ=own) as url:
        yield url


@pytest.mark.parametrize("line", SERVING)
@pytest.mark.usefixtures("openai")
def test_a_documented_server_serves(line: str) -> None:
    """Each line that starts a server starts one that is ready, and that ends well."""
    with served(*line.split()[2:]) as url:
        assert httpx.get(f"{url}/health/ready").status_code == 200


@pytest.mark.parametrize("line", ASKING)
def test_a_documented_request_is_answered(line: str, gateway: str) -> None:
    """Each line that calls curl gets an answer that is no error, in the order of the document."""
    ran = subprocess.run(
        ["bash", "-c", line.replace(ADDRESS, gateway)],
        env=os.environ | KEYS,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
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
def test_a_documented_program_runs(
    name: str, program: str, machine: Path, openai: Served, gateway: str
) -> None:
    """Each python block of the documents is a whole program that runs."""
    offline = name in ("ONE_LINE.md", "PROVIDERS.md") or ONE_LINE.search(program) is not None
    ran = printed(program.replace(ADDRESS, gateway), offline=offline)
    assert ran.returncode == 0, f"{name}: {ran.stderr}"
    assert ran.stdout


def shown() -> list[tuple[str, str]]:
    """Programs of the documents and what these say that they print."""
    fence = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [pair for path in DOCUMENTS for pair in fence.findall(path.read_text())]


@pytest.mark.parametrize(("program", "said"), shown())
@pytest.mark.usefixtures("machine")
def test_a_documented_program_prints_what_is_shown(program: str, said: str) -> None:
    """Offline, on a new machine, to the letter."""
    ran = printed(program, offline=True)
    assert ran.stdout == said, ran.stderr


def printed(program: str, *, offline: bool) -> subprocess.CompletedProcess[str]:
    """Run a program as it stands, with no key but those of the test, or with none and offline."""
    ours = {"CONDUIT_OFFLINE": "1"} if offline else {}
    left_out = {it for setting in SETTINGS for it in setting.variables} - KEPT if offline else set()
    return subprocess.run(
        [sys.executable, "-c", program],
        env={name: value for name, value in os.environ.items() if name not in left_out} | ours,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
